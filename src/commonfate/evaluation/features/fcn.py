"""FCN probe: classes from a small convolutional head on frozen features, as Leopart scores it.

Ziegler and Asano, "Self-Supervised Learning of Object Parts for Semantic Segmentation", CVPR 2022;
TimeT's Table 5. The head is that of Long, Shelhamer and Darrell (CVPR 2015) in the form of the
segmentation toolkits: two 3 x 3 layers, their result beside the input, a third, dropout, classes.
"""

import torch
from torch import Tensor, nn

from commonfate.evaluation.features.dense import enlarged
from commonfate.evaluation.features.settings import FcnSettings

DROPOUT = 0.1


def block(channels: int, width: int) -> nn.Sequential:
    """A 3 x 3 convolution, batch normalisation and ReLU; sizes stay."""
    layer = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(width), nn.ReLU())


class FCNHead(nn.Module):
    """Head of three 3 x 3 layers and one 1 x 1, on features enlarged to `side`.

    Args:
        channels: C of the features.
        settings: classes, the side, and the channels of the layers.
    """

    def __init__(self, channels: int, settings: FcnSettings) -> None:
        super().__init__()
        width = settings.width
        self.convolutions = nn.Sequential(block(channels, width), block(width, width))
        self.join = block(channels + width, width)
        self.dropout = nn.Dropout2d(DROPOUT)
        self.layer = nn.Conv2d(width, settings.outputs, 1)
        self.side = settings.side

    def forward(self, features: Tensor) -> Tensor:
        """Scores of the classes: (b, C, h, w) to (b, K, side, side), or (b, K, h, w)."""
        if self.side is not None:
            features = enlarged(features, (self.side, self.side))
        joined = torch.cat([features, self.convolutions(features)], 1)
        scores: Tensor = self.layer(self.dropout(self.join(joined)))
        return scores
