"""The endless sequence of training pairs: each is a function of the seed and its index."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from commonfate.training.data import Batch, load
from commonfate.training.flow import cut, photometric
from commonfate.training.flow.cut import Cut
from commonfate.training.flow.scenes import RenderedScene, Stream, generator
from commonfate.training.flow.settings import FlowTrainingSettings

if TYPE_CHECKING:
    from lightning.fabric import Fabric


class EndlessPairs(Dataset):
    """Pairs by index, the same in whatever process and order they are asked for.

    Drawing a scene costs as much as a dozen pairs, so neighbouring indices share the scenes of a
    pool. A place of the pool gets a fresh scene every `scenes * pairs_per_scene` indices; the
    places take turns, so that one scene is drawn every `pairs_per_scene` indices.
    """

    def __init__(self, settings: FlowTrainingSettings, seed: int) -> None:
        self._settings = settings
        self._seed = seed
        self._pool: OrderedDict[int, RenderedScene] = OrderedDict()

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One pair.

        Returns:
            `images` (2, 3, H, W) uint8, RGB; `flow` (2, H, W) float32, pixels;
            `visible` (H, W) bool.
        """
        rng = generator(self._seed, index, Stream.PAIRS)
        scene = self._scene(scene_number(self._settings, index, rng))
        pair = cut.cut(scene, draw_cut(rng, self._settings))
        images = photometric.augment(rng, pair.images, self._settings)
        return {
            "images": torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))),
            "flow": torch.from_numpy(np.ascontiguousarray(pair.flow)),
            "visible": torch.from_numpy(np.ascontiguousarray(pair.visible)),
        }

    def _scene(self, number: int) -> RenderedScene:
        if number not in self._pool:
            if len(self._pool) == self._settings.scenes:
                self._pool.popitem(last=False)
            self._pool[number] = RenderedScene(
                self._seed,
                number,
                Stream.TRAINING,
                self._settings.scene_size,
                self._settings.scene_frames,
            )
        self._pool.move_to_end(number)
        return self._pool[number]


def scene_number(settings: FlowTrainingSettings, index: int, rng: np.random.Generator) -> int:
    """Scene that the pair of an index is cut from: that of a place of the pool, drawn evenly."""
    place = int(rng.integers(settings.scenes))
    turn = index + place * settings.pairs_per_scene
    return turn // (settings.scenes * settings.pairs_per_scene) * settings.scenes + place


def draw_cut(rng: np.random.Generator, settings: FlowTrainingSettings) -> Cut:
    """Draw frames, gap, place, enlargement and mirroring."""
    gap = int(rng.choice(settings.gaps))
    t = int(rng.integers(settings.scene_frames - gap))
    if rng.random() < 0.5:
        t, gap = t + gap, -gap
    larger = np.exp(rng.uniform(0, np.log(settings.enlarge))) if rng.random() < 0.5 else 1.0
    height, width = (round(side / larger) for side in settings.crop)
    top = int(rng.integers(settings.scene_size[0] - height + 1))
    left = int(rng.integers(settings.scene_size[1] - width + 1))
    return Cut(t, gap, top, left, (height, width), settings.crop, bool(rng.random() < 0.5))


class PairData:
    """Batches of rendered pairs (see `training.data.TrainingData`)."""

    def __init__(self, settings: FlowTrainingSettings) -> None:
        self._settings = settings

    def batches(
        self, seed: int, start: int, stop: int, fabric: "Fabric", workers: int
    ) -> Iterator[Batch]:
        plan = (list(self._numbers(iteration)) for iteration in range(start, stop))
        return load(EndlessPairs(self._settings, seed), plan, fabric, workers)

    def spread(self, count: int, fabric: "Fabric") -> Iterator[Batch]:
        """Nothing: a flow network has no buffers to set."""
        return iter(())

    def describe(self, seed: int, iteration: int) -> str:
        numbers = self._numbers(iteration)
        return (
            f"Its pairs: {numbers[0]} to {numbers[-1]}. Lower learning_rate, or enlarge crop "
            "(RAFT and its kin need 128 pixels a side)"
        )

    def _numbers(self, iteration: int) -> range:
        size = self._settings.batch_size
        return range(iteration * size, (iteration + 1) * size)
