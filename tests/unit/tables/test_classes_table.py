"""Tables by class: of features and of predicted classes, with repeats, seeds and absent classes."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from commonfate import config, plan
from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.settings import parse
from commonfate.cli.table import write
from commonfate.tables import render
from commonfate.tables.assemble import assemble
from commonfate.tables.table import Table, sections
from helpers import feature_scores
from helpers.feature_scores import FeatureResults

SHAPES = {"adapter": "sprite_images", "labels": "classes", "train_images": 4}
BENCHMARKS = {
    "probe": {"kind": "linear", "dataset": "shapes", "settings": {"classes": 6}},
    "clusters": {
        "kind": "clustering",
        "dataset": "shapes",
        "settings": {"level": "dataset", "repeats": 2, "seed": 3},
    },
    "frames": {"kind": "clustering", "dataset": "shapes", "settings": {"level": "frame"}},
    "photos": {"kind": "knn", "dataset": "shapes"},
    "boxes": {"kind": "localization", "dataset": "shapes"},
    "objects": {"kind": "clustering", "dataset": "clips", "settings": {"level": "dataset"}},
    "segments": {
        "dataset": "shapes",
        "metrics": ["mIoU", "Acc"],
        "train_split": "train",
        "protocol": "frame_average",
    },
}
Make = Callable[..., FeatureResults]


def _frozen(label: str, seed: int) -> dict:
    settings = {"encoder": "random.vit_smoke_8", "seed": seed}
    return {"label": label, "method": "frozen", "settings": settings}


ROWS = [_frozen("A", 1), _frozen("B", 2)]


def _plan(benchmarks: list[str], **declared) -> plan.Plan:
    values = {
        "scale": "demo",
        "datasets": {"shapes": SHAPES, "clips": {"adapter": "sprites"}},
        "benchmarks": BENCHMARKS,
        "methods": {"semantic": {"classes": 6, "size": "small"}},
        "tables": {"each": {"benchmarks": benchmarks}},
        "seeds": declared.pop("seeds", [0]),
    }
    declaration = {"title": "T", "caption": "C.", "kind": "classes", "scorings": ["leak_free"]}
    parsed = parse(plan.TableDeclaration, declaration | {"rows": ROWS} | declared, "each.yaml")
    return plan.join(config.load(values), {"each": parsed})


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Scores of encoders A and B on benchmarks; their mIoU is 0.5."""
    monkeypatch.chdir(tmp_path)

    def made(*benchmarks: str, **declared) -> FeatureResults:
        return feature_scores.write(
            _plan(list(benchmarks), **declared), "each", lambda planned: [0.4, 0.6]
        )

    return made


def _lines(table: Table) -> list[list[str]]:
    return [[row.get(column, "") for column in table.columns] for row in table.rows]


def test_a_row_a_class_in_the_order_of_the_labels(make: Make) -> None:
    results = make("probe")
    results.edit("A", "probe", "leak_free", classes={"3": 0.25, "0": 0.5})
    results.edit("B", "probe", "leak_free", classes={"1": 1.0, "0": 0.125})
    table = results.assemble()
    assert table.columns == ["class", "benchmark", "score", "A: leak_free", "B: leak_free"]
    assert _lines(table) == [
        ["background", "probe", "IoU", "50.0", "12.5"],
        ["ellipse", "probe", "IoU", "", "100.0"],
        ["star", "probe", "IoU", "25.0", ""],
        ["all", "probe", "mIoU", "50.0", "50.0"],
    ]
    assert (table.breaks, table.means) == ([0, 3], [3])
    (note,) = [note for note in table.notes if note.startswith("Classes of probe without a score")]
    assert note.endswith("as no scored image has them: box, crescent, ring.")
    assert any(note.startswith("IoU of a class: its pixels in all") for note in table.notes)
    assert any(note.startswith("Columns A: scale demo, network ") for note in table.notes)


def test_repeats_of_a_class_have_a_deviation_and_seeds(make: Make) -> None:
    results = make("clusters")
    repeats = [{"0": 0.2, "1": 0.5}, {"0": 0.4}]
    changes = {"classes": {"0": 0.3, "1": 0.5}, "classes_of_repeats": repeats}
    for label in ("A", "B"):
        results.edit(label, "clusters", "leak_free", **changes)
    table = results.assemble()
    column = [row["A: leak_free"] for row in table.rows]
    assert column == ["30.0 ± 14.1 (2)", "50.0", "50.0 ± 14.1 (2)"]
    lines = list(csv.DictReader(render.to_long_csv(table).splitlines()))
    first = {key: lines[0][key] for key in ("row", "metric", "seed", "value", "repeats")}
    assert first == {
        "row": "background",
        "metric": "IoU",
        "seed": "",
        "value": "30.0",
        "repeats": "2",
    }
    assert lines[-1]["metric"] == "mIoU"


