"""A sketch of a new kind of evaluation: of predicted vectors. It touches nothing but the registry.

Predictions are a vector of every pixel; a pixel is given the class of the nearest mean feature,
taken over the other sequences.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate import config, plan
from commonfate.base import parquet, provenance
from commonfate.base.errors import ConfigError
from commonfate.base.files import replacing_directory, write_json
from commonfate.base.settings import parse
from commonfate.cli import commonfate
from commonfate.datasets import annotations
from commonfate.evaluation import kinds, protocols, record
from commonfate.evaluation.kinds import Metric, PredictionKind, Scoring
from commonfate.evaluation.sheets import pictures, sheet
from commonfate.methods.feature_clustering.settings import FeatureClusteringSettings
from commonfate.prediction import benchmark, maps
from commonfate.prediction.predictions import Predictions
from commonfate.tables import render
from commonfate.tables.assemble import assemble
from helpers.segmented import FRAMES, truth_mask

ROW = {"label": "pixels", "method": "feature_clustering"}


class Vectors(PredictionKind):
    """Scores of vectors by the nearest class mean."""

    name = "vectors"
    rules = ("nearest_mean",)
    scorings = {"nearest_mean": Scoring("nearest_mean")}  # noqa: RUF012
    metrics = (
        Metric("NCM", "NCM: share of the pixels that are nearest to the mean of their class."),
    )
    main_metric = "NCM"

    def evaluate(self, predictions, manifest, protocol, rule, output):
        task = benchmark.read(manifest, predictions.metadata["split"])
        frames = record.counted(record.scored_frames(protocol, task), {})
        read = {
            video.name: {t: _read(predictions, video, t) for t in frames[video.name]}
            for video in task.videos
        }
        scores = {}
        with replacing_directory(output.with_suffix("")) as folder:
            for name, pixels in read.items():
                means = _means(
                    [pair for other in read if other != name for pair in read[other].values()]
                )
                for t, (features, truth) in pixels.items():
                    labels = np.linalg.norm(features[:, :, None] - means, axis=-1).argmin(-1)
                    maps.write_labels(folder / name / f"{t:05d}.png", labels.astype(np.uint8))
                    scores.setdefault(name, {})[t] = float((labels == truth).mean())
        content = record.metadata(predictions, manifest, protocol, rule, task, frames, {}) | {
            "average": protocol.average,
            "foreground_looks_at_ground_truth": False,
            "metrics": _metrics(protocol, scores),
            "sequences": {
                name: {
                    "metrics": _metrics(protocol, {name: values}),
                    "frames": {f"{t:05d}": value for t, value in values.items()},
                }
                for name, values in scores.items()
            },
        }
        write_json(output, content)
        return content

    def pictures(self, predictions, video, t, frame, folder):
        with Image.open(folder / video.name / f"{t:05d}.png") as image:
            labels = pictures.labels_scaled(np.asarray(image), frame.shape[:2])
        return {"nearest class": pictures.coloured(frame, labels)}

    def words(self, rules):
        return f"probe {rules}"


def _read(predictions, video, t):
    features = np.load(predictions.path.parent / f"features/{video.name}/{t}.npy")
    return features, annotations.read(video.annotations[t], video.kind)[0].astype(int)


def _means(pixels):
    """(2, C) mean features of background and foreground."""
    features, truth = (np.concatenate([pair[i].reshape(96, -1) for pair in pixels]) for i in (0, 1))
    return np.stack([features[truth[:, 0] == label].mean(0) for label in (0, 1)])


def _metrics(protocol, scores):
    values = {name: list(by_frame.values()) for name, by_frame in scores.items()}
    return {"NCM": float(protocols.average(protocol, values))}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(kinds.KINDS, "vectors", Vectors())
    monkeypatch.setattr(FeatureClusteringSettings, "gives", ("vectors",))


def _plan(*scorings, metrics=("NCM",), **row):
    values = {
        "scale": "sketch",
        "datasets": {"sprites": {"adapter": "sprites"}},
        "benchmarks": {
            "sprites": {"dataset": "sprites", "protocol": "frame_average", "metrics": list(metrics)}
        },
        "tables": {"probes": {"benchmarks": ["sprites"]}},
    }
    table = {"title": "T", "caption": "C.", "rows": [ROW | row], "scorings": list(scorings)}
    declared = parse(plan.TableDeclaration, table, "probes.yaml")
    return plan.join(config.load(values), {"probes": declared})


@pytest.fixture
def evaluated(manifest, predict, tmp_path, monkeypatch):
    """Scores of features that show the foreground, but in frame 0 of `dog`; and their plan."""
    monkeypatch.chdir(tmp_path)
    created = _plan("nearest_mean")
    (planned,) = created.evaluations("probes")
    description = {"network": "none", "resolution": "that of the frame"}
    written = predict(lambda video, t: truth_mask(), method="feature_clustering", gives="vectors",
                      description=description)  # fmt: skip
    for video, frames in FRAMES.items():
        (written.parent / "features" / video).mkdir(parents=True)
        for t in range(frames):
            seen = truth_mask()[..., None] * np.array([1.0, 2.0]) * ((video, t) != ("dog", 0))
            np.save(written.parent / f"features/{video}/{t}.npy", seen)
    shutil.copytree(written.parent, planned.predictions)
    table = parquet.read(manifest).assign(source="", sha256="")
    parquet.write(
        manifest, pd.DataFrame(table), provenance.record("manifest", {"dataset": "sprites"}, [])
    )
    words = {
        "predictions": planned.predictions / "predictions.json",
        "manifest": manifest,
        "protocol": planned.protocol,
        "foreground": planned.foreground,
        "output": planned.path,
    }
    options = [str(word) for key, value in words.items() for word in (f"--{key}", value)]
    planned.path.parent.mkdir(parents=True)
    result = CliRunner().invoke(commonfate, ["evaluate", *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return created, planned, manifest


def test_the_plan_names_its_scores(evaluated):
    _, planned, _ = evaluated
    assert planned.path.parts[-2:] == ("sprites", "frame_average.nearest_mean.last.json")


def test_a_table_shows_its_number(evaluated):
    table = assemble(evaluated[0], "probes")
    (row,) = table.of("measured")
    assert row["NCM sprites nearest_mean"] == "97.6"  # 16 of 96 pixels wrong in one of 7 frames
    assert "NCM: share of the pixels that are nearest to the mean of their class." in table.notes
    assert (
        "Scoring nearest_mean: probe nearest_mean, checkpoint last, protocol frame_average on "
        "sprites; sees no ground truth."
    ) in table.notes
    assert "97.6" in render.to_text(table)


def test_a_sheet_shows_its_pictures(evaluated):
    _, planned, manifest = evaluated
    opened = Predictions.open(planned.predictions / "predictions.json")
    scores = Vectors().evaluate(
        opened, manifest, protocols.get("frame_average"), "nearest_mean", planned.path
    )

    class Frames:
        def read(self, video, t):
            return np.full((16, 24, 3), 200, np.uint8)

    videos = benchmark.read(manifest, "val").videos
    folder = planned.path.with_suffix("")
    rows = sheet.of_evaluation(scores, opened, videos, Frames(), folder)
    assert rows[0].group == "Highest NCM" and rows[0].label == "frame 0, NCM 100.0"
    assert list(rows[0].pictures) == ["frame", "nearest class"]
    assert sheet.caption(scores).startswith("gwm-test: NCM 97.6 of 2 sequences, 7 frames")


def test_vectors_are_not_scored_as_masks_nor_by_their_metrics(registered):
    with pytest.raises(ConfigError, match="scoring oracle is of masks, but feature_clustering"):
        _plan("oracle").evaluations("probes")
    with pytest.raises(ConfigError, match="scoring nearest_mean has no metric J"):
        _plan("nearest_mean", metrics=["NCM", "J"]).evaluations("probes")
    with pytest.raises(ConfigError, match="metric 'NMC' is unknown; did you mean NCM"):
        _plan("nearest_mean", metrics=["NMC"])  # a name is checked before tables are


def test_a_rule_is_of_one_kind():
    assert kinds.of_rule("nearest_mean").name == "vectors"
    with pytest.raises(ConfigError, match="method feature_clustering predicts vectors; leave it"):
        Vectors().check_rule("oracle", FeatureClusteringSettings())


def test_names_are_unique_and_fit_into_paths():
    for names in (kinds.rules(), kinds.scorings()):
        assert len(set(names)) == len(names)
    every = [rule for kind in kinds.KINDS.values() for rule in kind.rules]
    assert len(set(every)) == len(every)
    rule = Path(__file__).parents[3] / "workflow/rules/evaluate.smk"
    assert 'foreground="|".join(evaluation_kinds.rules())' in rule.read_text()
    assert all(name.replace("_", "").isalpha() and name.islower() for name in kinds.rules())
