"""The CRF: against mean-field updates written out, and where there is nothing to refine."""

import numpy as np
import pytest

from commonfate.prediction import crf
from commonfate.prediction.crf import CrfSettings, is_installed

pytestmark = pytest.mark.skipif(
    not is_installed(), reason="pydensecrf2, which is compiled, is not installed: make crf"
)
DEFAULT = CrfSettings()
SIZE = (20, 24)


@pytest.fixture
def scene():
    """A red disc on a green ground, and a blurred, noisy guess of it."""
    generator = np.random.default_rng(3)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    disc = (y - 9) ** 2 + (x - 11) ** 2 < 36
    frame = np.where(disc[..., None], [200, 30, 30], [30, 160, 40])
    frame = (frame + generator.integers(-2, 3, frame.shape)).astype(np.uint8)
    guess = np.clip(0.5 + 0.25 * (2 * disc - 1) + generator.normal(0, 0.2, SIZE), 0, 1)
    return frame, disc, guess


def mean_field(frame, foreground, settings):
    """The updates with every pair of pixels written out, so without the authors' approximation."""
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    place = np.stack([y, x], -1).reshape(-1, 2)
    colour = frame.reshape(-1, 3).astype(float)
    smooth = place / settings.smoothness_position
    look = [place / settings.appearance_position, colour / settings.appearance_colour]
    kernels = [
        settings.smoothness_weight * normalised(smooth),
        settings.appearance_weight * normalised(np.concatenate(look, 1)),
    ]
    p = foreground.ravel().clip(settings.floor, 1 - settings.floor)
    unary = -np.log(np.stack([1 - p, p]))
    q = np.exp(-unary)
    for _ in range(settings.iterations):
        q = np.exp(-unary + sum(q @ kernel for kernel in kernels))
        q /= q.sum(0)
    return q[1].reshape(foreground.shape)


def normalised(features):
    distance = ((features[:, None] - features[None]) ** 2).sum(-1)
    kernel = np.exp(-distance / 2)
    root = np.sqrt(kernel.sum(1))
    return kernel / root[:, None] / root[None]


@pytest.mark.parametrize(
    "changes",
    [
        {"iterations": 1},
        {"smoothness_weight": 0},
        {"appearance_weight": 0},
        {"smoothness_position": 2.5, "appearance_position": 4},
        {},
    ],
    ids=lambda changes: ",".join(changes) or "both kernels",
)
def test_it_agrees_with_mean_field_updates_over_all_pairs(scene, changes):
    frame, _, guess = scene
    weak = {"appearance_weight": 0.6, "smoothness_weight": 0.6, "appearance_colour": 20}
    settings = CrfSettings(**weak | {"appearance_position": 8} | changes)
    exact = mean_field(frame, guess, settings)
    assert np.abs(exact - guess).mean() > 0.03  # there is something to agree on
    # The permutohedral lattice approximates sums over Gaussian kernels.
    assert np.abs(crf.refine(frame, guess, settings) - exact).max() < 0.02


def test_it_follows_colours(scene):
    frame, disc, guess = scene
    assert ((guess > 0.5) != disc).mean() > 0.05
    refined = crf.refine(frame, guess, DEFAULT)
    assert refined.shape == SIZE and refined.dtype == np.float32
    np.testing.assert_array_equal(refined > 0.5, disc)


def test_without_weights_it_changes_nothing(scene):
    frame, _, guess = scene
    settings = CrfSettings(appearance_weight=0, smoothness_weight=0, floor=0.01)
    expected = guess.clip(0.01, 0.99)
    # Both floored probabilities are divided by their sum, which is 1.01 where one is 0.
    assert np.abs(crf.refine(frame, guess, settings) - expected).max() < 0.011


def test_labels_are_treated_alike(scene):
    frame, _, guess = scene
    np.testing.assert_allclose(
        crf.refine(frame, 1 - guess, DEFAULT), 1 - crf.refine(frame, guess, DEFAULT), atol=1e-5
    )


def test_equal_inputs_give_equal_bits(scene):
    frame, _, guess = scene
    first, second = (crf.refine(frame, guess, DEFAULT) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("constant", [True, False])
def test_a_guess_of_one_label_stays(scene, value, constant):
    frame = np.full_like(scene[0], 255) if constant else scene[0]
    refined = crf.refine(frame, np.full(SIZE, value), DEFAULT)
    assert np.isfinite(refined).all()
    np.testing.assert_allclose(refined, value, atol=1e-4)


def test_an_undecided_guess_stays_undecided(scene):
    np.testing.assert_array_equal(crf.refine(scene[0], np.full(SIZE, 0.5), DEFAULT), 0.5)


def test_a_view_of_a_frame_will_do(scene):
    frame, _, guess = scene
    np.testing.assert_array_equal(
        crf.refine(frame[:, ::-1][:, 4:], guess[:, ::-1][:, 4:], DEFAULT),
        crf.refine(frame[:, ::-1][:, 4:].copy(), guess[:, ::-1][:, 4:].copy(), DEFAULT),
    )


def test_a_single_pixel():
    frame = np.zeros((1, 1, 3), np.uint8)
    assert crf.refine(frame, np.array([[0.9]]), DEFAULT)[0, 0] > 0.9


@pytest.mark.parametrize(
    ("frame", "foreground", "message"),
    [
        (np.zeros((4, 5, 3)), np.zeros((4, 5)), r"not \(4, 5, 3\) float64"),
        (np.zeros((4, 6, 3), np.uint8), np.zeros((4, 5)), r"expected a frame of \(4, 5, 3\) uint8"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), 1.5), r"a probability in \[0, 1\]"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), np.nan), r"a probability in \[0, 1\]"),
    ],
)
def test_wrong_inputs_are_refused(frame, foreground, message):
    with pytest.raises(ValueError, match=message):
        crf.refine(frame, foreground, DEFAULT)
