"""AMD as a method: two pathways, trained to make each frame of a pair out of the other."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from commonfate.methods.amd import recipe, samples
from commonfate.methods.amd.network import AmdNetwork, stretched
from commonfate.methods.amd.objective import LOSSES
from commonfate.methods.amd.selection import fastest_segment, segment_motion
from commonfate.methods.amd.settings import AmdSettings
from commonfate.methods.base import Prediction, TrainedMethod
from commonfate.models.frame import resize_frame, to_image
from commonfate.models.pwc.layers import initialise
from commonfate.samples.example import Example


class Amd(TrainedMethod):
    """Appearance-motion decomposition; the object is one of the segments, the same in all frames.

    Prediction looks at single frames with the appearance pathway alone.
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
        # Not as the network saw them: in mixed precision those are rounded.
        first, second = (stretched(frame, size) for frame in frames)
        loss = LOSSES[self.settings.variant](first, second, pairs.forward, pairs.backward)
        return {"loss": loss, "flow": pairs.forward.flows[0].detach().norm(dim=1).mean()}

    def check_losses(self, terms: Mapping[str, float]) -> str | None:
        """Flow that points out of the image everywhere: from there no gradient leads back."""
        longest = max(self.settings.motion_size or self.settings.crop)
        if terms["flow"] <= longest:
            return None
        return (
            f"segment flow is {terms['flow']:.0f} pixels long on average, out of images of "
            f"{longest}; lower learning_rate, or set warmup_iterations or clip_norm"
        )

    def optimiser(self, model: nn.Module) -> Optimizer:
        return recipe.optimiser(self.settings, model)

    def learning_rate(self, iteration: int) -> float:
        return recipe.learning_rate(self.settings, iteration)

    @property
    def adaptation_rate(self) -> float:
        return self.settings.adaptation_rate * self.settings.learning_rate

    def finalize(self, model: nn.Module, batches: Iterable[dict[str, Tensor]]) -> None:
        """Find the object: the segment that moves most over the training pairs."""
        settings = self.settings
        with torch.no_grad():
            motions = [
                segment_motion(model(*_frames(batch), settings.motion_size, settings.masks_of))
                for batch in batches
            ]
        model.object_segment.fill_(fastest_segment(motions))

    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Segment one frame; `flow` is not looked at.

        The frame is resized so that its shorter side has the settings' length, or to `size`.
        `groups` are the largest of the other segments and the object, so that a pixel is the
        object's where no other segment is likelier.
        """
        if size is None:
            resized = samples.resize_short_side(frame, self.settings.short_side)
        else:
            resized = resize_frame(frame, size)
        image = to_image(resized)[None].to(model.object_segment.device)
        with torch.no_grad():
            logits = model.appearance(image).float()
        # Before the segments are compared, so that they part where they do at full resolution.
        logits = functional.interpolate(logits, resized.shape[:2], mode="bilinear")
        segments = logits.softmax(1)[0]
        return Prediction(segments, object_and_rest(segments, int(model.object_segment)))


def object_and_rest(segments: Tensor, number: int) -> Tensor:
    """(2, h, w): the largest of the other segments, and the segment `number`, of (c, h, w)."""
    others = torch.cat([segments[:number], segments[number + 1 :]])
    return torch.stack([others.max(0).values, segments[number]])


def _frames(batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """First and second frames, (B, 3, h, w) float32 in [0, 1] each."""
    first, second = (batch["images"].float() / 255).unbind(1)
    return first, second


def create(settings: AmdSettings) -> Amd:
    """Make the method."""
    return Amd(settings)
