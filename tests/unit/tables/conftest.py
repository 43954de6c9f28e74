"""A finished `results/` of tiny files with true records of provenance, without any training."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml

from commonfate import config, plan
from commonfate.base import files, parquet, provenance
from commonfate.base.settings import parse
from commonfate.evaluation.protocols import PROTOCOLS
from commonfate.prediction import crf
from commonfate.storage.frames import FrameWriter

J = {
    "gwm": 0.61,
    "gwm_maskformer": 0.55,
    "residual_flow": 0.42,
    "feature_clustering": 0.4,
    "amd": 0.5,
    "semantic": 0.48,
}
ABOVE = {
    "object": 0.0,
    "classes": 0.0,
    "unsupervised": 0.0,
    "unsupervised_released": 0.02,
    "oracle": 0.1,
    "oracle_components": 0.15,
}
"""What the choice of the foreground adds."""
BY_SEED = {None: 0.0, 0: 0.0, 1: 0.03, 2: -0.015}
"""What chance adds; of three seeds the mean is 0.5 points, the sample deviation 2.29."""
VALUES = {
    "scale": "demo",
    "datasets": {"sprites": {"adapter": "sprites"}},
    "flow": {"sources": {"dis": {"estimator": "dis"}, "truth": {"estimator": "truth"}}},
    "methods": {
        "gwm": {"width": 16, "normalise_flow": True, "merge": {"features": "network"}},
        "gwm_maskformer": {"size": "small", "normalise_flow": True},
    },
    "benchmarks": {"sprites": {"dataset": "sprites", "split": "all"}},
    "tables": {"table1": {"benchmarks": ["sprites"], "flow": "dis"}},
}
DECLARATION = {
    "title": "Unsupervised video segmentation",
    "caption": "J in\n percent.",
    "scorings": ["leak_free", "oracle", "released"],
    "rows": [
        {"label": "U-Net", "method": "gwm", "published": "Ours (UNet)"},
        {"label": "MaskFormer, CRF", "method": "gwm_maskformer", "crf": True},
        {"label": "Flow alone", "method": "residual_flow"},
    ],
    "published": {"tables": ["gwm_table1", "gwm_notebooks"]},
}


@dataclass
class Results:
    """Fake products of one configuration, below the working directory."""

    values: dict
    plan: plan.Plan

    def scores(self, label: str, scoring: str = "leak_free", seed: int | None = None) -> Path:
        """The evaluation of a row of table1; of its first seed, unless one is named."""
        row = next(row for row in self.plan.declarations["table1"].rows if row.label == label)
        cells = [cell for cell in self.plan.row("table1", row) if cell.scoring == scoring]
        return next(cell.path for cell in cells if seed in (None, cell.run.seed))

    def edit(
        self, label: str, scoring: str = "leak_free", seed: int | None = None, **changes
    ) -> Path:
        """Change what an evaluation of a row of table1 holds."""
        path = self.scores(label, scoring, seed)
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return path


def _write_videos(dataset: str, names: list[str], left_out: dict[str, str]) -> list[Path]:
    """Videos, report, frame store and manifest of a dataset of one shard; the last two."""
    rows = []
    for name in [*names, *left_out]:
        video = Path(f"results/datasets/{dataset}/videos/{name}.mp4")
        video.parent.mkdir(parents=True, exist_ok=True)
        video.write_bytes(name.encode())
        status = "left_out" if name in left_out else "ok"
        row = {"id": name, "split": "val", "shard": 0, "source": str(video), "frames": 4}
        result = {"status": status, "reason": left_out.get(name, ""), "sha256": files.sha256(video)}
        rows.append(row | result)
    report = Path(f"results/frames/{dataset}/0000.parquet")
    manifest = Path(f"results/videos/{dataset}/manifest.parquet")
    store = Path(f"results/frames/{dataset}/0000.zarr.zip")
    sources = [row["source"] for row in rows]
    record = provenance.record("frames", {"codec": "blosc"}, sources)
    parquet.write(report, pd.DataFrame(rows), record)
    with FrameWriter(store, provenance=record):
        pass
    record = provenance.record("manifest", {"dataset": dataset}, [report])
    parquet.write(manifest, pd.DataFrame(rows), record)
    return [manifest, store]


def _write_run(run: plan.Run, data: list[Path]) -> Path:
    index = Path(f"results/samples/{run.samples}/index.parquet")
    if not index.exists():
        record = provenance.record("samples", {"split": run.split}, data)
        parquet.write(index, pd.DataFrame({"t": [0]}), record)
    folder = Path("results/runs") / run.slug
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint.pt").write_bytes(run.slug.encode())
    message = run.settings.model_dump(mode="json")
    inputs = [index, *([_write_run(run.start, data)] if run.start else [])]
    record = provenance.record("train", message, inputs, seed=run.seed, device="cpu")
    files.write_text(folder / "config.yaml", yaml.safe_dump({"provenance": record}))
    return folder / "checkpoint.pt"


def _write_scores(cell: plan.Evaluation, data: list[Path], names: list[str], excluded: int) -> None:
    run = cell.run
    inputs = [*data, *([_write_run(run, data)] if run.settings.trained else [])]
    if not cell.predictions.exists():  # once for all scorings, as its record has a time
        message = {**run.settings.model_dump(mode="json"), "checkpoint": cell.checkpoint}
        predictions = {"provenance": provenance.record("predict", message, inputs, device="cpu")}
        files.write_json(cell.predictions / "predictions.json", predictions)
    j = J[run.settings.method] + ABOVE[cell.foreground] + 0.02 * cell.crf + 0.01 * bool(cell.adapt)
    j += BY_SEED.get(run.seed, 0.0)
    j += 0.03 * (cell.checkpoint == "best") + 0.02 * bool(run.start)
    of_classes = cell.foreground == "classes"
    metrics = {"J": j, "Acc": j + 0.2, "F_beta": j + 0.05, "maxF_beta": None, "MAE": (1 - j) / 4}
    record = provenance.record(
        "evaluate",
        {"protocol": cell.protocol, "foreground": cell.foreground},
        [cell.predictions / "predictions.json", data[0]],
    )
    of_sequence = {"J_mean": j, "J_recall": 1.0, "J_decay": -0.012}
    scores = {
        "metrics": {"mIoU": j, "Acc": j + 0.2} if of_classes else metrics,
        "average": "pooled" if of_classes else PROTOCOLS[cell.protocol].average,
        "sequences": {name: of_sequence | {"frames": {"00000": j, "00001": j}} for name in names},
        "n_frames": 2 * len(names),
        "excluded_frames": {names[0]: list(range(2, 2 + excluded))},
        "description": {
            "network": "U-Net, from scratch",
            "features": "pixels",
            "resolution": "128x224",
        },
        "resolution": "network",
        "seconds_per_frame": {"median": 0.01234, "mean": 0.02, "device": "cpu (test)"},
        "left_out": {},
        "provenance": record,
    }
    files.write_json(cell.path, scores)


@pytest.fixture(autouse=True)
def crf_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan rows with a CRF whatever is installed: nothing here computes one."""
    monkeypatch.setattr(crf, "is_installed", lambda: True)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Results]:
    """Make fake products in a new working directory, with config.json and table1.yaml.

    The function takes the names of the scored videos (of two frames each), those left out with
    reasons, how many more frames are annotated, changes of the declaration, and of the
    configuration.
    """
    monkeypatch.chdir(tmp_path)

    def make(
        names: list[str],
        left_out: dict[str, str] | None = None,
        excluded: int = 0,
        declared: dict | None = None,
        **changes,
    ) -> Results:
        values, declaration = VALUES | changes, DECLARATION | (declared or {})
        parsed = parse(plan.TableDeclaration, declaration, "table1")
        built = plan.join(config.load(values), {"table1": parsed})
        data = {
            name: _write_videos(name, names, left_out or {}) for name in built.datasets("table1")
        }
        for cell in built.evaluations("table1"):
            dataset = built.config.benchmarks[cell.benchmark].dataset
            _write_scores(cell, data[dataset], names, excluded)
        Path("config.json").write_text(json.dumps(values))
        Path("table1.yaml").write_text(yaml.safe_dump(declaration))
        return Results(values, built)

    return make
