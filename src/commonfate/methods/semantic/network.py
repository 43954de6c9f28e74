"""AMD's segmentation network with an output for each class: start weights and training loss."""

from pathlib import Path
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from commonfate.base.errors import StoreError, UserError
from commonfate.methods.semantic.settings import VOID
from commonfate.models import state_file
from commonfate.models.dilated_resnet import HEAD_WIDTH, DilatedResNet, FcnHead
from commonfate.models.together import mean_over_processes

APPEARANCE = "appearance.backbone."
"""Prefix of the backbone's weights in a checkpoint of an `amd` run."""


class SegmentationNetwork(nn.Module):
    """Image in, a map of logits for each class, at an eighth of the image's resolution."""

    def __init__(self, classes: int, size: Literal["full", "small"], dropout: float) -> None:
        """Make the network, initialised from torch's global generator.

        Args:
            classes: number of maps.
            size: size of the backbone.
            dropout: share of the channels dropped before the last convolution in training.
        """
        super().__init__()
        self.backbone = DilatedResNet(size)
        self.head = FcnHead(self.backbone.channels, classes, HEAD_WIDTH[size])
        self.head.insert(len(self.head) - 1, nn.Dropout2d(dropout))

    def forward(self, image: Tensor) -> Tensor:
        """Logits.

        Args:
            image: (B, 3, H, W) float, RGB in [0, 1].

        Returns:
            (B, classes, H / 8, W / 8), rounded up.
        """
        return self.head(self.backbone(image))

    def start_from(self, path: Path) -> None:
        """Load AMD's weights into the backbone; the head does not change.

        Args:
            path: checkpoint or snapshot of an `amd` run.

        Raises:
            StoreError: the file is missing or damaged.
            UserError: the weights are of another method, or of another size.
        """
        if not path.is_file():
            raise StoreError(
                f"start: {path}: no such file; train the amd run that it is to come from, "
                "or leave start out"
            )
        state = state_file.read(path)
        weights = {
            key.removeprefix(APPEARANCE): value
            for key, value in state.items()
            if key.startswith(APPEARANCE)
        }
        if not weights:
            raise UserError(
                f"start: {path}: holds no weights named {APPEARANCE}*; "
                "name the checkpoint of an amd run"
            )
        try:
            state_file.fill(self.backbone, weights, path, "AMD's backbone of this size")
        except UserError as error:
            raise UserError(f"start: {error}; the amd run must have the same `size`") from error


def objective(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Training loss of a batch: cross-entropy of each pixel with a label, at their resolution.

    Args:
        logits: (B, C, h, w) float; upsampled bilinearly (align_corners=False).
        labels: (B, H, W) uint8, classes below C, or 255 for none.

    Returns:
        `loss`, the mean cross-entropy over the pixels with a class, in nats, and `accuracy`, the
        share of these pixels with the largest logit at their class; both 0 without any. If
        processes share a batch, the means of their results are those of the whole batch.
    """
    labels = labels.long()
    large = upsampled(logits, (labels.shape[-2], labels.shape[-1]))
    labelled = labels != VOID
    # Float64 counts to 2**53. A mean of less than one pixel per process is none at all.
    count = mean_over_processes(labelled.sum().double()).clamp(min=1e-6).float()
    total = functional.cross_entropy(large, labels, ignore_index=VOID, reduction="sum")
    # Pixels without a class are never right: all predictions are below VOID.
    right = (large.detach().argmax(1) == labels).sum()
    return {"loss": total / count, "accuracy": right / count}


def upsampled(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) float32, bilinearly, of (B, C, h, w)."""
    return functional.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)
