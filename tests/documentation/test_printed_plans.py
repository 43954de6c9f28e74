"""Every snakemake command is planned as printed, in a folder that has what it names."""

import re
import shutil

import pytest
import yaml

from helpers import pages
from helpers.pages import ROOT

pytestmark = pytest.mark.slow

RUN_ELSEWHERE = "docs/your-videos.md"
"""A page whose commands test_pages_run.py really runs."""
TEXTS = sorted(
    {
        command.text
        for page in pages.PAGES
        for command in pages.commands(page)
        if command.program == "snakemake" and page != ROOT / RUN_ELSEWHERE
    }
)
ADDED_TABLE = "snakemake --cores 8 results/tables/mine.csv"
REPORT = "snakemake --report report.zip"
OTHER = (ADDED_TABLE, REPORT, "snakemake --unlock")
"""Texts that have a test of their own."""


def dry(text: str) -> str:
    """The same command with -n."""
    command = text.removeprefix(pages.MEASURED)  # a program that need not be installed
    return re.sub(r"\bsnakemake ", "snakemake -n ", command, count=1)


@pytest.mark.parametrize("text", [text for text in TEXTS if text not in OTHER])
def test_a_command_is_planned(clone, text: str) -> None:
    if "../shared/" in text and not (clone.folder / "../shared/data/DAVIS2016").is_dir():
        pytest.skip("no ../shared/data/DAVIS2016 beside the project")
    davis = str(clone.folder.parent / "DAVIS2016")
    output = clone.run(dry(text.replace("/path/to/DAVIS2016", davis)))
    assert "Job stats:" in output, output


def test_a_table_that_was_added_as_printed_is_planned(clone) -> None:
    page = (ROOT / "docs/tables.md").read_text()
    assert "`workflow/tables/mine.yaml`: copy `gwm_table1.yaml`" in page and ADDED_TABLE in TEXTS
    shutil.copy(clone.folder / "workflow/tables/gwm_table1.yaml", clone.folder / "mine_table.yaml")
    added = yaml.safe_load(re.search(r"In the config: `(tables: .*)`", page)[1])
    settings = clone.folder / "config.yaml"
    before = settings.read_text()
    values = yaml.safe_load(before)
    values["tables"] |= added["tables"]
    declaration = clone.folder / "workflow/tables/mine.yaml"
    try:
        shutil.move(clone.folder / "mine_table.yaml", declaration)
        settings.write_text(yaml.safe_dump(values))
        output = clone.run(dry(ADDED_TABLE))
    finally:
        settings.write_text(before)
        declaration.unlink()
    assert re.search(r"^table +1$", output, re.MULTILINE), output


def test_a_folder_is_unlocked(clone) -> None:
    assert "snakemake --unlock" in TEXTS
    clone.run("snakemake --unlock")


def test_a_report_lacks_nothing_but_the_results(clone) -> None:
    assert REPORT in TEXTS
    assert "marked for report but does not exist" in clone.run(f"! {REPORT}")
