import numpy as np
import pytest

from commonfate.datasets.sprites import warps

POINTS = np.stack(np.meshgrid(np.linspace(-112, 112, 15), np.linspace(-64, 64, 9)))


def test_apply_by_hand():
    warp = np.array([[1.0, 2, 3, 4, 5, 6], [-1, 0, 1, 0, 0.5, 0]])
    x, y = 2.0, -1.0
    expected = [1 + 2 * x + 3 * y + 4 * x * x + 5 * x * y + 6 * y * y, -1 + y + 0.5 * x * y]
    np.testing.assert_allclose(warps.apply(warp, np.array([[x], [y]]))[:, 0], expected)


def test_affine_is_its_matrix_and_offset():
    matrix, offset = np.array([[2.0, 1], [0, 3]]), np.array([5.0, -7])
    warp = warps.affine(matrix, offset)
    assert warps.is_affine(warp)
    np.testing.assert_allclose(
        warps.apply(warp, POINTS),
        np.einsum("ij,jkl->ikl", matrix, POINTS) + offset[:, None, None],
    )


def test_affine_is_inverted_in_closed_form():
    # x -> 2 x + 10, y -> y / 4 - 1
    warp = warps.affine(np.diag([2.0, 0.25]), np.array([10.0, -1]))
    np.testing.assert_allclose(warps.invert(warp, np.array([[12.0], [0]])), [[1.0], [4]])


@pytest.mark.parametrize("seed", range(8))
def test_newton_ends_far_below_a_millionth_of_a_pixel(seed):
    rng = np.random.default_rng(seed)
    linear = np.eye(2) + rng.uniform(-0.1, 0.1, (2, 2))
    warp = warps.affine(linear, rng.uniform(-40, 40, 2))
    # As strong as a camera's bend at most, 4.5 pixels in each term at the corners, and more.
    warp[:, 3:] = rng.uniform(-1, 1, (2, 3)) * 7 / 129**2
    values = warps.apply(warp, POINTS)
    inverse = warps.invert(warp, values)
    assert np.abs(warps.apply(warp, inverse) - values).max() < 1e-9
    assert np.abs(inverse - POINTS).max() < 1e-9
