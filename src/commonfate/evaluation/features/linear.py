"""Linear probe: a class for each pixel from one linear layer on frozen features.

The protocols of Leopart and TimeT (VOC) and of FlowDINO (VOC and COCO-Stuff), as their released
code runs them. Leopart and TimeT enlarge the features to 100 x 100 before the head; enlarging is
linear and its weights sum to 1, so the head is applied first, which gives the same at a fraction of
the work.
"""

from torch import Tensor, nn

from commonfate.evaluation.features.dense import enlarged
from commonfate.evaluation.features.settings import ProbeSettings


class LinearHead(nn.Module):
    """One linear layer, then bilinear enlargement.

    Args:
        channels: C of the features.
        settings: classes, and the side of the result.
    """

    def __init__(self, channels: int, settings: ProbeSettings) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, settings.outputs, 1)
        self.side = settings.side

    def forward(self, features: Tensor) -> Tensor:
        """Scores of the classes: (b, C, h, w) to (b, K, side, side), or (b, K, h, w)."""
        scores: Tensor = self.layer(features)
        return scores if self.side is None else enlarged(scores, (self.side, self.side))
