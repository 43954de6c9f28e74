"""TimeT as a method: an encoder that learns on from clips without labels."""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from commonfate.methods.base import Encoding, Prediction, Segmenting, TrainedMethod
from commonfate.methods.distillation import schedules
from commonfate.methods.distillation.groups import groups
from commonfate.methods.distillation.loss import spread
from commonfate.methods.timet import clips
from commonfate.methods.timet.loss import cross_entropy, targets
from commonfate.methods.timet.network import TimetNetwork
from commonfate.methods.timet.settings import TimetSettings
from commonfate.models import catalogue
from commonfate.models.encoders import Encoder, formats
from commonfate.models.encoders.create import create as create_encoder
from commonfate.models.encoders.create import locate
from commonfate.models.frame import nearest_multiple, resize_frame, to_image
from commonfate.samples.example import Example


class Timet(TrainedMethod, Encoding, Segmenting):
    """Time-tuning; gives features, and a foreground of clusters of them."""

    settings: TimetSettings

    @property
    def description(self) -> dict[str, str]:
        return {"network": self.settings.network}

    def start_file(self) -> Path | None:
        """The encoder's weights, of a run or published; None if they are random."""
        settings = self.settings
        if settings.start is not None:
            return Path(settings.start)
        is_random = settings.encoder.startswith(f"{catalogue.RANDOM}.")
        return None if is_random else locate(settings.encoder)

    def build(self, pretrained: bool = True) -> nn.Module:
        """Make the network; the encoder's weights are those it starts from in any case.

        Raises:
            UserError: they cannot be fetched, or are no vision transformer's that fits.
        """
        start = self.start_file()
        settings = self.settings
        if start is None:
            encoder = create_encoder(settings.encoder, settings.encoder_seed)
        else:
            encoder = formats.load(start)
        return TimetNetwork(encoder, settings)

    def prepare(self, example: Example) -> dict[str, Tensor]:
        return clips.prepare(self.settings, example)

    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        """Cross-entropy at the last frames (Eq. 9), and the spread of its targets."""
        settings = self.settings.targets
        outputs = model(_needed(batch["clips"], settings.forwards).float() / 255)
        carried = targets(outputs.source, outputs.tokens, settings, outputs.queued)
        loss = cross_entropy(outputs.last, carried, settings.temperature, settings.form)
        return {"loss": loss, **spread(carried.flatten(0, -2))._asdict()}

    def optimiser(self, model: nn.Module) -> Optimizer:
        """AdamW on head and prototypes, and on the encoder's last blocks at a lower rate."""
        assert isinstance(model, TimetNetwork)
        settings, learning = self.settings, model.learning
        blocks, others = nn.ModuleList(learning[:-2]), nn.ModuleList(learning[-2:])
        slower: list[dict[str, Any]] = [
            {**group, "factor": settings.backbone_factor} for group in groups(blocks)
        ]
        rate, decay = settings.learning_rate, settings.weight_decay
        return AdamW([*slower, *groups(others)], lr=rate, weight_decay=decay)

    def learning_rate(self, iteration: int) -> float:
        """Constant, or half a cosine to 0."""
        settings, rate = self.settings, self.settings.learning_rate
        if settings.schedule == "constant":
            return rate
        return schedules.cosine(iteration, settings.iterations, rate, 0.0)

    def weight_decay(self, iteration: int) -> float:
        """Half a cosine, upwards."""
        settings = self.settings
        first, last = settings.weight_decay, settings.final_weight_decay
        return schedules.cosine(iteration, settings.iterations, first, last)

    def momentum(self, iteration: int) -> float:
        """Momentum of the teacher in a step: half a cosine up to 1."""
        return schedules.cosine(iteration, self.settings.iterations, self.settings.momentum, 1.0)

    def after_step(self, model: nn.Module, iteration: int) -> None:
        """Scale prototypes to unit length, and let the teacher follow."""
        assert isinstance(model, TimetNetwork)
        model.follow(self.momentum(iteration), self.settings.teacher == "inverted")

    def kept(self, model: nn.Module) -> dict[str, Tensor]:
        """The encoder, the number of its heads, and the clusters of the foreground."""
        return {
            name: weights
            for name, weights in model.state_dict().items()
            if name.startswith(("backbone.", "foreground.")) or name == "heads"
        }

    def finalize(self, model: nn.Module, batches: Iterable[dict[str, Tensor]]) -> None:
        """Cluster the last frames of clips, cropped and coloured as in training."""
        assert isinstance(model, TimetNetwork)
        device = model.heads.device
        last_frames = (batch["clips"][:, -1].to(device) for batch in batches)
        model.foreground.fit(model.backbone, last_frames)

    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Segment one frame at the resolution of its patches; flow is not read.

        The frame is resized to the nearest whole patches of `size`, or of its own size. Group 1 is
        the foreground, see `extraction`.
        """
        assert isinstance(model, TimetNetwork)
        encoder = model.backbone
        whole = nearest_multiple(size or frame.shape[:2], encoder.patch)
        with torch.no_grad():
            image = to_image(resize_frame(frame, whole))[None].to(model.heads.device)
            inside = model.foreground(encoder(image, {"tokens"})["tokens"][0].float())
        groups = torch.stack([~inside, inside]).float().cpu()
        return Prediction(groups, groups)

    def encoder(self, model: nn.Module | None) -> Encoder:
        """A copy of the trained encoder.

        Args:
            model: as `build` makes it.
        """
        assert isinstance(model, TimetNetwork)
        return copy.deepcopy(model.backbone).eval().requires_grad_(False)


def _needed(frames: Tensor, forwards: str) -> Tensor:
    """Frames of clips (B, T, ...) that the loss depends on: without carrying, not all of them."""
    if forwards == "none":
        return frames[:, -1:]
    return frames[:, [0, -1]] if forwards == "identity" and frames.shape[1] > 2 else frames


def create(settings: TimetSettings) -> Timet:
    """Make the method."""
    return Timet(settings)
