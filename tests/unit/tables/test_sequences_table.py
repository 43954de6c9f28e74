"""Tables by sequence: ours beside the printed ones, and the means of both."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from commonfate.base.errors import ConfigError
from commonfate.cli import commonfate
from commonfate.published import rows as published
from commonfate.tables import render
from commonfate.tables.assemble import assemble

WITHOUT, WITH = "without CRF", "with CRF"
ROWS = [
    {"label": WITHOUT, "method": "gwm"},
    {"label": WITH, "method": "gwm", "crf": True},
]
FIRST = ["J mean leak_free", "J mean released", "J mean published", "J recall leak_free"]
DAVIS = [
    label.removesuffix(" (crf 0)")
    for label in published.rows(["gwm_table10"], ["J_mean"])
    if label.endswith("(crf 0)") and not label.startswith("Average")
]


def _declared(table: str = "gwm_table10", *metrics: str) -> dict:
    source = {"tables": [table], "metrics": metrics or ["J_mean", "J_recall", "J_decay"]}
    scorings = ["leak_free", "released"]
    return {"kind": "sequences", "rows": ROWS, "scorings": scorings, "published": source}


def _real(known_as: str) -> dict:
    return {
        "datasets": {"real": {"adapter": "davis", "root": "."}},
        "benchmarks": {"real": {"dataset": "real", "published_as": known_as}},
        "tables": {"table1": {"benchmarks": ["real"], "flow": "dis"}},
    }


def _score(created, label: str, scoring: str, frames: dict[str, list[float]]) -> None:
    """Give every sequence its J by frame, and its mean."""
    metadata = json.loads(created.scores(label, scoring).read_text())["sequences"]
    for name, values in frames.items():
        metadata[name]["frames"] = {f"{t:05d}": j for t, j in enumerate(values)}
        metadata[name]["J_mean"] = sum(values) / len(values)
    created.edit(label, scoring, sequences=metadata)


def _rows(created) -> dict[str, dict[str, str]]:
    return {row["sequence"]: row for row in assemble(created.plan, "table1").rows}


def test_ours_stand_beside_the_printed_ones(results) -> None:
    created = results(["blackswan", "soapbox"], declared=_declared(), **_real("DAVIS2016"))
    rows = _rows(created)
    assert rows["blackswan"] == {
        "sequence": "blackswan",
        "without CRF: J mean leak_free": "61.0",
        "without CRF: J mean released": "74.0",
        "without CRF: J mean published": "67.0",
        "without CRF: J recall leak_free": "100.0",
        "without CRF: J recall released": "100.0",
        "without CRF: J recall published": "100.0",
        "without CRF: J decay leak_free": "-1.2",
        "without CRF: J decay released": "-1.2",
        "without CRF: J decay published": "-0.8",
        "with CRF: J mean leak_free": "63.0",
        "with CRF: J mean released": "76.0",
        "with CRF: J mean published": "67.4",
        "with CRF: J recall leak_free": "100.0",
        "with CRF: J recall released": "100.0",
        "with CRF: J recall published": "100.0",
        "with CRF: J decay leak_free": "-1.2",
        "with CRF: J decay released": "-1.2",
        "with CRF: J decay published": "1.1",
    }
    table = assemble(created.plan, "table1")
    assert table.columns[:5] == ["sequence", *(f"{WITHOUT}: {item}" for item in FIRST)]
    assert table.rows[0]["sequence"] == "blackswan"


def test_sequences_of_one_side_only_have_rows_too(results) -> None:
    created = results(["bear", "blackswan"], declared=_declared(), **_real("DAVIS2016"))
    rows = _rows(created)
    assert len(rows) == 1 + 20 + 2 + 1  # bear, DAVIS, our means, theirs
    assert "without CRF: J mean published" not in rows["bear"]
    assert rows["camel"]["without CRF: J mean published"] == "89.4"
    assert "without CRF: J mean leak_free" not in rows["camel"]


def test_names_are_matched_however_they_are_written(results) -> None:
    declared = _declared("gwm_table11", "J_mean")
    created = results(["bird_of_paradise", "Girl"], declared=declared, **_real("SegTrackv2"))
    rows = _rows(created)
    assert rows["bird_of_paradise"]["with CRF: J mean published"] == "94.0"
    assert rows["Girl"]["without CRF: J mean published"] == "84.5"
    assert not {"bird of paradise", "girl"} & rows.keys()
    assert not any("recall" in column for row in rows.values() for column in row)


def test_means_over_sequences_and_over_frames(results) -> None:
    declared = _declared("gwm_table11", "J_mean")
    created = results(["drift", "worm"], declared=declared, **_real("SegTrackv2"))
    for label in (WITHOUT, WITH):
        for scoring in ("leak_free", "released"):
            _score(created, label, scoring, {"drift": [0.9], "worm": [0.5, 0.4, 0.6]})
    rows = _rows(created)
    column = "without CRF: J mean leak_free"
    assert rows["worm"][column] == "50.0"
    assert rows["Average of 2 sequences"][column] == "70.0"  # (90 + 50) / 2
    assert rows["Frame Avg. of 2 sequences"][column] == "60.0"  # (90 + 50 + 40 + 60) / 4
    printed = {
        name: rows[name]["without CRF: J mean published"] for name in ("Average", "Frame Avg.")
    }
    assert printed == {"Average": "73.8", "Frame Avg.": "78.3"}


def test_means_of_the_same_sequences_share_a_row(results) -> None:
    created = results(DAVIS, declared=_declared(), **_real("DAVIS2016"))
    rows = _rows(created)
    assert len(rows) == 22
    assert rows["Average"]["without CRF: J mean leak_free"] == "61.0"
    assert rows["Average"]["without CRF: J decay published"] == "5.8"
    assert rows["Frame Avg."].keys() == {
        "sequence",
        *(
            f"{row}: J mean {which}"
            for row in (WITHOUT, WITH)
            for which in ("leak_free", "released")
        ),
    }


def test_other_data_are_a_block_of_their_own(results) -> None:
    table = assemble(results(["sprite_0000"], declared=_declared()).plan, "table1")
    assert table.columns[:2] == ["sequence", "benchmark"]
    assert [table.rows[start]["sequence"] for start in table.breaks] == [
        "sprite_0000",
        "Average",
        "blackswan",
        "Average",
    ]
    assert {row["benchmark"] for row in table.rows} == {"sprites", "DAVIS2016"}


def test_a_table_without_printed_numbers(results) -> None:
    created = results(["a", "b"], declared=_declared() | {"published": None})
    table = assemble(created.plan, "table1")
    assert [row["sequence"] for row in table.rows] == ["a", "b", "Average", "Frame Avg."]
    assert len(table.scores) == 2 * 3 * 2


def test_printed_numbers_that_no_declared_row_matches(results) -> None:
    declared = _declared() | {"rows": ROWS[:1]}
    table = assemble(results(["a"], declared=declared, **_real("DAVIS2016")).plan, "table1")
    assert "with CRF: J mean published" in table.scores
    assert "with CRF: J mean leak_free" not in table.scores


def test_notes_say_what_the_columns_are(results) -> None:
    created = results(["a"], declared=_declared(), **_real("DAVIS2016"))
    notes = assemble(created.plan, "table1").notes
    (note,) = [note for note in notes if note.startswith("Columns with CRF: ")]
    for message in ("network U-Net, from scratch", "K 4", "flow source dis", "post-processing CRF"):
        assert message in note
    assert any(
        "Means are not comparable with published ones: it is not the whole" in n for n in notes
    )
    assert not any("runtime" in note for note in notes)


def test_the_message_shows_our_means_alone(results) -> None:
    text = render.to_text(assemble(results(["a"], declared=_declared()).plan, "table1"))
    assert "| Average " in text
    assert "| a " not in text
    assert "published" not in text


@pytest.fixture
def written(results) -> Path:
    """The table as the verb writes it."""
    results(["blackswan", "a"], declared=_declared(), **_real("DAVIS2016"))
    options = ["--config", "config.json", "--declaration", "table1.yaml"]
    done = CliRunner().invoke(commonfate, ["table", "table1", *options], catch_exceptions=False)
    assert done.exit_code == 0
    return Path("results/tables/table1.csv")


def test_all_forms_hold_the_same_numbers(written: Path) -> None:
    with written.open(newline="") as file:
        rows = {row["sequence"]: row for row in csv.DictReader(file)}
    assert rows["blackswan"]["with CRF: J mean published"] == "67.4"
    markdown = written.with_suffix(".md").read_text()
    latex = written.with_suffix(".tex").read_text()
    for text in (markdown, latex):
        lines = [line for line in text.splitlines() if "blackswan" in line]
        assert len(lines) == 2  # a section for each declared row
        assert "61.0" in lines[0] and "67.4" in lines[1]
    assert "## with CRF" in markdown


CELL = ("--row", "blackswan", "--column")


def _explain(*arguments: str) -> str:
    done = CliRunner().invoke(commonfate, ["explain", *arguments], catch_exceptions=False)
    return done.stdout


def test_explain_goes_from_a_sequence_to_videos_and_to_the_paper(written: Path) -> None:
    text = _explain(str(written), "--full", *CELL, "with CRF: J mean leak_free")
    assert "blackswan (measured)" in text
    assert "davis.unsupervised.last.crf.json" in text
    assert "video blackswan (val, 4 frames)" in text
    text = _explain(str(written), *CELL, "with CRF: J mean published")
    assert "Table 10, row blackswan" in text
    assert "gwm_table10.csv, line 5" in text
    with pytest.raises(ConfigError, match=r"'blackswans' is unknown; did you mean blackswan\?"):
        _explain(str(written), "--row", "blackswans")
