"""Guess What Moves as a method: network, samples, loss, recipe, prediction."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from commonfate.errors import UserError
from commonfate.flow.resize import resize
from commonfate.methods.base import Prediction, TrainedMethod
from commonfate.methods.gwm import recipe
from commonfate.methods.gwm.loss import paper_loss_pulled_back, pixel_count, split_unknown
from commonfate.methods.gwm.merge import merge
from commonfate.methods.gwm.normalise import normalised
from commonfate.methods.gwm.polynomial import DEGREES
from commonfate.methods.gwm.pull_back import flow_maps, monomial_maps
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.methods.gwm.upsampled import upsampled_loss
from commonfate.models import features
from commonfate.models.frame import resize_frame, to_image
from commonfate.models.unet import UNet


class GuessWhatMoves(TrainedMethod):
    """Segments that a network predicts from one frame and that simple motions explain."""

    settings: GwmSettings

    @property
    def description(self) -> dict[str, str]:
        height, width = self.settings.image_size
        return {"features": self.settings.merge.features, "resolution": f"{height}x{width}"}

    @property
    def _pulls_back(self) -> bool:
        """Whether the loss is linear in the masks, so that the loader can reduce the flow."""
        return self.settings.variant == "paper" and self.settings.upsample == "probabilities"

    def build(self) -> nn.Module:
        network = UNet(self.settings.components, self.settings.width)
        # Convolutions on the CPU are a fifth faster with channels last, and no slower on a GPU.
        return network.to(memory_format=torch.channels_last)

    def prepare(self, frame: np.ndarray, flow: np.ndarray, flip: bool) -> dict[str, Tensor]:
        """Turn one sample into tensors.

        Args:
            frame: (H, W, 3) uint8, RGB.
            flow: (2, H, W) float32, pixels; NaN where unknown.
            flip: mirror image and flow left-right.

        Returns:
            `image` (3, h, w) float32 in [0, 1]; and either `flow_maps` (1 + 2n, h, w) float32 with
            `valid` (H, W) bool, at image and flow size, or `flow` (2, H, W) float32.
        """
        settings = self.settings
        if flip:
            frame, flow = frame[:, ::-1], flow[:, :, ::-1] * np.float32([-1, 1])[:, None, None]
        image = to_image(resize_frame(frame, settings.image_size))
        target = self._target(flow)
        if not self._pulls_back:
            return {"image": image, "flow": target}
        filled, valid = split_unknown(target)
        maps = flow_maps(filled, valid, settings.image_size, DEGREES[settings.flow_model])
        return {"image": image, "flow_maps": maps, "valid": valid}

    def loss(self, model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Loss of a batch that `prepare` made.

        Returns:
            `loss`, with the multiplier; `residual`, the root mean square over pixels of what the
            loss measures, in pixels at the flow's size (or in units of `normalise_flow`).
        """
        settings = self.settings
        logits = model(batch["image"]).float()
        if self._pulls_back:
            valid = batch["valid"]
            mean_square = paper_loss_pulled_back(
                logits.softmax(1),
                batch["flow_maps"],
                self._monomial_maps(valid),
                pixel_count(valid),
                settings.flow_model,
            )
        else:
            mean_square = upsampled_loss(
                logits, batch["flow"], settings.flow_model, settings.variant, settings.upsample
            )
        components = 1 if settings.variant == "paper" else 2  # the released loss is their mean
        return {
            "loss": settings.loss_multiplier * mean_square.float(),
            "residual": (components * mean_square.detach()).clamp(min=0).sqrt().float(),
        }

    def parameter_groups(self, model: nn.Module) -> Iterable[dict[str, Any]]:
        return recipe.parameter_groups(self.settings, model)

    def learning_rate(self, iteration: int) -> float:
        return recipe.learning_rate(self.settings, iteration)

    @torch.no_grad()
    def predict(
        self, model: nn.Module | None, frame: np.ndarray, flow: np.ndarray | None
    ) -> Prediction:
        """Segment one frame at the network's resolution; `flow` is not looked at."""
        device = next(model.parameters()).device
        small = resize_frame(frame, self.settings.image_size)
        decoded = model.features(to_image(small)[None].to(device))
        components = model.head(decoded).float().softmax(1)[0].cpu()
        how = self.settings.merge
        if how.features == "network":
            # Not centred: that would leave the background, most of the image, without a direction.
            dense = decoded[0].float().cpu()
        else:
            dense = features.create(how.features, how.weights, str(device))(small)
        groups = merge(dense, components, how.epsilon)
        return Prediction(components=components, groups=groups)

    def _target(self, flow: np.ndarray) -> Tensor:
        """The flow that the loss sees: resized, clipped and normalised as the settings say."""
        settings = self.settings
        target = torch.from_numpy(np.ascontiguousarray(resize(flow, settings.flow_size, "nearest")))
        if settings.clip_flow is not None:
            target = target.clamp(-settings.clip_flow, settings.clip_flow)
        if settings.normalise_flow:
            target = normalised(target, DEGREES[settings.flow_model])
        return target

    def _monomial_maps(self, valid: Tensor) -> Tensor:
        """Maps of the pixel grid: shared, or made for those samples that lack flow somewhere."""
        size, degree = self.settings.image_size, DEGREES[self.settings.flow_model]
        shared = _whole_grid(tuple(valid.shape[1:]), tuple(size), degree, valid.device)
        incomplete = ~valid.all(-1).all(-1)
        if not incomplete.any():
            return shared
        maps = shared.repeat(len(valid), 1, 1, 1)
        maps[incomplete] = monomial_maps(valid[incomplete], size, degree)
        return maps


@cache
def _whole_grid(
    full: tuple[int, int], size: tuple[int, int], degree: int, device: torch.device
) -> Tensor:
    return monomial_maps(torch.ones(1, *full, dtype=torch.bool, device=device), size, degree)[0]


def create(settings: GwmSettings) -> GuessWhatMoves:
    """Make the method.

    Raises:
        UserError: `merge.weights` names a file that does not exist; said before training, although
            only prediction reads it.
    """
    weights = settings.merge.weights
    if weights is not None and not Path(weights).is_file():
        raise UserError(f"merge.weights: {weights}: no such file")
    return GuessWhatMoves(settings)
