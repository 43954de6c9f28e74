import numpy as np
import pytest

from commonfate.datasets.sprites import shapes
from commonfate.datasets.sprites.shapes import Shape


def draws(family):
    return [shapes.draw(family, 2500.0, np.random.default_rng(seed)) for seed in range(6)]


def grid(reach, count=201):
    axis = np.linspace(-reach, reach, count)
    return np.stack(np.meshgrid(axis, axis)), axis[1] - axis[0]


def test_distance_to_a_disc_is_exact():
    disc = Shape("ellipse", 10.0, (1.0, 2.0))
    points = np.array([[0.0, 6, 30], [5, 8, 40]])
    np.testing.assert_allclose(disc.distance(points), [-5, 0, 40], atol=1e-9)


def test_rounded_box_passes_through_its_axes():
    box = Shape("box", 10.0, (0.5, 6.0))
    points = np.array([[10.0, 0, -12, 0], [0, -5, 0, 8]])
    np.testing.assert_allclose(box.distance(points), [0, 0, 2, 3], atol=1e-9)


def test_ring_has_a_hole():
    ring = Shape("ring", 10.0, (1.0, 0.4))  # radii 6 to 10
    points = np.array([[0.0, 6, 8, 10, 12], [0, 0, 0, 0, 0]])
    np.testing.assert_allclose(ring.distance(points), [6, 0, -2, 0, 2], atol=1e-6)


def test_bank_lies_beyond_its_line():
    bank = Shape("bank", 2.0, (np.pi / 2, 15.0))  # y > 30
    points = np.array([[0.0, 99], [20, 33]])
    np.testing.assert_allclose(bank.distance(points), [10, -3], atol=1e-9)


@pytest.mark.parametrize("family", shapes.CLASSES)
def test_area_is_as_asked_for(family):
    for shape in draws(family):
        points, step = grid(1.5 * shape.size, 401)
        assert (shape.distance(points) < 0).sum() * step**2 == pytest.approx(2500, rel=0.02)


@pytest.mark.parametrize("family", shapes.CLASSES)
def test_nothing_reaches_beyond_the_reach(family):
    for shape in draws(family):
        points, _ = grid(3 * shape.size)
        beyond = np.hypot(*points) > shapes.REACH * shape.size
        assert (shape.coverage(points)[beyond] < 0.5).all()


@pytest.mark.parametrize("family", [*shapes.CLASSES, "bank"])
def test_distance_grows_by_one_a_pixel_at_the_contour(family):
    ripples = (4.0, 0.05, 1.0, 1.0, 0.2, 2.0)
    drawn = [Shape("bank", 1.0, (1.5, 8.0, *ripples))] if family == "bank" else draws(family)
    for shape in drawn:
        points, step = grid(45.0, 361)
        distance = shape.distance(points)
        slope = np.hypot(*np.gradient(distance, step))
        near = np.abs(distance) < 0.5
        assert np.median(slope[near]) == pytest.approx(1, abs=0.05)


def test_edges_are_soft_and_half_covered_on_the_contour():
    disc = Shape("ellipse", 20.0, (1.0, 2.0))
    radius = np.array([18.9, 19.5, 20.0, 20.5, 21.1])
    coverage = disc.coverage(np.stack([radius, np.zeros(5)]))
    # Smoothstep 3 d^2 - 2 d^3 at depths 1, 3/4, 1/2, 1/4, 0.
    np.testing.assert_allclose(coverage, [1, 27 / 32, 1 / 2, 5 / 32, 0], atol=1e-9)
