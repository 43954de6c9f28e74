"""The verbs `table`, `explain` and `schema`, called as from the command line."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.files import sha256
from commonfate.cli import commonfate
from commonfate.config import Config

ROOT = Path(__file__).parents[3]
CSV = Path("results/tables/table1.csv")
FLOW = "Flow alone"


def _call(*arguments: str) -> Result:
    return CliRunner().invoke(commonfate, [*arguments], catch_exceptions=False)


def _table(*options: str) -> Result:
    return _call("table", "table1", "--declaration", "table1.yaml", *options)


@pytest.fixture
def made(results):
    """Fake products, and the table that was made of them."""
    made = results(["sprite_0000", "sprite_0001"], {"sprite_0002": "truncated"})
    done = _table("--config", "config.json")
    assert done.exit_code == 0
    return made, done


def test_all_files_are_written_and_agree(made) -> None:
    names = {path.name for path in CSV.parent.iterdir()}
    suffixes = ("csv", "long.csv", "md", "tex", "provenance.json")
    assert names == {f"table1.{suffix}" for suffix in suffixes}
    with CSV.open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["method"] == FLOW)
    assert row["J sprites oracle"] == "52.0"
    for suffix in (".md", ".tex"):
        lines = CSV.with_suffix(suffix).read_text().splitlines()
        assert any(FLOW in line and "52.0" in line for line in lines)


def test_the_message_shows_measured_rows_and_what_was_left_out(made) -> None:
    _, done = made
    assert "| Flow alone " in done.stderr
    assert "1 of 3 videos left out (sprites/sprite_0002: truncated)." in done.stderr
    assert "SAGE" not in done.stderr
    assert "one seed: 0." in done.stderr


def test_the_same_results_give_the_same_bytes(made) -> None:
    before = {suffix: CSV.with_suffix(suffix).read_bytes() for suffix in (".csv", ".md", ".tex")}
    _table("--config", "config.json")
    assert before == {suffix: CSV.with_suffix(suffix).read_bytes() for suffix in before}


def test_the_configuration_may_be_text_and_later_ones_change_earlier_ones(made) -> None:
    results, _ = made
    other = '{"scale": "other", "datasets": {}}'
    _table("--config", other, "--config", results.plan.table_config("table1"))
    with CSV.open(newline="") as file:
        assert next(csv.DictReader(file))["scale"] == "demo"


def test_a_scale_that_stands_by_itself_has_no_table_of_an_earlier_configuration(made) -> None:
    results, _ = made
    before = results.plan.table_config("table1")
    with pytest.raises(ConfigError, match=r"tables\.table1 is unknown"):
        _table("--config", before, "--config", '{"scale": "mine", "datasets": {}}')


def test_provenance_gives_every_number_its_file_and_hash(made) -> None:
    results, _ = made
    document = json.loads(CSV.with_suffix(".provenance.json").read_text())
    path = results.scores(FLOW, "oracle")
    (cell,) = [
        cell
        for cell in document["cells"]
        if (cell["row"], cell["column"]) == (FLOW, "J sprites oracle")
    ]
    assert cell["evaluations"] == {str(path): sha256(path)}
    assert (cell["value"], cell["runs"]) == ("52.0", ["residual_flow-dis-sprites"])
    assert (cell["protocol"], cell["foreground"]) == ("davis", "oracle")
    assert document["left_out"]["videos"][0]["reason"] == "truncated"
    assert document["csv_sha256"] == sha256(CSV)
    assert document["provenance"]["settings"]["scale"] == "demo"


def test_a_killed_run_leaves_no_csv(results, monkeypatch: pytest.MonkeyPatch) -> None:
    results(["sprite_0000"])
    from commonfate.tables import render

    def killed(table) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(render, "to_latex", killed)
    _table("--config", "config.json")
    assert not CSV.exists()
    assert CSV.with_suffix(".md").exists()


def test_a_table_that_the_configuration_lacks(results) -> None:
    results(["sprite_0000"])
    with pytest.raises(ConfigError, match=r"config.json: tables.tabel1 is unknown; did you mean"):
        _call("table", "tabel1", "--config", "config.json")


def test_a_missing_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^--config config.yaml: no such file; "):
        _call("table", "table1")


def test_a_configuration_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("scale: mine", encoding="utf-16")
    with pytest.raises(ConfigError, match=r"mine.yaml: cannot be read as YAML \("):
        _call("table", "table1", "--config", str(path))


def test_explain_tells_a_number_in_a_few_lines(made) -> None:
    lines = _call("explain", str(CSV), "--row", FLOW, "--column", "J sprites oracle").stdout
    lines = lines.strip().splitlines()
    assert len(lines) <= 10
    for output in (
        "1 of 3 videos left out (sprites/sprite_0002: truncated)",
        "  J sprites oracle = 52.0  results/evaluations/residual_flow-dis-sprites/sprites/",
        "    predict results/predictions/residual_flow-dis-sprites/sprites/last/predictions.json: ",
        "    manifest results/videos/sprites/manifest.parquet: dataset sprites, 3 videos, 1 left",
        "    frames results/frames/sprites (2 files)",
    ):
        assert any(line.startswith(output) for line in lines), output


def test_explain_tells_of_a_table_what_its_rows_are_made_of_once(made) -> None:
    text = _call("explain", str(CSV)).stdout
    full = _call("explain", str(CSV), "--full").stdout
    assert len(text.splitlines()) < min(45, len(full.splitlines()) / 2)
    assert text.count("results/runs/gwm-unet-quadratic-k4-dis-sprites-s0/checkpoint.pt") == 1
    assert text.count("results/videos/sprites/manifest.parquet") == 1
    assert "    the rest as above" in text
    # Of the settings those that are not the default alone, and those of training once.
    assert text.count("width 16") == 1 and "normalise_flow True" in text
    assert "components 4" not in text and "container zarr" not in text
    # How many of the papers' rows there are, not their 78 numbers.
    assert "78.3" not in text and "rows of papers: --row NAME" in text


def test_explain_goes_from_numbers_to_videos(made) -> None:
    text = _call("explain", str(CSV), "--full").stdout
    for output in (
        "1 of 3 videos left out",
        "Flow alone (measured)",
        "J sprites oracle = 52.0",
        "predict: gwm with ",
        "results/runs/gwm-unet-quadratic-k4-dis-sprites-s0/checkpoint.pt",
        "merge.features network",
        "seed 0",
        "video sprite_0000 (val, 4 frames)",
        "LEFT OUT: truncated",
        "J DAVIS2016 = 78.3",
    ):
        assert output in text
    assert "CHANGED SINCE" not in text
    assert "components 4" not in text  # the paper's own value


def test_explain_marks_what_has_changed_since(made) -> None:
    results, _ = made
    path = results.scores(FLOW, "oracle")
    path.write_text(path.read_text() + " ")
    CSV.write_text(CSV.read_text().replace("52.0", "99.9"))
    brief = _call("explain", str(CSV)).stdout.splitlines()
    assert "the CSV has changed since it was made" in brief
    assert [line for line in brief if "CHANGED SINCE" in line] == [f"    CHANGED SINCE: {path}"]
    lines = _call("explain", str(CSV), "--full").stdout.splitlines()
    assert any(str(path) in line and "CHANGED SINCE" in line for line in lines)
    assert "the CSV has changed since it was made" in "\n".join(lines)
    assert sum("CHANGED SINCE" in line for line in lines) == 2  # of the score and of the runtime


@pytest.mark.parametrize("how", [(), ("--full",)])
def test_explain_one_cell(made, how: tuple[str, ...]) -> None:
    cell = ("--row", "Ours (UNet)", "--column", "J DAVIS2016")
    text = _call("explain", str(CSV), *cell, *how).stdout
    assert "Guess What Moves (Choudhury et al., BMVC 2022" in text
    assert "Table 1, row Ours (UNet)" in text
    assert "J DAVIS2016 = 78.3" in text
    assert "measured" not in text


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (("--row=Ours (Unet)",), r"--row: 'Ours .Unet.' is unknown; did you mean Ours .UNet.\?"),
        (("--column=J DAVIS",), r"--column: 'J DAVIS' is unknown; did you mean J DAVIS2016\?"),
        (
            ("--row=AMD", "--column=J DAVIS"),
            r"--column: 'J DAVIS' of row 'AMD' is unknown; did you mean J DAVIS2016\?",
        ),
    ],
)
def test_explain_an_unknown_cell(made, cell: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _call("explain", str(CSV), *cell)


def test_explain_without_provenance(made) -> None:
    CSV.with_suffix(".provenance.json").unlink()
    with pytest.raises(StoreError, match=r"table1.provenance.json: no such file; make the table"):
        _call("explain", str(CSV))


def test_the_committed_schema_is_that_of_the_code(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    assert _call("schema", "--output", str(path)).exit_code == 0
    committed = (ROOT / "config/schema.json").read_text()
    assert committed == path.read_text(), "run: commonfate schema --output config/schema.json"


def test_the_schema_describes_every_key() -> None:
    schema = Config.model_json_schema()
    groups = [schema, *schema["$defs"].values()]
    undescribed = [
        f"{group['title']}.{name}"
        for group in groups
        for name, field in group.get("properties", {}).items()
        if "description" not in field and "$ref" not in field and name != "method"
    ]
    assert undescribed == []


@pytest.mark.parametrize("suffix", ["md", "tex", "long.csv"])
def test_explain_of_a_file_beside_the_table_names_the_table(made, suffix: str) -> None:
    with pytest.raises(StoreError, match=rf"table1\.{suffix}: .*commonfate explain {CSV}$"):
        _call("explain", str(CSV.with_suffix(f".{suffix}")))
