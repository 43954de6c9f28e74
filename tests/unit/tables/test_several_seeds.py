"""Tables of several seeds: what is shown, what is kept of each seed, what is judged."""

import csv
import json
import statistics
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from commonfate.base.errors import UserError
from commonfate.cli import commonfate
from commonfate.tables import render
from commonfate.tables.assemble import assemble

UNET, FLOW = "U-Net", "Flow alone"
VIDEOS = ["sprite_0000", "sprite_0001"]
SEEDS = {"seeds": [0, 1, 2]}
COLUMN = "J sprites leak_free"
SLUG = "gwm-unet-quadratic-k4-dis-sprites-s{}"


def _row(table, label: str) -> dict[str, str]:
    return next(row for row in table.rows if row["method"] == label)


def test_mean_deviation_and_number_of_seeds_are_shown_in_every_form(results) -> None:
    table = assemble(results(VIDEOS, **SEEDS).plan, "table1")
    unet, flow = _row(table, UNET), _row(table, FLOW)
    assert (unet[COLUMN], unet["seed"]) == ("61.5 ± 2.3 (3)", "0, 1, 2")
    assert (flow[COLUMN], flow["seed"]) == ("42.0", "none")
    assert "61.5 ± 2.3 (3)" in render.to_csv(table)
    assert "61.5 ± 2.3 (3)" in render.to_markdown(table)
    assert r"61.5 $\pm$ 2.3 (3)" in render.to_latex(table)
    assert "61.5 ± 2.3 (3)" in render.to_text(table)


def test_the_notes_say_what_the_deviation_is(results) -> None:
    note = assemble(results(VIDEOS, **SEEDS).plan, "table1").notes[0]
    for fact in ("seeds 0, 1, 2", "sample standard deviation", "n - 1", "not trained has one run"):
        assert fact in note


def test_one_seed_says_that_it_decides_nothing(results) -> None:
    note = assemble(results(VIDEOS).plan, "table1").notes[0]
    assert "one seed: 0" in note and "no difference of what is trained is decided" in note


def test_a_table_of_what_is_not_trained_has_no_seeds(results) -> None:
    declared = {"rows": [{"label": FLOW, "method": "residual_flow"}]}
    note = assemble(results(VIDEOS, declared=declared, **SEEDS).plan, "table1").notes[0]
    assert "no method here is trained" in note and "seed" not in note


def test_every_seed_has_its_evaluation_in_the_provenance(results) -> None:
    built = results(VIDEOS, **SEEDS)
    cells = assemble(built.plan, "table1").cells
    (cell,) = [item for item in cells if (item["row"], item["column"]) == (UNET, COLUMN)]
    paths = [str(built.scores(UNET, seed=seed)) for seed in (0, 1, 2)]
    assert cell["evaluations"] == paths
    assert cell["runs"] == [SLUG.format(seed) for seed in (0, 1, 2)]
    assert [item["evaluation"] for item in cell["seeds"]] == paths
    assert [item["seed"] for item in cell["seeds"]] == [0, 1, 2]
    assert [item["value"] for item in cell["seeds"]] == pytest.approx([61, 64, 59.5])
    (cell,) = [item for item in cells if (item["row"], item["column"]) == (FLOW, COLUMN)]
    assert [(item["seed"], item["value"]) for item in cell["seeds"]] == [(None, pytest.approx(42))]


@pytest.fixture
def written(results) -> Path:
    """The table of three seeds as the verb writes it."""
    results(VIDEOS, **SEEDS)
    options = ["--config", "config.json", "--declaration", "table1.yaml"]
    done = CliRunner().invoke(commonfate, ["table", "table1", *options], catch_exceptions=False)
    assert done.exit_code == 0
    return Path("results/tables/table1.csv")


def test_the_long_form_gives_the_table_again(written: Path) -> None:
    numbers = pd.read_csv(written.with_suffix(".long.csv"))
    assert list(numbers.columns) == [
        "row",
        "column",
        "benchmark",
        "scoring",
        "metric",
        "seed",
        "value",
        "repeats",
        "repeats_std",
        "evaluation",
    ]
    with written.open(newline="") as file:
        rows = {row["method"]: row for row in csv.DictReader(file) if row["source"] == "measured"}
    shown = 0
    for (row, column), group in numbers.groupby(["row", "column"]):
        text = f"{group.value.mean():.1f}"
        if len(group) > 1:
            text += f" ± {statistics.stdev(group.value):.1f} ({len(group)})"
        assert rows[row][column] == text
        assert all(Path(path).is_file() for path in group.evaluation)
        shown += 1
    assert shown == 3 * 3
    assert numbers.value.dtype == float
    assert numbers[numbers.row == FLOW].seed.isna().all()


