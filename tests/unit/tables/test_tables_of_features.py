"""Tables of features: repeats, notes, and the printed columns of FlowDINO and TimeT."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from commonfate import config, plan
from commonfate.base.settings import parse
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.tables import render
from commonfate.tables.table import Table, sections
from helpers import feature_scores
from helpers.feature_scores import FeatureResults

ROOT = Path(__file__).parents[3]
TEN = [0.30 + 0.01 * number for number in range(10)]
"""Ten repeats: mean 0.345, sample deviation 0.0303."""
FOUR = [0.2, 0.3, 0.2, 0.3]
"""Four repeats: mean 0.25, sample deviation 0.0577, standard error 0.0289."""


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[plan.Plan]:
    """All tables of scale `paper`, in a new working directory, on empty folders."""
    values = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("paper"))
        for dataset in values["datasets"].values():
            Path(dataset["root"]).mkdir(parents=True, exist_ok=True)
        yield plan.make(config.load(values), ROOT / "workflow/tables")


@pytest.fixture(scope="module")
def table4(paper: plan.Plan) -> Table:
    """Table 4 of TimeT; the number of a benchmark in `PRINTED` is its score in percent."""
    return feature_scores.write(paper, "timet_table4", _place).assemble()


Small = Callable[..., FeatureResults]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """Scores of two encoders by clustering, `first` and `second` by their repeats, and a plan."""
    monkeypatch.chdir(tmp_path)

    def make(first: list[float], second: list[float], rows: list | None = None, **changes):
        values = {
            "scale": "demo",
            "datasets": {"clips": {"adapter": "sprites", "labels": "classes"}},
            "benchmarks": {"clips": {"kind": "clustering", "dataset": "clips", "split": "all"}},
            "tables": {"small": {"benchmarks": ["clips"]}},
        }
        declared = {
            "title": "T",
            "caption": "C.",
            "scorings": ["leak_free"],
            "rows": rows or [_frozen("A", 1), _frozen("B", 2)],
            "expects": [{"better": "A", "worse": "B"}],
        }
        parsed = parse(plan.TableDeclaration, declared, "small.yaml")
        built = plan.join(config.load(values | changes), {"small": parsed})
        numbers = {"A": first, "B": second}
        labels = {planned: row.label for row in parsed.rows for planned in built.row("small", row)}
        return feature_scores.write(built, "small", lambda planned: numbers[labels[planned]])

    return make


def _frozen(label: str, seed: int) -> dict:
    settings = {"encoder": "random.vit_tiny_8", "seed": seed}
    return {"label": label, "method": "frozen", "settings": settings}


def _row(table: Table, label: str) -> dict[str, str]:
    return next(row for row in table.rows if row["method"] == label)


def _note(table: Table, start: str) -> str:
    (note,) = [note for note in table.notes if note.startswith(start)]
    return note


COLUMN = "mIoU clips leak_free"


def test_repeats_are_shown_with_their_sample_deviation_and_number(small: Small) -> None:
    table = small(TEN, FOUR).assemble()
    assert _row(table, "A")[COLUMN] == "34.5 ± 3.0 (10)"
    assert _row(table, "B")[COLUMN] == "25.0 ± 5.8 (4)"
    note = table.notes[0]
    assert "no method here is trained" in note and "sample standard deviation (n - 1" in note
    assert "`spread` is their population standard deviation" in note


def test_unequal_repeats_are_judged_as_independent_means(small: Small) -> None:
    # Standard errors 0.0096 and 0.0289, of the difference 0.0304; two are 6.1 points.
    assert _note(small(TEN, FOUR).assemble(), "Expected") == (
        "Expected A > B: seen, by 9.5 points (34.5 ± 3.0 (10) and 25.0 ± 5.8 (4) in "
        "mIoU clips leak_free; two standard errors of the difference: 6.1 points)."
    )


def test_repeats_of_the_same_seeds_are_subtracted_seed_by_seed(small: Small) -> None:
    # Alone, two standard errors are 8.2 points; of the differences 1, 2, 1, 2 they are 0.6.
    note = _note(small([0.21, 0.32, 0.21, 0.32], FOUR).assemble(), "Expected")
    assert ": seen, by 1.5 points (26.5 ± 6.4 (4) and 25.0 ± 5.8 (4) in " in note
    assert "two standard errors of the difference, subtracted seed by seed: 0.6 points" in note


def test_a_row_on_a_variant_of_the_benchmark_stands_in_its_column(small: Small) -> None:
    rows = [_frozen("A", 1), {**_frozen("B", 1), "variant": "foreground"}]
    shared = {"dataset": "clips", "split": "all"}
    inner = {"kind": "foreground_clustering", "settings": {"clusters": 6}, **shared}
    outer = {"kind": "clustering", "variants": {"foreground": "inner"}, **shared}
    results = small([0.2, 0.3], [0.4, 0.5], rows, benchmarks={"clips": outer, "inner": inner})
    table = results.assemble()
    assert [row[COLUMN] for row in table.rows] == ["25.0 ± 7.1 (2)", "45.0 ± 7.1 (2)"]
    notes = [note for note in table.notes if note.startswith("Protocol of clips leak_free (")]
    assert [note.partition(")")[0].rpartition("(")[2] for note in notes] == ["A", "B"]
    assert "a cluster of its own" not in notes[0] and "a cluster of its own" in notes[1]


def test_repeats_of_other_seeds_are_not_paired(small: Small) -> None:
    results = small([0.21, 0.32, 0.21, 0.32], FOUR)
    results.edit("A", "clips", "leak_free", settings={"seed": 7})
    note = _note(results.assemble(), "Expected")
    assert ": undecided at scale demo, +1.5 points" in note and "seed by seed" not in note


def test_less_than_two_standard_errors_of_repeats_decide_nothing(small: Small) -> None:
    note = _note(small([0.26, 0.24, 0.25, 0.24, 0.26], FOUR).assemble(), "Expected")
    assert ": undecided at scale demo, +0.0 points" in note


def test_a_single_repeat_decides_nothing(small: Small) -> None:
    table = small([0.5], FOUR).assemble()
    assert _row(table, "A")[COLUMN] == "50.0"
    assert "undecided" in _note(table, "Expected") and "one seed decides" in _note(table, "Exp")


def test_a_protocol_that_was_not_repeated_says_so(small: Small) -> None:
    results = small([0.5], [0.4])
    for label in ("A", "B"):
        results.edit(label, "clips", "leak_free", repeats=[])
    table = results.assemble()
    assert "no method here is trained, so no number has a deviation" in table.notes[0]
    note = _note(table, "Evaluated with one seed of the protocol: leak_free of clips.")
    assert "in no deviation" in note
    assert _note(table, "Expected").startswith("Expected A > B: seen, by 10.0 points")


def test_repeats_without_the_number_do_not_count(small: Small) -> None:
    results = small(FOUR, FOUR)
    repeats = [{"mIoU": value} for value in (0.2, None, 0.4)]
    results.edit("A", "clips", "leak_free", repeats=repeats, metrics={"mIoU": 0.3})
    assert _row(results.assemble(), "A")[COLUMN] == "30.0 ± 14.1 (2)"


TRAINED = [{"label": "A", "method": "dino"}, _frozen("B", 2)]


def test_of_trainings_the_deviation_is_over_their_seeds(small: Small) -> None:
    results = small(FOUR, FOUR, rows=TRAINED, seeds=[0, 1, 2])
    for planned, mean in zip(
        results.planned("A", "clips", "leak_free"), (0.5, 0.6, 0.7), strict=True
    ):
        repeats = [mean - 0.1, mean + 0.1]
        scores = feature_scores.content(results.plan, planned, repeats)
        planned.path.write_text(pd.io.json.ujson_dumps(scores))
    table = results.assemble()
    assert _row(table, "A")[COLUMN] == "60.0 ± 10.0 (3)"
    assert _row(table, "B")[COLUMN] == "25.0 ± 5.8 (4)"
    assert "Of what is trained these are seeds of the training" in table.notes[0]
    # Of the means' variance, 0.1², the two repeats explain all: 0.1414² / 2.
    assert _note(table, "Deviations between trainings").endswith(
        "(components of variance): mIoU clips leak_free: A 0.0 and 14.1."
    )
    # sqrt(0.1² / 3 + 0.0577² / 4) = 0.0645
    assert "two standard errors of the difference: 12.9 points" in _note(table, "Expected")
    lines = render.to_long_csv(table).splitlines()
    assert lines[0].endswith("seed,value,repeats,repeats_std,evaluation")
    assert "mIoU,0,50.0,2,14.14" in lines[1]
    assert "mIoU,,25.0,4,5.77" in lines[4]


def test_the_network_of_a_trained_encoder_is_no_path(small: Small) -> None:
    """Scores of features name the file of the weights."""
    results = small(FOUR, FOUR, rows=TRAINED, seeds=[0, 1])
    table = results.assemble()
    network = "ViT, dim 384, depth 12, patch 16"
    assert [row["network"] for row in table.rows] == [network, "random.vit_tiny_8"]


def test_one_training_shows_its_repeats_but_decides_nothing(small: Small) -> None:
    table = small(TEN, FOUR, rows=TRAINED).assemble()
    assert _row(table, "A")[COLUMN] == "34.5 ± 3.0 (10)"
    assert "one seed: 0" in table.notes[0] and "of the same training" in table.notes[0]
    assert "undecided" in _note(table, "Expected") and "one seed decides" in _note(table, "Exp")


def _flowdino_5(planned: plan.Evaluation) -> list[float]:
    return TEN if planned.scoring == "leak_free" else [0.31] * 10


def test_table_5_of_flowdino_has_deviations_on_both_sides(paper: plan.Plan) -> None:
    table = feature_scores.write(paper, "flowdino_table5", _flowdino_5).assemble()
    ours, printed = _row(table, "DINO ViT-S/16"), _row(table, "DINO ViT-S16")
    column = "mIoU voc2012_prototypes"
    assert ours[f"{column} leak_free"] == "34.5 ± 3.0 (10)"
    assert ours[f"{column} released"] == "31.0 ± 0.0 (10)"
    assert printed["mIoU VOC2012"] == "30.2 ± 1.15"
    assert _row(table, "Ours ViT-S16")["mIoU VOC2012"] == "35.35 ± 2.2"
    assert ours[f"{column} released: difference to published"] == "+0.8 ± 0.0 (10)"
    assert f"{column} leak_free: difference to published" not in ours
    note = _note(table, "Difference to published beyond two standard errors")
    assert "DINO ViT-S/16, mIoU voc2012_prototypes" in note
    assert table.scores == [
        f"{column} leak_free",
        f"{column} released",
        f"{column} released: difference to published",
        "mIoU VOC2012",
    ]


def _place(planned: plan.Evaluation) -> list[float]:
    names = list(PRINTED)
    return [0.01 * (1 + names.index(planned.benchmark))]


PRINTED = {
    "youtube_vos_frame": ("YouTube-VOS (clustering, frame, K GT)", 39.1),
    "youtube_vos_clip": ("YouTube-VOS (clustering, clip, K GT)", 37.9),
    "youtube_vos_dataset": ("YouTube-VOS (clustering, dataset, K GT)", 1.9),
    "davis2017_frame": ("DAVIS2017 (clustering, frame, K GT)", 30.2),
    "davis2017_clip": ("DAVIS2017 (clustering, clip, K GT)", 31.0),
    "davis2017_dataset": ("DAVIS2017 (clustering, dataset, K GT)", 1.6),
    "youtube_vos_frame_k10": ("YouTube-VOS (overclustering, frame, K 10)", 66.2),
    "youtube_vos_clip_k10": ("YouTube-VOS (overclustering, clip, K 10)", 65.4),
    "youtube_vos_dataset_k500": ("YouTube-VOS (overclustering, dataset, K 500)", 4.0),
    "davis2017_frame_k10": ("DAVIS2017 (overclustering, frame, K 10)", 56.9),
    "davis2017_clip_k10": ("DAVIS2017 (overclustering, clip, K 10)", 54.9),
    "davis2017_dataset_k200": ("DAVIS2017 (overclustering, dataset, K 200)", 17.9),
}
"""Row DINO of TimeT's Table 4, by our benchmark."""


