"""ResNet-50 as an encoder."""

from torch import Tensor

from commonfate.models.catalogue import RESNET_FEATURES, RESNET_PATCH
from commonfate.models.encoders.base import Encoder, Feature


class ResNetEncoder(Encoder):
    """ResNet-50 of timm, its last two stages dilated, so that a cell is 8 pixels wide.

    `tokens` are the output of the last stage, `cls` is their mean, as a classifier takes it. This
    is the stride of the ResNets that Leopart, and after it TimeT, compares with. The batch norms
    keep the statistics of their training, in training mode as well. It has no attention.
    """

    offers: tuple[Feature, ...] = RESNET_FEATURES

    def __init__(self) -> None:
        """Make the network with random weights from torch's global generator."""
        import timm

        super().__init__(2048, RESNET_PATCH)
        self.network = timm.create_model(
            "resnet50", pretrained=False, num_classes=0, output_stride=RESNET_PATCH
        ).eval()

    def train(self, mode: bool = True) -> "ResNetEncoder":
        """Set the mode of everything but the batch norms."""
        super().train(mode)
        self.network.eval()
        return self

    def _features(self, images: Tensor, names: frozenset[str]) -> dict[str, Tensor]:
        tokens = self.network.forward_features(images).permute(0, 2, 3, 1)
        every = {"tokens": tokens, "cls": tokens.mean((1, 2))}
        return {name: every[name] for name in names}
