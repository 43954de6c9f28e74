"""Evaluation of the features of an encoder, by one of the protocols of `evaluation.features`."""

from collections.abc import Mapping
from typing import ClassVar

from commonfate.evaluation.kinds.base import EvaluationKind, Metric, Scoring
from commonfate.evaluation.kinds.masks import MIOU

DESCRIPTIONS = {
    "localization": "Localization: the box around the largest part of the second eigenvector's "
    "positive side (Deep Spectral Methods), one an image.",
    "linear": "Linear: a linear head on frozen features of patches.",
    "fcn": "FCN: a head of three 3x3 convolutions and one of 1x1 on frozen features of patches.",
    "clustering": "Clustering: K-means of patches, clusters matched to classes by the "
    "ground truth.",
    "foreground_clustering": "Clustering of the foreground: K-means of those patches that clusters "
    "which attention prefers leave; these clusters, and the rest as one, matched to classes by the "
    "ground truth.",
    "prototypes": "Prototypes: K-means of one feature an image, that of its object, clusters "
    "matched to classes by the ground truth.",
    "knn": "K-NN: DINO's weighted vote of the nearest labelled images.",
    "foreground": "Foreground: clusters that the encoder's attention prefers.",
    "retrieval": "Retrieval: classes of the nearest labelled patches, weighted.",
    "propagation": "Propagation: masks given in the first frame of a clip, carried to the others.",
}
"""Protocols by name, each with a sentence for tables."""
PROTOCOLS = {
    "leak_free": "no choice looks at the ground truth of the scored data but where the protocol "
    "itself does; every item counts once.",
    "released": "as the authors' released code scores, with all that it looks at "
    "(docs/features.md).",
}


class Features(EvaluationKind):
    """Scores of features; the rule is the protocol."""

    name = "features"
    rules = tuple(DESCRIPTIONS)
    scorings: ClassVar[Mapping[str, Scoring]] = {
        "leak_free": Scoring(None),
        "released": Scoring(None, released_frames=True),
    }
    metrics = (
        Metric("CorLoc", "CorLoc: share of the images whose box overlaps a true one by half."),
        MIOU,
        Metric("top1", "top1: share of the images whose class is right."),
        Metric("J"),
        Metric("F", "F: precision and recall of a mask's boundary, their harmonic mean (DAVIS)."),
        Metric("Acc"),
    )
    is_average = True
    tables = ("comparison", "classes")

    def words(self, rules: str) -> str:
        """The protocol."""
        return rules

    def protocol_note(self, protocol: str) -> str:
        """Description of a scoring of features."""
        return PROTOCOLS[protocol]

    def rule_note(self, rule: str) -> str:
        """Description of a protocol."""
        return DESCRIPTIONS[rule]

    def looks_at_ground_truth(self, rule: str) -> bool:
        """True where clusters are matched to classes."""
        return rule in ("clustering", "foreground_clustering", "prototypes")