def test_classes_without_names_have_their_numbers(make: Make) -> None:
    results = make("objects")
    results.edit("A", "objects", "leak_free", classes={"2": 0.1, "10": 0.3})
    results.edit("B", "objects", "leak_free", classes={"9": 0.1})
    assert [row["class"] for row in results.assemble().rows] == ["2", "9", "10", "all"]


def test_classes_of_images_have_names_of_their_own(make: Make) -> None:
    results = make("photos", "probe")
    for label, benchmark in (("A", "photos"), ("B", "photos"), ("A", "probe"), ("B", "probe")):
        classes = {"cat": 0.5, "apple": 1.0} if benchmark == "photos" else {"0": 0.75}
        results.edit(label, benchmark, "leak_free", classes=classes)
    table = results.assemble()
    assert [(row["class"], row["benchmark"], row["score"]) for row in table.rows] == [
        ("cat", "photos", "top1"),
        ("apple", "photos", "top1"),
        ("all", "photos", "top1"),
        ("background", "probe", "IoU"),
        ("all", "probe", "mIoU"),
    ]
    assert any("top1 of a class: share of its images" in note for note in table.notes)
    shown = render.to_text(table)
    assert "cat" not in shown and shown.count("| all") == 2


SEMANTIC = {"rows": [{"label": "S", "method": "semantic"}], "scorings": ["classes"]}


def test_predicted_classes_of_several_trainings(make: Make) -> None:
    results = make("segments", **SEMANTIC, seeds=[0, 1])
    planned = results.planned("S", "segments", "classes")
    for cell, iou in zip(planned, (0.5, 0.7), strict=True):
        scores = json.loads(cell.path.read_text())
        scores |= {"classes": {"0": iou}, "metrics": {"mIoU": iou, "Acc": 0.9}}
        cell.path.write_text(json.dumps(scores))
    assert _lines(results.assemble()) == [
        ["background", "segments", "IoU", "60.0 ± 14.1 (2)"],
        ["all", "segments", "mIoU", "60.0 ± 14.1 (2)"],
        ["all", "segments", "Acc", "90.0 ± 0.0 (2)"],
    ]


def test_directions_are_judged_by_the_metrics(make: Make) -> None:
    results = make("probe", expects=[{"better": "A", "worse": "B"}])
    notes = results.assemble().notes
    assert any(note.startswith("Expected A > B: ") for note in notes)


def test_wide_tables_name_class_benchmark_and_score_in_every_part(make: Make) -> None:
    rows = [_frozen(f"encoder {number}", number) for number in range(12)]
    results = make("probe", rows=rows)
    results.edit("encoder 3", "probe", "leak_free", classes={"0": 0.5})
    parts = sections(results.assemble())
    assert len(parts) > 1
    assert all(part.columns[:3] == ["class", "benchmark", "score"] for part in parts)


def test_every_form_is_written(make: Make) -> None:
    results = make("probe")
    results.edit("A", "probe", "leak_free", classes={"0": 0.5})
    output = Path("results/tables/each.csv")
    write(assemble(results.plan, "each"), results.plan.table_config("each"), output)
    for suffix in (".csv", ".md", ".tex"):
        assert "background" in output.with_suffix(suffix).read_text()
    record = json.loads(output.with_suffix(".provenance.json").read_text())
    assert record["cells"][0]["row"] == "background"


@pytest.mark.parametrize(
    ("benchmark", "declared", "message"),
    [
        (
            "boxes",
            {},
            "'A' on benchmark boxes: scores of localization have no numbers of single cl",
        ),
        ("frames", {}, "on benchmark frames: scores of clustering have no numbers of single class"),
        ("probe", {"kind": "sequences"}, "scores of linear have no numbers of single sequences"),
        (
            "probe",
            {"published": {"tables": ["timet_table5"], "metrics": ["mIoU_linear"]}},
            "published: no paper's numbers of single classes are known",
        ),
        ("segments", {"scorings": ["oracle"]}, "scoring 'oracle' has no numbers of classes"),
    ],
)
def test_what_has_no_classes_is_refused(benchmark: str, declared: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _plan([benchmark], **declared).evaluations("each")


def test_scores_without_classes_are_made_again(make: Make) -> None:
    results = make("probe")
    (planned,) = results.planned("A", "probe", "leak_free")
    scores = json.loads(planned.path.read_text())
    del scores["classes"]
    planned.path.write_text(json.dumps(scores))
    with pytest.raises(StoreError, match="has no 'classes'; delete it and run the command again"):
        results.assemble()