def test_explain_follows_every_seed(written: Path) -> None:
    asked = ["explain", str(written), "--row", UNET, "--column", COLUMN]
    text = CliRunner().invoke(commonfate, asked, catch_exceptions=False).stdout
    assert "61.5 ± 2.3 (3)" in text
    for seed in (0, 1, 2):
        assert f"results/predictions/{SLUG.format(seed)}/sprites/last/predictions.json" in text
        assert f"results/runs/{SLUG.format(seed)}/checkpoint.pt" in text


def test_all_seeds_must_be_scored_on_the_same_frames(results) -> None:
    built = results(VIDEOS, **SEEDS)
    metadata = json.loads(built.scores(UNET, seed=2).read_text())
    del metadata["sequences"]["sprite_0001"]
    built.edit(UNET, seed=2, sequences=metadata["sequences"])
    with pytest.raises(UserError, match=rf"{SLUG.format(2)}.*scored on other frames"):
        assemble(built.plan, "table1")


def test_a_seed_without_the_number_does_not_count(results) -> None:
    built = results(VIDEOS, **SEEDS)
    built.edit(UNET, seed=1, metrics={"J": None})
    table = assemble(built.plan, "table1")
    assert _row(table, UNET)[COLUMN] == "60.2 ± 1.1 (2)"
    (cell,) = [item for item in table.cells if (item["row"], item["column"]) == (UNET, COLUMN)]
    assert [item["seed"] for item in cell["seeds"]] == [0, 2]


def test_sequences_have_their_mean_over_seeds(results) -> None:
    declared = {
        "kind": "sequences",
        "rows": [{"label": "ours", "method": "gwm"}],
        "scorings": ["leak_free"],
        "published": None,
    }
    built = results(["a", "b"], declared=declared, **SEEDS)
    for seed, (first, second) in {0: (0.5, 0.9), 1: (0.6, 0.8), 2: (0.7, 0.7)}.items():
        metadata = json.loads(built.scores("ours", seed=seed).read_text())["sequences"]
        for name, j, frames in (("a", first, 1), ("b", second, 3)):
            metadata[name] |= {"J_mean": j, "frames": {f"{t:05d}": j for t in range(frames)}}
        built.edit("ours", seed=seed, sequences=metadata)
    table = assemble(built.plan, "table1")
    shown = {row["sequence"]: row["ours: J mean leak_free"] for row in table.rows}
    assert shown == {
        "a": "60.0 ± 10.0 (3)",
        "b": "80.0 ± 10.0 (3)",
        "Average": "70.0 ± 0.0 (3)",  # 70 of every seed
        "Frame Avg.": "75.0 ± 5.0 (3)",  # 80, 75, 70
    }


def test_a_difference_to_published_has_the_deviation_and_is_judged_by_it(results) -> None:
    full = [f"sequence{number:02d}" for number in range(20)]
    real = {
        "datasets": {"real": {"adapter": "davis", "root": "."}},
        "benchmarks": {"davis2016": {"dataset": "real", "published_as": "DAVIS2016"}},
        "tables": {"table1": {"benchmarks": ["davis2016"], "flow": "dis"}},
    }
    built = results(full, excluded=1376 - 2 * 20, **real, **SEEDS)
    column = "J davis2016 released"
    table = assemble(built.plan, "table1")
    assert _row(table, UNET)[f"{column}: difference to published"] == "-3.8 ± 2.3 (3)"
    (note,) = [note for note in table.notes if note.startswith("Difference to published")]
    assert "beyond two standard errors" in note and f"{UNET}, J davis2016" in note
    built.edit(UNET, "released", seed=1, metrics={"J": 0.9})
    (note,) = [n for n in assemble(built.plan, "table1").notes if n.startswith("Difference to pub")]
    assert "within two standard errors" in note
    built = results(full, excluded=1376 - 2 * 20, **real)
    (note,) = [n for n in assemble(built.plan, "table1").notes if n.startswith("Difference to pub")]
    assert "undecided" in note and "one seed" in note


def test_starts_of_all_seeds_are_named(results) -> None:
    rows = [{"label": "ours", "method": "semantic", "start": {"method": "amd"}}]
    changes = {
        "datasets": {
            "shapes": {"adapter": "sprite_images", "labels": "classes", "train_images": 4},
            "sprites": {"adapter": "sprites"},
        },
        "benchmarks": {
            "shapes": {
                "dataset": "shapes",
                "train_split": "train",
                "pretrain_datasets": ["sprites"],
                "metrics": ["mIoU"],
            }
        },
        "methods": {"semantic": {"classes": 6}},
        "tables": {"table1": {"benchmarks": ["shapes"]}},
    }
    declared = {"rows": rows, "scorings": ["classes"], "published": None}
    notes = assemble(results(["a"], declared=declared, **changes, **SEEDS).plan, "table1").notes
    (note,) = [note for note in notes if note.startswith("Start of ours")]
    assert all(f"-s{seed}" in note for seed in (0, 1, 2))
