"""What tests of AMD share: a textured object that moves over a textured background at rest."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from commonfate.models.pwc.segment_flow import SegmentFlow, compose

SCALES = 5


def texture(seed: int, side: int) -> Tensor:
    """(1, 3, side, side) in [0, 1], smooth enough for gradients to mean something."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, side * 5 // 16, side * 5 // 16, generator=generator)
    fine = functional.interpolate(coarse, (side, side), mode="bicubic", align_corners=True)
    return fine.clamp(0, 1)


@dataclass(frozen=True)
class Scene:
    """Two frames (1, 3, S, S), their masks (1, 2, S, S), object last, and its true vectors."""

    first: Tensor
    second: Tensor
    first_masks: Tensor
    second_masks: Tensor
    vectors: Tensor

    def flow(self, vectors: Tensor, masks: Tensor) -> SegmentFlow:
        """Segment flow at all scales, of vectors (2, 2) and masks on the grid it begins on."""
        flows = [compose(vectors[None], masks)]
        for _ in range(1, SCALES):
            flows.append(functional.avg_pool2d(flows[-1], 2) / 2)
        return SegmentFlow(flows, vectors[None])

    def loss(self, loss, vectors=None, first_masks=None, second_masks=None) -> Tensor:
        """A loss with what is given in place of the truth; backward vectors are opposite."""
        vectors = self.vectors if vectors is None else torch.tensor(vectors, dtype=torch.float32)
        here = self.first_masks if first_masks is None else first_masks
        there = self.second_masks if second_masks is None else second_masks
        flows = self.flow(vectors, here), self.flow(-vectors, there)
        return loss(self.first, self.second, *flows)


@pytest.fixture(scope="package")
def scene() -> Scene:
    """An object of 20x20 pixels that moves by (4, -2) in frames of 64x64."""
    background, surface = texture(0, 64), texture(1, 64)
    frames, masks = [], []
    for dx, dy in ((0, 0), (4, -2)):
        mask = torch.zeros(1, 1, 64, 64)
        mask[..., 20 + dy : 40 + dy, 16 + dx : 36 + dx] = 1
        frames.append(background * (1 - mask) + surface.roll((dy, dx), (2, 3)) * mask)
        masks.append(torch.cat([1 - mask, mask], 1))
    return Scene(*frames, *masks, torch.tensor([[0.0, 0], [4, -2]]))
