"""Points between tokens: what weights of tokens give is what enlarged features give."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from commonfate.evaluation.features import units
from commonfate.evaluation.features.units import Unit, bilinear, reduction_of
from commonfate.models.grouping import clusters, reduction

RNG = np.random.default_rng(0)
SIDE = 9


def unit(channels: int, count: int = 3) -> Unit:
    """Frames of 4 x 3 tokens, enlarged to 9 x 9, partly void."""
    features = RNG.standard_normal((count, 4, 3, channels)).astype(np.float16)
    truth = RNG.integers(0, 3, (count, 18, 18)).astype(np.uint8)
    truth[0, :7] = 255
    return Unit.of(features, np.arange(count), truth, SIDE)


def enlarged(frames: np.ndarray) -> np.ndarray:
    """All points (n, side * side, C) as torch enlarges features."""
    maps = torch.from_numpy(frames.astype(np.float32)).permute(0, 3, 1, 2)
    larger = functional.interpolate(maps, size=(SIDE, SIDE), mode="bilinear")
    return larger.flatten(2).permute(0, 2, 1).numpy()


@pytest.mark.parametrize("grid", [(4, 3), (1, 1), (12, 20)])
def test_weights_are_those_of_torch(grid):
    frames = RNG.standard_normal((1, *grid, 5)).astype(np.float32)
    ours = bilinear(grid, SIDE) @ frames.reshape(-1, 5)
    np.testing.assert_allclose(ours, enlarged(frames)[0], atol=1e-6)


@pytest.mark.parametrize("channels", [5, 40])
@pytest.mark.parametrize("points", [65_536, 150, 8])
def test_components_are_those_of_the_enlarged_points(channels, points, monkeypatch):
    monkeypatch.setattr(units, "REDUCTION_POINTS", points)
    frames = unit(channels)
    every = enlarged(frames.features)[frames.valid.reshape(3, -1)]
    chosen = clusters.sample(len(every), points, 3)
    expected = reduction.fit(every[chosen], 4)
    actual = reduction_of([frames], 4, 3)
    np.testing.assert_allclose(actual.offset, expected.offset, atol=1e-5)
    np.testing.assert_allclose(actual.matrix, expected.matrix, atol=1e-4)
    gathered = frames.gather(chosen, actual)
    np.testing.assert_allclose(gathered, expected(every[chosen]), atol=1e-3)


def test_units_of_a_batch_are_reduced_together():
    pair = [unit(5), unit(5, 2)]
    points = [enlarged(u.features)[u.valid.reshape(len(u.frames), -1)] for u in pair]
    expected = reduction.fit(np.concatenate(points), 4)
    np.testing.assert_allclose(reduction_of(pair, 4, 0).matrix, expected.matrix, atol=1e-4)


def test_features_that_are_not_finite_are_refused():
    frames = unit(5)
    frames.features[1, 2, 2, 0] = np.inf
    with pytest.raises(ValueError, match="NaN or infinite"):
        reduction_of([frames], 4, 0)
