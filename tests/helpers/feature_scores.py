"""Scores of features for the evaluations of a table, written by hand, without any job."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from commonfate import plan
from commonfate.base import files, provenance
from commonfate.evaluation.features.benchmarks import FeatureBenchmark
from commonfate.evaluation.features.run import statement
from commonfate.tables.assemble import assemble
from commonfate.tables.table import Table

SEQUENCES = {"VOC2012": (2913, 1), "DAVIS2017": (30, 4), "YouTube-VOS": (695, 2), None: (3, 2)}
"""Sequences and frames of each, by `published_as` of a benchmark."""
AVERAGES = {"frame": "frame", "clip": "clip", "dataset": "pooled"}


@dataclass
class FeatureResults:
    """Scores below the working directory, of one table of a plan."""

    plan: plan.Plan
    table: str

    def planned(self, label: str, benchmark: str, scoring: str) -> list[plan.Evaluation]:
        """The evaluations of a row, one a seed."""
        rows = self.plan.declarations[self.table].rows
        row = next(row for row in rows if row.label == label)
        return [
            cell
            for cell in self.plan.row(self.table, row)
            if (cell.benchmark, cell.scoring) == (benchmark, scoring)
        ]

    def edit(self, label: str, benchmark: str, scoring: str, **changes: Any) -> None:
        """Change what the scores of a row's first seed hold."""
        path = self.planned(label, benchmark, scoring)[0].path
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    def assemble(self) -> Table:
        """The table."""
        return assemble(self.plan, self.table)


def write(
    built: plan.Plan, table: str, repeats_of: Callable[[plan.Evaluation], list[float]]
) -> FeatureResults:
    """Write the scores of all evaluations of a table, as `commonfate probe` does.

    Args:
        built: the plan.
        table: one of its tables.
        repeats_of: the main metric of each repeat of an evaluation.
    """
    for planned in built.evaluations(table):
        features = isinstance(built.config.benchmarks[planned.benchmark], FeatureBenchmark)
        written = content if features else of_segments
        files.write_json(planned.path, written(built, planned, repeats_of(planned)))
    return FeatureResults(built, table)


def of_segments(built: plan.Plan, planned: plan.Evaluation, values: list[float]) -> dict[str, Any]:
    """The content of scores of segments, whose J is the mean of some values."""
    return {
        "metrics": {"J": sum(values) / len(values)},
        "average": "sequence",
        "sequences": {"v0000": {"frames": {"00000": 0.5}}},
        "n_frames": 1,
        "excluded_frames": {},
        "left_out": {},
        "description": {"network": "U-Net", "features": "pixels", "resolution": "128x224"},
        "seconds_per_frame": {"median": 0.01, "device": "cpu"},
        "provenance": provenance.record("evaluate", {}, []),
    }


def content(built: plan.Plan, planned: plan.Evaluation, values: list[float]) -> dict[str, Any]:
    """The content of a file of scores."""
    benchmark = built.config.benchmarks[planned.benchmark]
    settings: Any = benchmark.settings_of(planned.run.settings)
    released = planned.scoring == "released"
    settings = settings.as_released() if released else settings
    metric = benchmark.metrics[0]
    count, frames = SEQUENCES[benchmark.published_as]
    level = getattr(settings, "level", "dataset")
    details = {"clip_length": getattr(benchmark, "clip_length", 1), "objects": False}
    details |= {"classes": "background, ..."}
    encoder = getattr(planned.run.settings, "encoder", "bundled")
    opening = f"Encoder {encoder}, view {benchmark.view} (tokens 28x28x384 of the first); 9 images "
    opening += "of split val of results/videos/x/manifest.parquet are scored."
    sentence = statement.of_protocol(benchmark.kind, settings, released, details)
    return {
        "protocol": planned.protocol,
        "foreground": planned.foreground,
        "statement": f"{opening} {sentence}",
        "settings": settings.model_dump(mode="json"),
        "metrics": {metric: sum(values) / len(values)},
        "spread": {},
        "repeats": [{metric: value} for value in values if hasattr(settings, "repeats")],
        "classes": {},
        "average": AVERAGES[level],
        "sequences": {
            f"v{number:04d}": {"frames": {f"{t:05d}": 0.5 for t in range(frames)}}
            for number in range(count)
        },
        "n_frames": count * frames,
        "excluded_frames": {},
        "left_out": {},
        "left_out_frames": {},
        "notes": [],
        "description": {"network": encoder, "features": benchmark.view},
        "seconds_per_frame": {"median": 0.2, "device": "cpu", "of": "fitting and scoring"},
        "provenance": provenance.record("probe", {}, []),
    }
