"""AMD as a method: two pathways, trained to reconstruct each frame of a pair from the other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

from commonfate.foreground.motion import Evidence
from commonfate.methods.amd import samples
from commonfate.methods.amd.loss import LOSSES
from commonfate.methods.amd.network import AmdNetwork, Pairs, stretched
from commonfate.methods.amd.settings import AmdSettings
from commonfate.methods.base import Prediction, Segmenting, TrainedMethod
from commonfate.methods.by_motion import merged
from commonfate.models.frame import resize_frame, to_image
from commonfate.models.pwc.layers import initialise
from commonfate.samples.example import Example

POWER, LOWEST = 0.9, 1e-6
"""Power and final learning rate of the released polynomial decay."""
LEAST_SHARE = 1e-3
"""Segments with a smaller share of all pixels have vanished, and are never the object."""


class Amd(TrainedMethod, Segmenting):
    """Appearance-motion decomposition; one of the segments is the object, the same in all frames.

    Prediction runs the appearance pathway alone, on single frames.
    """

    settings: AmdSettings

    @property
    def description(self) -> dict[str, str]:
        network = "small ResNet" if self.settings.size == "small" else "ResNet-50"
        return {
            "network": f"{network} of stride 8, from scratch",
            "resolution": f"short side {self.settings.short_side}",
        }

    def build(self, pretrained: bool = True) -> nn.Module:
        """Make both pathways; there are no weights to start from."""
        network = AmdNetwork(self.settings.segments, self.settings.size)
        motion = network.motion
        if self.settings.initialisation == "he":
            initialise(motion, [motion.flow_estimators.predict_flow2])
        motion.normalise = float(self.settings.normalise_features)
        # Convolutions on the CPU are a quarter faster with channels last, and no slower on a GPU.
        network.appearance.to(memory_format=torch.channels_last)
        return network

    def prepare(self, example: Example) -> dict[str, Tensor]:
        return samples.prepare(self.settings, example)

    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        """The photometric loss; and `flow`, the mean length of segment flow in pixels."""
        size = self.settings.motion_size
        frames = _frames(batch)
        pairs = model(*frames, size, self.settings.masks_of)
        # From the batch: in mixed precision the network's inputs are rounded.
        first, second = (stretched(frame, size) for frame in frames)
        loss = LOSSES[self.settings.variant](first, second, pairs.forward, pairs.backward)
        return {"loss": loss, "flow": pairs.forward.flows[0].detach().norm(dim=1).mean()}

    def check_losses(self, terms: Mapping[str, float]) -> str | None:
        """Describe flow that points out of the image everywhere; no gradient leads back then."""
        longest = max(self.settings.motion_size or self.settings.crop)
        if terms["flow"] <= longest:
            return None
        return (
            f"segment flow is {terms['flow']:.0f} pixels long on average, out of images of "
            f"{longest}; lower learning_rate, or set warmup_iterations or clip_norm"
        )

    def optimiser(self, model: nn.Module) -> Optimizer:
        """Adam, whose weight decay is part of the gradient, on both pathways (Section 4.1)."""
        settings = self.settings
        motion, appearance = model.get_submodule("motion"), model.get_submodule("appearance")
        groups: list[dict[str, Any]] = [
            {"params": list(motion.parameters())},
            {"params": list(appearance.parameters()), "factor": settings.appearance_rate},
        ]
        return Adam(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)

    def learning_rate(self, iteration: int) -> float:
        """Constant, or polynomial decay to 1e-6 (released); either after a linear warm-up."""
        settings = self.settings
        warm = min(1.0, (iteration + 1) / max(1, settings.warmup_iterations))
        if settings.schedule == "constant":
            return warm * settings.learning_rate
        left = max(0.0, 1 - iteration / settings.iterations) ** POWER
        return warm * (LOWEST + (settings.learning_rate - LOWEST) * left)

    @property
    def adaptation_rate(self) -> float:
        return self.settings.adaptation_rate * self.settings.learning_rate

    def finalize(self, model: nn.Module, batches: Iterable[dict[str, Tensor]]) -> None:
        """Set the object's segment: the one that moves most over the training pairs."""
        settings = self.settings
        with torch.no_grad():
            motions = [
                segment_motion(model(*_frames(batch), settings.motion_size, settings.masks_of))
                for batch in batches
            ]
        model.get_buffer("object_segment").fill_(fastest_segment(motions))

    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Segment one frame; flow is not read.

        The frame is resized so that its shorter side has the settings' length, or to `size`.
        `groups` are the maximum of the other segments, and the object, so that a pixel is the
        object's if no other segment is more probable.
        """
        segments = self._segments(model, frame, size)
        assert isinstance(model, AmdNetwork)
        return Prediction(segments, object_and_rest(segments, int(model.object_segment)))

    def predict_video(
        self,
        model: nn.Module | None,
        frames: Sequence[np.ndarray],
        evidence: Evidence,
        *,
        size: tuple[int, int] | None = None,
    ) -> Iterator[Prediction]:
        """Segment frames; the object are the segments that move of their own in this video."""
        every = [self._segments(model, frame, size).cpu() for frame in frames]
        return merged(every, evidence)

    def _segments(
        self, model: nn.Module | None, frame: np.ndarray, size: tuple[int, int] | None
    ) -> Tensor:
        """(c, h, w), probabilities."""
        assert isinstance(model, AmdNetwork)
        if size is None:
            resized = samples.resize_short_side(frame, self.settings.short_side)
        else:
            resized = resize_frame(frame, size)
        image = to_image(resized)[None].to(model.object_segment.device)
        with torch.no_grad():
            logits = model.appearance(image).float()
        # Before the segments are compared, so that their borders are those of full resolution.
        logits = functional.interpolate(logits, resized.shape[:2], mode="bilinear")
        return logits.softmax(1)[0]


def object_and_rest(segments: Tensor, number: int) -> Tensor:
    """(2, h, w): the maximum of the other segments, and segment `number`, of (c, h, w)."""
    others = torch.cat([segments[:number], segments[number + 1 :]])
    return torch.stack([others.max(0).values, segments[number]])


def segment_motion(pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Motion of each segment over pairs, each pixel weighted by its probability (Section 3.5).

    Returns:
        (c) float64: sums over pairs and both directions of a segment's share of the image times
        the length of its flow vector, in pixels per frame gap; and (c): sums of the shares.
    """
    vectors = torch.cat([pairs.forward.vectors, pairs.backward.vectors]).double()
    shares = torch.cat([pairs.forward_masks, pairs.backward_masks]).double().mean((2, 3))
    return (shares * vectors.norm(dim=2)).sum(0), shares.sum(0)


def fastest_segment(motions: Iterable[tuple[Tensor, Tensor]]) -> int:
    """Number of the segment of largest mean motion, the first of equals.

    Args:
        motions: results of `segment_motion`, at least one.
    """
    moved, shares = (torch.stack(sums).sum(0) for sums in zip(*motions, strict=True))
    mean = moved / shares
    return int(mean.where(shares >= LEAST_SHARE * shares.sum(), -1.0).argmax())


def _frames(batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """First and second frames, (B, 3, h, w) float32 in [0, 1] each."""
    first, second = (batch["images"].float() / 255).unbind(1)
    return first, second


def create(settings: AmdSettings) -> Amd:
    """Make the method."""
    return Amd(settings)
