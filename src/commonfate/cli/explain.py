"""`commonfate explain`: trace every number of a table to its inputs."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from commonfate.base.errors import StoreError


@click.command("explain")
@click.argument("table", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--row", metavar="NAME", help="Only the numbers of this row, e.g. --row 'AMD'.")
@click.option("--column", metavar="NAME", help="Only this column, e.g. --column 'J DAVIS2016'.")
@click.option("--full", is_flag=True, help="Everything: every shard, video, setting and hash.")
def command(table: Path, row: str | None, column: str | None, full: bool) -> None:
    """Trace every number of TABLE (results/tables/NAME.csv) to its inputs.

    \b
        commonfate explain results/tables/table1.csv

    Prints evaluation, prediction, training run and data of each number in a few lines, with the
    settings that differ from their defaults; --full prints all as a tree. Marks what has changed
    on disk since. Run it where the table was made: paths are relative to that folder.
    """
    from commonfate.base.files import sha256
    from commonfate.tables import explain, explain_tree

    document = _read(table)
    cells = explain.choose(document, row, column)
    edited = sha256(table) != document["csv_sha256"]
    if not full:
        chosen = (row, column) != (None, None)
        click.echo("\n".join(explain.describe(document, cells, edited, chosen)))
        return
    from rich.console import Console

    # In a pipe a line is a line, however long.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    with console.capture() as capture:
        console.print(explain_tree.tree(document, cells, edited))
    click.echo(capture.get(), nl=False)


def _read(table: Path) -> dict[str, Any]:
    """The provenance beside a table.

    Raises:
        StoreError: the table or its provenance is missing or damaged, or `table` is another of
            the files that are written beside the CSV.
    """
    csv = table.with_name(f"{table.name.partition('.')[0]}.csv")
    if table != csv and csv.with_suffix(".provenance.json").is_file():
        raise StoreError(
            f"{table}: give the table itself: commonfate explain {shlex.quote(str(csv))}"
        )
    path = table.with_suffix(".provenance.json")
    for file in (table, path):
        if not file.is_file():
            raise StoreError(
                f"{file}: no such file; make the table with: snakemake --cores 2 "
                f"{shlex.quote(str(table))}"
            )
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        _ = document["cells"], document["files"], document["csv_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path}: is not a table's provenance ({error}); delete it and make the table again"
        ) from error
    return document
