"""The training loss: cross-entropy of each pixel that has a label."""

from torch import Tensor
from torch.nn import functional

from commonfate.methods.semantic.settings import VOID
from commonfate.models.together import mean_over_processes


def objective(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Loss of a batch at the labels' resolution.

    Args:
        logits: (B, C, h, w) float; upsampled bilinearly (align_corners=False).
        labels: (B, H, W) uint8, classes below C, or 255 for none.

    Returns:
        `loss`, the mean cross-entropy over the pixels that have a class, in nats, and `accuracy`,
        the share of them that have the largest logit at their class; both 0 where none has. Of
        a batch that processes share, the means over them are those of the whole.
    """
    labels = labels.long()
    large = upsampled(logits, (labels.shape[-2], labels.shape[-1]))
    known = labels != VOID
    # Float64 counts to 2**53. Less than one pixel a process is none at all.
    count = mean_over_processes(known.sum().double()).clamp(min=1e-6).float()
    total = functional.cross_entropy(large, labels, ignore_index=VOID, reduction="sum")
    # Without a class no prediction is right: all are below VOID.
    right = (large.detach().argmax(1) == labels).sum()
    return {"loss": total / count, "accuracy": right / count}


def upsampled(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) float32, bilinearly, of (B, C, h, w)."""
    return functional.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)
