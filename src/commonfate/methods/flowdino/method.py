"""FlowDINO as a method: an encoder that learns from images, and from video frames with flow."""

import torch
from torch import Tensor, nn

from commonfate.methods.base import required
from commonfate.methods.distillation.crops import crops
from commonfate.methods.distillation.loss import cross_entropy, sharpened, spread
from commonfate.methods.distillation.method import Distillation
from commonfate.methods.fiedler import FiedlerMask
from commonfate.methods.flowdino.crops import PREFIX, frame_crops
from commonfate.methods.flowdino.loss import flow_loss
from commonfate.methods.flowdino.network import FlowPair
from commonfate.methods.flowdino.settings import FlowDinoSettings
from commonfate.models.encoders import Encoder
from commonfate.models.heads import FlowHead
from commonfate.samples.example import Example

KINDS = ("global", "local")


class FlowDino(Distillation, FiedlerMask):
    """DINO, fine-tuned together with the flow loss; gives features, and masks by grouping them."""

    settings: FlowDinoSettings

    def encoder_in_place(self, model: nn.Module | None) -> Encoder:
        """The encoder of the network `weights_of`."""
        assert isinstance(model, FlowPair)
        branch = model.teacher if self.settings.weights_of == "teacher" else model.student
        return branch.backbone

    def build(self, pretrained: bool = True) -> nn.Module:
        """Make student and teacher, both from the weights of `start`, if any.

        The centre begins at 0 (released).

        Raises:
            StoreError: the file of `start` is missing or damaged.
            UserError: it cannot be fetched, or is of another network.
        """
        settings = self.settings
        student = self._new_student(pretrained)
        head = FlowHead(settings.dim) if settings.flow_head and settings.flow_weight else None
        return FlowPair(student, settings.outputs, settings.centre_momentum, head)

    def prepare(self, example: Example) -> dict[str, Tensor]:
        """Crop the frame with its flow, and the image beside it.

        Crops flip by themselves, so `example.flip` is not read. What no loss sees is left out.

        Returns:
            `global_crops` and `local_crops` of the image, see `distillation.crops`, and what
            `flowdino.crops` makes of the frame.
        """
        settings = self.settings
        tensors: dict[str, Tensor] = {}
        if settings.learns_beside is not None:
            if example.beside is None:
                raise ValueError("expected an image beside the frame, found none")
            tensors |= crops(settings, example.beside.frame, example.beside.seed)
        flow = required(example.flow, "flow") if settings.flow_weight else None
        if flow is not None or settings.distils != "images":
            tensors |= frame_crops(settings, example.frame, flow, example.seed)
        return tensors

    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        """DINO's loss on images and the flow loss on frames (Section IV), and their parts.

        The flow loss is the mean of that of global and of local crops (released). `flow_alike` is
        its value if all features of a frame were the same.
        """
        settings = self.settings
        names = [f"{kind}_crops" for kind in KINDS]
        images, frames = (
            [batch[f"{start}{name}"].float() / 255 for name in names if f"{start}{name}" in batch]
            for start in ("", PREFIX)
        )
        if settings.distils == "images":
            outputs, maps = model(images, frames)
        else:
            last = len(frames[0]) if settings.flow_weight else 0
            both = (
                [torch.cat(pair) for pair in zip(images, frames, strict=True)] if images else frames
            )
            outputs, maps = model(both, (), last)
        targets = sharpened(outputs.teacher, outputs.centre, self.teacher_temperature(iteration))
        distilled = cross_entropy(outputs.student, targets, settings.student_temperature)
        terms = {"loss": distilled, **spread(targets)._asdict()}
        if not settings.flow_weight:
            return terms
        of_kind = []
        for kind, (tokens, salience) in zip(KINDS, maps, strict=False):
            flow = _crop_by_crop(batch[f"{kind}_flow"])
            each = (flow_loss(t, salience, flow, settings.flow) for t in (tokens, _alike(tokens)))
            of_kind.append(torch.stack(tuple(each)))
        moved, alike = torch.stack(of_kind).mean(0)
        terms["loss"] = distilled + settings.flow_weight * moved
        return {**terms, "dino": distilled, "flow": moved, "flow_alike": alike.detach()}


def _alike(tokens: Tensor) -> Tensor:
    """Equal features, as many as tokens (N, h, w, C)."""
    return tokens.new_ones((*tokens.shape[:3], 1))


def _crop_by_crop(flow: Tensor) -> Tensor:
    """(n B, 2, h, w) of (B, n, 2, h, w), in the order of `Maps`."""
    return flow.transpose(0, 1).flatten(0, 1)


def create(settings: FlowDinoSettings) -> FlowDino:
    """Make the method."""
    return FlowDino(settings)
