"""AMD's segmentation network with an output for each class, and where its weights come from."""

from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from commonfate.base.errors import StoreError, UserError
from commonfate.models import state_file
from commonfate.models.dilated_resnet import HEAD_WIDTH, DilatedResNet, FcnHead

APPEARANCE = "appearance.backbone."
"""How the names of the backbone's weights begin in a checkpoint of an `amd` run."""


class SegmentationNetwork(nn.Module):
    """Image in, a map of logits for each class, at an eighth of the image's resolution."""

    def __init__(self, classes: int, size: Literal["full", "small"], dropout: float) -> None:
        """Make the network, drawn from torch's global generator.

        Args:
            classes: number of maps.
            size: of the backbone.
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
        """Give the backbone the weights of AMD's; the head stays as it is.

        Args:
            path: checkpoint or snapshot of an `amd` run.

        Raises:
            StoreError: there is no such file, or it is damaged.
            UserError: it is of another method, or of another size.
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
