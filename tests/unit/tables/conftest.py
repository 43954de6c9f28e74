"""A finished `results/` of tiny files with true records of provenance, without any training."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml

from commonfate import config, files, parquet, plan, provenance
from commonfate.evaluation.protocols import PROTOCOLS
from commonfate.storage.frames import FrameWriter

REPOSITORY = Path(__file__).parents[3]
TABLE1 = REPOSITORY / "workflow/tables/table1.yaml"
J = {"gwm": 0.61, "residual_flow": 0.42, "kmeans": 0.3}


@dataclass
class Results:
    """Fake products of one configuration, below the working directory."""

    values: dict
    plan: plan.Plan

    def scores(self, label: str, foreground: str = "oracle") -> Path:
        """The evaluation of a row of table1."""
        row = next(row for row in self.plan.declarations["table1"].rows if row.label == label)
        cells = self.plan.row("table1", row)
        return next(cell.path for cell in cells if cell.foreground == foreground)


def _write_videos(dataset: str, names: list[str], left_out: dict[str, str]) -> list[Path]:
    """Videos, report, frame store and manifest of a dataset of one shard; the last two."""
    rows = []
    for name in [*names, *left_out]:
        video = Path(f"results/datasets/{dataset}/videos/{name}.mp4")
        video.parent.mkdir(parents=True, exist_ok=True)
        video.write_bytes(name.encode())
        status = "left_out" if name in left_out else "ok"
        row = {"id": name, "split": "val", "shard": 0, "source": str(video), "frames": 4}
        found = {"status": status, "reason": left_out.get(name, ""), "sha256": files.sha256(video)}
        rows.append(row | found)
    report = Path(f"results/frames/{dataset}/0000.parquet")
    manifest = Path(f"results/videos/{dataset}/manifest.parquet")
    store = Path(f"results/frames/{dataset}/0000.zarr.zip")
    sources = [row["source"] for row in rows]
    record = provenance.record("frames", {"codec": "blosc"}, sources)
    parquet.write(report, pd.DataFrame(rows), record)
    with FrameWriter(store, provenance=record):
        pass
    parquet.write(manifest, pd.DataFrame(rows), provenance.record("manifest", {}, [report]))
    return [manifest, store]


def _write_run(run: plan.Run, data: list[Path]) -> Path:
    index = Path(f"results/samples/{run.samples}/index.parquet")
    if not index.exists():
        record = provenance.record("samples", {"split": run.split}, data)
        parquet.write(index, pd.DataFrame({"t": [0]}), record)
    folder = Path("results/runs") / run.slug
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint.pt").write_bytes(run.slug.encode())
    told = run.settings.model_dump(mode="json")
    record = provenance.record("train", told, [index], seed=run.seed, device="cpu")
    files.write_text(folder / "config.yaml", yaml.safe_dump({"provenance": record}))
    return folder / "checkpoint.pt"


def _write_scores(cell: plan.Evaluation, data: list[Path], names: list[str], excluded: int) -> None:
    run = cell.run
    inputs = [*data, *([_write_run(run, data)] if run.settings.trained else [])]
    folder = Path("results/predictions") / run.slug / cell.benchmark / cell.checkpoint
    if not folder.exists():  # once for all ways to choose the foreground, as its record has a time
        told = {**run.settings.model_dump(mode="json"), "checkpoint": cell.checkpoint}
        predictions = {"provenance": provenance.record("predict", told, inputs, device="cpu")}
        files.write_json(folder / "predictions.json", predictions)
    j = J[run.settings.method] + 0.1 * (cell.foreground == "oracle")
    record = provenance.record(
        "evaluate",
        {"protocol": cell.protocol, "foreground": cell.foreground},
        [folder / "predictions.json", data[0]],
    )
    scores = {
        "J": j,
        "average": PROTOCOLS[cell.protocol].average,
        "sequences": {name: {"frames": {"00000": j, "00001": j}} for name in names},
        "n_frames": 2 * len(names),
        "excluded_frames": {names[0]: list(range(2, 2 + excluded))},
        "description": {"features": "pixels", "resolution": "128x224"},
        "seconds_per_frame": {"median": 0.01234, "mean": 0.02, "device": "cpu (test)"},
        "left_out": {},
        "provenance": record,
    }
    files.write_json(cell.path, scores)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Results]:
    """Make fake products in a new working directory.

    The function takes the names of the scored videos (of two frames each), those left out with
    reasons, how many more frames are annotated, and changes of the default configuration.
    """
    monkeypatch.chdir(tmp_path)

    def make(
        names: list[str], left_out: dict[str, str] | None = None, excluded: int = 0, **changes
    ) -> Results:
        values = yaml.safe_load((REPOSITORY / "config.yaml").read_text()) | changes
        made = plan.join(config.load(values), {"table1": plan.read_declaration(TABLE1)})
        data = {
            name: _write_videos(name, names, left_out or {}) for name in made.config.used_datasets()
        }
        for cell in made.evaluations("table1"):
            _write_scores(cell, data[cell.run.dataset], names, excluded)
        Path("config.json").write_text(json.dumps(values))
        return Results(values, made)

    return make
