"""The smoke scale, end to end through Snakemake."""

import csv
import json
import subprocess
import sys
from pathlib import Path


def _rows(results: Path, table: str = "table1") -> list[dict[str, str]]:
    with (results / f"tables/{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_table1_holds_measured_and_published_rows(smoke) -> None:
    rows = _rows(smoke.results)
    measured = [row for row in rows if row["source"] == "measured"]
    published = [row for row in rows if row["source"].startswith("published")]
    assert [row["method"] for row in measured] == [
        "Guess What Moves (U-Net)",
        "Guess What Moves (U-Net), merged by motion",
        "AMD (per image)",
        "AMD (per video)",
        "Residual flow, thresholded",
        "Motion through the video",
        "K-means on image features",
        "DINO ViT-S/16, Fiedler mask",
        "FlowDINO ViT-S/16, Fiedler mask",
        "TimeT ViT-S/16, foreground clusters",
    ]
    namers = {2, 3, 5, len(measured) - 1}  # methods that say themselves what the object is
    for row in (measured[place] for place in namers):
        assert 0 <= float(row["J sprites leak_free"]) <= 100
        assert row["J sprites oracle"] == ""
    for row in (row for place, row in enumerate(measured) if place not in namers):
        for scoring in ("leak_free", "oracle", "released"):
            assert 0 <= float(row[f"J sprites {scoring}"]) <= 100
        assert float(row["J sprites oracle"]) >= float(row["J sprites leak_free"])
    printed = {row["method"]: row["J DAVIS2016"] for row in published}
    assert (printed["Ours (UNet)"], printed["AMD (per-img)"]) == ("78.3", "45.7")
    assert not any("DAVIS2016" in key and row[key] for row in measured for key in row)


def test_fine_tuned_runs_start_from_the_weights_of_others(smoke) -> None:
    measured = [row for row in _rows(smoke.results, "amd_table2") if row["source"] == "measured"]
    labels = ["Scratch", "AMD, light augmentation", "AMD, heavy augmentation"]
    assert [row["method"] for row in measured] == labels
    assert all(0 <= float(row["mIoU sprite_classes classes"]) <= 100 for row in measured)
    assert measured[0]["pre-training"] == "" or "amd" not in measured[0]["pre-training"]


def test_features_are_scored(smoke) -> None:
    rows = _rows(smoke.results, "timet_table10")
    measured, published = rows[:3], rows[3:]
    assert {row["source"] for row in measured} == {"measured"}
    assert [row["method"] for row in measured] == [
        "DINO (ViT-S/16)",
        "TimeT (ViT-S/16)",
        "TimeT (ViT-S/16), foreground",
    ]
    for row in measured:
        for scoring in ("leak_free", "released"):
            (column,) = (key for key in row if key.endswith(f" {scoring}"))
            assert 0 < float(row[column].partition(" ")[0]) < 100
    (column,) = (key for key in rows[0] if "VOC2012" in key)
    assert [row[column] for row in published] == ["48.2", "4.6", "16.5", "34.5"]
    text = (smoke.results / "tables/timet_table10.md").read_text()
    # No DINO was measured: the scale has another encoder in its place, and the table says so.
    assert "random.vit_smoke_8 for DINO (ViT-S/16)" in text
    folder = smoke.results / "evaluations/frozen-random.vit_smoke_8-s0/sprite_k6"
    assert len(list(folder.glob("*.png"))) == 2


def test_every_number_can_be_traced(smoke) -> None:
    trace = json.loads((smoke.results / "tables/table1.provenance.json").read_text())
    assert trace
    commonfate = Path(sys.executable).with_name("commonfate")
    explained = subprocess.run(
        [commonfate, "explain", "--full", smoke.results / "tables/table1.csv"],
        cwd=smoke.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "sprite_0000" in explained.stdout
    assert "gwm-unet-quadratic-k4-dis-sprites-s0" in explained.stdout


def test_a_second_run_does_nothing(smoke) -> None:
    assert smoke.planned(targets=smoke.TABLES) == set()


def test_one_touched_value_reruns_only_what_depends_on_it(smoke) -> None:
    of_training = smoke.planned("--config", "methods={gwm: {loss_multiplier: 0.04}}")
    assert of_training == {"train", "predict", "evaluate", "table"}
    of_pairs = smoke.planned("--config", "datasets={sprites: {pair_gaps: [2]}}")
    assert of_pairs == {"samples", "train", "predict", "evaluate", "table"}
    of_a_seed_more = smoke.planned("--config", "tables={table1: {seeds: [0, 1]}}")
    assert of_a_seed_more == {"train", "predict", "evaluate", "table"}
    of_clusters = smoke.planned("--config", "methods={feature_clustering: {seed: 1}}")
    assert of_clusters == {"predict", "evaluate", "table"}
    of_storage = smoke.planned("--config", "flow={steps_per_pixel: 16}")
    assert of_storage == {"flow", "samples", "train", "predict", "evaluate", "table"}
    of_nothing = smoke.planned("--config", "flow={sources: {other: {estimator: farneback}}}")
    assert of_nothing == set()
    assert smoke.planned("--config", "flow={batch_size: 3}") == set()


def test_an_unknown_key_stops_before_any_job(tmp_path: Path, workflow_in) -> None:
    process = workflow_in(tmp_path).start("--config", "shard_sizes=3")
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "shard_sizes is unknown; did you mean shard_size?" in output
    assert "Traceback" not in output
    assert not (tmp_path / "results").exists()


def test_a_missing_dataset_folder_stops_before_any_job(tmp_path: Path, workflow_in) -> None:
    process = workflow_in(tmp_path).start(
        "--config",
        "datasets={davis2016: {adapter: davis, root: /nowhere}}",
        "benchmarks={davis2016: {dataset: davis2016}}",
        "tables={table1: {benchmarks: [davis2016], flow: dis}}",
    )
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "datasets.davis2016.root = '/nowhere': no such folder" in output
    assert not (tmp_path / "results").exists()