def test_table_4_of_timet_sets_each_column_beside_the_printed_one(table4: Table) -> None:
    ours, printed = _row(table4, "DINO (ViT-S/16)"), _row(table4, "DINO")
    for number, (name, (column, value)) in enumerate(PRINTED.items(), start=1):
        assert printed[f"mIoU {column}"] == str(value)
        assert ours[f"mIoU {name} released"] == f"{number}.0"
        difference = ours[f"mIoU {name} released: difference to published"]
        assert difference == f"{number - value:+.1f}"


def test_notes_state_each_protocol_once(table4: Table) -> None:
    stated = [note for note in table4.notes if note.startswith("Protocol of ")]
    assert len(stated) == 2 * (len(PRINTED) - 3)  # F, F of K 10, and D are alike on both
    note = _note(table4, "Protocol of youtube_vos_frame leak_free, davis2017_frame leak_free: ")
    assert "Each frame is clustered alone: tokens, standardised" in note
    assert "Encoder" not in note
    assert _note(table4, "Scoring leak_free of features").endswith("every item counts once.")
    assert "; clustering on view 224.tokens; " in _note(table4, "davis2017_frame, davis2017_clip")
    text = "\n".join(table4.notes)
    for word in ("foreground", "checkpoint", "upsampling", "runtime"):
        assert word not in text
    assert not {"RGB at inference", "runtime (seconds per frame)"} & set(table4.columns)
    seeds = {row["method"]: row["seed"] for row in table4.of("measured")}
    assert {method for method, seed in seeds.items() if seed == "0"} == {
        "TimeT (ViT-S/16)",
        "DINO on the videos (ViT-S/16)",
    }
    assert set(seeds.values()) == {"0", "none"}


