"""Protocols as sentences: numbers of one, and what has no sense for a single clustering."""

import re

import pytest

from commonfate.evaluation.features.benchmarks import CarryingSettings
from commonfate.evaluation.features.run import settings as known
from commonfate.evaluation.features.run import statement
from commonfate.evaluation.features.settings import (
    FLOWDINO_COCO,
    ClusteringSettings,
    ForegroundClusteringSettings,
    ForegroundSettings,
    KnnSettings,
    ProbeSettings,
    PrototypesSettings,
    RetrievalSettings,
    ScoreSettings,
)
from commonfate.models.settings import ExtractionSettings

DETAILS = {"classes": "by settings", "clip_length": 1, "objects": True, "size": "S", "boxes": "B"}
ONES = {
    "linear": ProbeSettings(
        classes=1, epochs=1, batch_size=1, drop_every=1, score=ScoreSettings(images=1)
    ),
    "fcn": FLOWDINO_COCO.model_copy(update={"epochs": 1}),
    "retrieval": RetrievalSettings(classes=1, k=1, memory=1),
    "clustering": ClusteringSettings(
        level="clip", clusters=1, components=1, starts=1, repeats=1, batch=1
    ),
    "foreground_clustering": ForegroundClusteringSettings(
        clusters=2,
        components=1,
        starts=1,
        repeats=1,
        extraction=ExtractionSettings(clusters=1, components=1, starts=1),
    ),
    "prototypes": PrototypesSettings(clusters=1, components=1, starts=1, repeats=1),
    "foreground": ForegroundSettings(clusters=1, components=1, starts=1),
    "knn": KnnSettings(k=(1,)),
    "localization": None,
    "propagation": CarryingSettings(step=1),
}


def test_every_protocol_is_tried() -> None:
    assert set(ONES) == set(known.PROTOCOLS) == set(statement.SENTENCES)


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("name", ONES)
def test_nothing_of_which_there_is_a_single_one_is_in_the_plural(name: str, released: bool) -> None:
    text = statement.of_protocol(name, ONES[name], released, DETAILS)
    plural = re.findall(r"(?<![\d.,])1 (?:\w+ )?[a-z]+(?<!s)s\b", text)
    assert plural == []


def _of(name: str, **changes: object) -> str:
    return statement.of_protocol(name, ONES[name].model_copy(update=changes), False, DETAILS)


def test_a_single_clustering_has_no_mean_and_no_deviation() -> None:
    for name in ("clustering", "prototypes"):
        text = _of(name)
        assert "clustered once (seed" in text
        assert "deviation" not in text and "clusterings" not in text and "best of" not in text
    assert "; mean of 3 clusterings (seeds 1 to 3)" in _of("clustering", repeats=3)
    assert "; mean and deviation of 3 clusterings (seeds 0 to 2)" in _of("prototypes", repeats=3)
    assert "(best of 4 runs)" in _of("clustering", starts=4)


def test_what_is_clustered_and_fitted_together() -> None:
    text = _of("clustering", level="dataset", batch=None)
    assert text.startswith("All frames of the data set are clustered together: tokens, ")
    assert "reduced to 1 principal component, K-means with 1 cluster, " in text
    assert _of("clustering", level="frame", batch=None).startswith("Each frame is clustered alone:")
    text = _of("clustering", clip_length=1, clusters=None, batch=16)
    assert text.startswith("Each clip of 1 annotated frame is clustered alone: ")
    assert "reduced to 1 principal component of batches of 16 clips, K-means with as many" in text


def test_steps_of_clips() -> None:
    assert "clips of annotated frames 1 frame apart is carried" in _of("propagation")
    assert "clips of annotated frames 2 frames apart is carried" in _of("propagation", step=2)
