"""Linear probe: a class for each pixel from one linear layer on frozen features.

The protocols of Leopart and TimeT (VOC) and of FlowDINO (VOC and COCO-Stuff), as their released
code runs them. Leopart and TimeT enlarge the features to 100 x 100 before the head; enlarging is
linear and its weights sum to 1, so the head is applied first, which gives the same at a fraction of
the work.
"""

from torch import Tensor, nn

from commonfate.evaluation.features.dense import enlarged
from commonfate.evaluation.features.probe import ProbeSettings, ScoreSettings


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


TIMET_VOC = ProbeSettings(classes=21)
"""TimeT and Leopart on VOC: 448 px; TimeT neither augments nor shuffles, so cached features are
exact."""
FLOWDINO_VOC = ProbeSettings(
    classes=21,
    batch_size=25,
    epochs=25,
    side=None,
    released=ScoreSettings(side=100, keep="best", images=200, absent_as_zero=True),
)
"""FlowDINO on VOC: 320 px, crops of 0.8 to 1 and flips, so the backbone runs in every epoch; the
released score is of the first eight batches of 25."""
FLOWDINO_COCO = ProbeSettings(
    classes=27,
    optimiser="adamw",
    learning_rate=5e-3,
    weight_decay=0.01,
    batch_size=1,
    epochs=2,
    drop_every=None,
    side=None,
    void_is_a_class=True,
    released=ScoreSettings(absent_as_zero=True),
)
"""FlowDINO on COCO-Stuff: 5,000 images twice, one a step, void as a 28th output."""