def test_a_wide_table_has_a_section_for_each_printed_column(table4: Table) -> None:
    parts = {part.heading: part.columns for part in sections(table4)}
    assert list(parts) == [*(column for column, _ in PRINTED.values()), "Rows"]
    name = "davis2017_clip"
    assert parts["DAVIS2017 (clustering, clip, K GT)"] == [
        "method",
        "source",
        f"mIoU {name} leak_free",
        f"mIoU {name} released",
        f"mIoU {name} released: difference to published",
        "mIoU DAVIS2017 (clustering, clip, K GT)",
    ]


def test_segments_and_features_stand_side_by_side(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GwmSettings, "gives", ("masks", "features"))
    benchmarks = {
        "clips": {"kind": "clustering", "dataset": "clips", "split": "all"},
        "segments": {"dataset": "clips", "split": "all"},
    }
    results = small(
        FOUR,
        FOUR,
        rows=[{"label": "A", "method": "gwm"}, {"label": "B", "method": "gwm", "settings": WIDE}],
        benchmarks=benchmarks,
        flow={"sources": {"dis": {"estimator": "dis"}}},
        tables={"small": {"benchmarks": ["segments", "clips"], "flow": "dis"}},
    )
    table = results.assemble()
    row = _row(table, "A")
    assert row["J segments leak_free"] == "25.0"
    assert row[COLUMN] == "25.0 ± 5.8 (4)"
    assert row["runtime (seconds per frame)"] == "0.01"  # of the segments alone
    assert row["RGB at inference"] == "yes"
    assert _note(table, "Scoring leak_free: foreground unsupervised, checkpoint last, protocol")
    assert _note(table, "Scoring leak_free of features")
    assert _note(table, "Measured runtime is the median")


WIDE = {"width": 32}


def test_notes_of_scores_and_left_out_images_are_passed_on(small: Small) -> None:
    results = small(FOUR, FOUR)
    changes = {"notes": ["3 points for 6 clusters"], "left_out_frames": {"a 00000": "all void"}}
    results.edit("A", "clips", "leak_free", **changes)
    notes = results.assemble().notes
    assert "A on clips leak_free: 3 points for 6 clusters." in notes
    assert "Images or frames left out of clips leak_free: 1: all void." in notes
