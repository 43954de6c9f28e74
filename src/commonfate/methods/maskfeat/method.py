"""Masked feature prediction as a method: an encoder that learns from images without labels."""

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from commonfate.methods.base import Encoding, TrainedMethod, encoder_with
from commonfate.methods.distillation import schedules
from commonfate.methods.distillation.groups import is_decayed
from commonfate.methods.maskfeat.network import MaskFeat
from commonfate.methods.maskfeat.settings import MaskFeatSettings
from commonfate.models.encoders import Encoder, ViTEncoder
from commonfate.models.frame import to_image
from commonfate.models.optimisers import Combined
from commonfate.models.together import mean_over_processes
from commonfate.samples.example import Example

BETAS = (0.9, 0.99)
"""AdamW's; the second is below its default, for short trainings."""
PREFIX = "backbone."


class MaskFeatMethod(TrainedMethod, Encoding):
    """Prediction of descriptors of masked and visible patches; gives features, no segments."""

    settings: MaskFeatSettings

    @property
    def description(self) -> dict[str, str]:
        return {"network": self.settings.network}

    def build(self, pretrained: bool = True) -> nn.Module:
        """Make the network; there are no weights to start from."""
        return MaskFeat(self.settings)

    def prepare(self, example: Example) -> dict[str, Tensor]:
        """Crop the frame, choose patches and masks; all a function of the example's seed.

        Returns:
            `crop` (3, S, S) float32 in [0, 1]; `gain` (3, 1, 1) float32, by which the encoder's
            view is multiplied; `seen` (k,) int64 and `masked` (k,) bool, see `MaskFeat.forward`.
        """
        settings, generator = self.settings, np.random.default_rng(example.seed)
        crop = _crop(example.frame, settings.crop, settings.largest_zoom, generator)
        if settings.flip and generator.random() < 0.5:
            crop = crop[:, ::-1]
        gain = 1 + settings.brightness * generator.uniform(-1, 1)
        gains = gain * (1 + settings.tint * generator.uniform(-1, 1, 3))
        seen = _seen(settings.crop // settings.patch, settings.seen_share, generator)
        masked = generator.random(len(seen)) < settings.masked_share
        return {
            "crop": to_image(crop),
            "gain": torch.from_numpy(gains.astype(np.float32)).view(3, 1, 1),
            "seen": torch.from_numpy(seen),
            "masked": torch.from_numpy(masked),
        }

    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        """Squared errors of whitened descriptors at visible and masked patches and of the mean."""
        settings, masked, crop = self.settings, batch["masked"], batch["crop"]
        changed = (crop * batch["gain"]).clamp(0, 1)
        errors = model(crop, changed, batch["seen"], masked, iteration)
        visible, hidden = (
            errors.patches[part].sum() / mean_over_processes(part.sum().float()).clamp(min=1)
            for part in (~masked, masked)
        )
        whole = errors.whole.mean()
        loss = visible + settings.masked_weight * hidden + settings.class_weight * whole
        return {
            "loss": loss + errors.unused,
            "visible": visible,
            "masked": hidden,
            "class": whole,
            "unused": errors.unused,
        }

    def optimiser(self, model: nn.Module) -> Optimizer:
        """Muon for the matrices of the blocks, AdamW for all else.

        Muon's updates are made as long as AdamW's, times `matrix_factor`.
        """
        settings = self.settings
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        matrices = [p for name, p in named if ".blocks." in name and p.ndim == 2]
        others = [(name, p) for name, p in named if ".blocks." not in name or p.ndim != 2]
        decayed = [p for name, p in others if is_decayed(name, p)]
        free = [p for name, p in others if not is_decayed(name, p)]
        rate, decay = settings.learning_rate, settings.weight_decay
        muon = Muon(
            [{"params": matrices, "factor": settings.matrix_factor}],
            lr=rate,
            weight_decay=decay,
            adjust_lr_fn="match_rms_adamw",
        )
        adam_groups: list[dict[str, Any]] = [
            {"params": decayed},
            {"params": free, "weight_decay": 0.0, "decay": False},
        ]
        adam = AdamW(adam_groups, lr=rate, betas=BETAS, weight_decay=decay)
        return Combined([muon, adam])

    def learning_rate(self, iteration: int) -> float:
        """Linear warm-up from 0, then half a cosine to 0."""
        settings = self.settings
        return schedules.cosine(
            iteration, settings.iterations, settings.learning_rate, 0, settings.warmup_iterations
        )

    def kept(self, model: nn.Module) -> dict[str, Tensor]:
        """The encoder alone."""
        state = model.state_dict()
        return {name: weights for name, weights in state.items() if name.startswith(PREFIX)}

    def encoder(self, model: nn.Module | None) -> Encoder:
        """A copy of the trained encoder.

        Args:
            model: as `build` makes it.
        """
        assert isinstance(model, MaskFeat)
        return self.encoder_of(model.state_dict()).to(model.mask_token.device)

    def encoder_of(self, weights: Mapping[str, Tensor]) -> Encoder:
        """An encoder with the weights of a checkpoint or of a snapshot.

        In evaluation mode and without gradients.

        Args:
            weights: of the whole network, or those that `kept` chooses.

        Raises:
            ConfigError: they are of another network.
        """
        settings = self.settings
        encoder = ViTEncoder(
            settings.dim, settings.depth, settings.heads, settings.patch, settings.crop
        )
        return encoder_with(encoder, weights, PREFIX)


def _crop(
    frame: np.ndarray, side: int, largest_zoom: float, generator: np.random.Generator
) -> np.ndarray:
    """A square (S, S, 3) uint8 of an image (H, W, 3) of random size, at a random place."""
    height, width = frame.shape[:2]
    scale = generator.uniform(1, largest_zoom) * side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(frame, size, interpolation=smooth)
    top, left = (int(generator.integers(length - side + 1)) for length in resized.shape[:2])
    return resized[top : top + side, left : left + side]


def _seen(side: int, share: float, generator: np.random.Generator) -> np.ndarray:
    """Patches (k,) int64 of a crop of `side` times `side`: scattered, or a square of neighbours.

    Alone, scattered patches would never be next to each other, as they are when the encoder is
    used; squares would leave out what is far away.
    """
    edge = max(1, math.isqrt(round(share * side * side)))
    if generator.random() < 0.5:
        return np.sort(generator.permutation(side * side)[: edge * edge])
    top, left = generator.integers(side - edge + 1, size=2)
    rows, columns = np.arange(top, top + edge), np.arange(left, left + edge)
    return (rows[:, None] * side + columns).ravel()


def create(settings: MaskFeatSettings) -> MaskFeatMethod:
    """Make the method."""
    return MaskFeatMethod(settings)
