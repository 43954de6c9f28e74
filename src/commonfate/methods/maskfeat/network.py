"""The encoder that sees a part of a crop, and the targets that it predicts."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from commonfate.methods.maskfeat.settings import MaskFeatSettings
from commonfate.models.descriptors import Whitening, describe
from commonfate.models.encoders.vit import ViTEncoder

TOKEN_SCALE = 2.7
"""Tokens are so many times their prediction, so that they have about the variance of other
encoders' tokens: linear probes have fixed learning rates."""
TARGET_SCALE, UNUSED_SCALE = 0.6 * TOKEN_SCALE, 0.02 * TOKEN_SCALE
"""Scales of the last norm's channels at first. A norm makes all channels together equally long in
each token; the unused ones take up what the targets do not need, and hardly show it."""


class Predicted(NamedTuple):
    """Squared errors, means over the targets.

    Attributes:
        patches: (B, k) float32, of the patches that passed through the network.
        whole: (B,) float32, of the class token, against the mean of the crop's targets.
        unused: scalar float32, mean square of the channels that predict nothing.
    """

    patches: Tensor
    whole: Tensor
    unused: Tensor


class MaskFeat(nn.Module):
    """An encoder and a mask token; the first channels of the encoder's tokens are the prediction.

    So distances between tokens are those between descriptors. A learned map from tokens to targets
    would leave tokens with an arbitrary geometry, which linear probes do not mind but neighbours
    and clusters do; so would channels without a target, which are drawn to 0.
    """

    def __init__(self, settings: MaskFeatSettings) -> None:
        super().__init__()
        self.scales, self.patch = settings.scales, settings.patch
        self.measured_iterations = settings.measured_iterations
        self.backbone = ViTEncoder(
            settings.dim,
            settings.depth,
            settings.heads,
            settings.patch,
            settings.crop,
            fixed_positions=True,
        )
        self.mask_token = nn.Parameter(torch.empty(settings.dim))
        nn.init.normal_(self.mask_token, std=0.02)
        scales = self.backbone.network.norm.weight
        with torch.no_grad():
            scales.fill_(UNUSED_SCALE)
            scales[: settings.targets] = TARGET_SCALE
        self.whitening = Whitening(settings.targets, settings.floor, settings.bound)

    def forward(
        self, clean: Tensor, changed: Tensor, seen: Tensor, masked: Tensor, iteration: int
    ) -> Predicted:
        """Errors of the predicted descriptors; in training mode, statistics grow in early steps.

        Args:
            clean: (B, 3, S, S) float32 in [0, 1], from which the targets are made.
            changed: (B, 3, S, S) float32 in [0, 1], of which the encoder sees a part.
            seen: (B, k) int64, patches that pass through the network, in raster order.
            masked: (B, k) bool, those of them whose content is hidden.
            iteration: step, from 0.
        """
        targets = self._targets(clean, iteration)
        tokens = self._tokens(changed, seen, masked)
        predicted, unused = (tokens.float() / TOKEN_SCALE).tensor_split([targets.shape[-1]], -1)
        patches = (predicted[:, 1:] - _rows_at(targets, seen)).square().mean(-1)
        whole = (predicted[:, 0] - targets.mean(1)).square().mean(-1)
        return Predicted(patches, whole, unused.square().sum() / max(1, unused.numel()))

    @torch.no_grad()
    def _targets(self, clean: Tensor, iteration: int) -> Tensor:
        """Whitened descriptors (B, N, D) of all patches."""
        with torch.autocast(clean.device.type, enabled=False):
            descriptors = describe(clean, self.patch, self.scales).flatten(1, 2)
            if self.training and iteration < self.measured_iterations:
                self.whitening.observe(descriptors)
            whitened: Tensor = self.whitening(descriptors)
        return whitened

    def _tokens(self, images: Tensor, seen: Tensor, masked: Tensor) -> Tensor:
        """Class token and seen patches after the last norm, (B, 1 + k, C)."""
        backbone = self.backbone
        network = backbone.network
        patches = network.patch_embed((images - backbone.mean) / backbone.std).flatten(1, 2)
        content = torch.where(masked[..., None], self.mask_token, _rows_at(patches, seen))
        places = network.pos_embed.expand(len(images), -1, -1)
        token = network.cls_token + places[:, :1]
        tokens = torch.cat([token, content + _rows_at(places[:, 1:], seen)], 1)
        for block in network.blocks:
            tokens = block(tokens)
        result: Tensor = network.norm(tokens)
        return result


def _rows_at(rows: Tensor, indices: Tensor) -> Tensor:
    """Rows (B, k, C) of (B, N, C) by indices (B, k)."""
    return rows.gather(1, indices[..., None].expand(-1, -1, rows.shape[-1]))
