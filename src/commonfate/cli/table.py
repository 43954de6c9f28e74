"""`commonfate table`: assemble a result table."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from commonfate.base.errors import ConfigError
from commonfate.cli import options

if TYPE_CHECKING:
    from commonfate.tables.table import Table


@click.command("table")
@click.argument("name")
@click.option(
    "--config",
    "sources",
    multiple=True,
    default=["config.yaml"],
    show_default=True,
    metavar="FILE|TEXT",
    help="Configuration: a YAML or JSON file, or the text itself in braces. Repeat it for a scale: "
    "later ones change earlier ones, unless a later one is a scale that stands by itself.",
)
@click.option(
    "--declaration",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Declaration of the table.  [default: workflow/tables/NAME.yaml]",
)
@options.output(
    "The CSV; the other files go beside it.  [default: results/tables/NAME.csv, at scales "
    "other than demo results/SCALE/tables/NAME.csv]",
    required=False,
)
def command(
    name: str, sources: tuple[str, ...], declaration: Path | None, output: Path | None
) -> None:
    """Assemble a result table as CSV, Markdown and LaTeX.

    \b
        commonfate table table1

    Reads the evaluations below results/, which `snakemake results/tables/NAME.csv` makes, and
    writes them beside the published numbers, each traceable with `commonfate explain`;
    NAME.long.csv has a line for every measured number of every seed.
    """
    from commonfate import plan
    from commonfate.tables import render
    from commonfate.tables.assemble import assemble

    if output is not None and output.suffix != ".csv":
        raise click.UsageError(f"--output {output}: must end in .csv")
    config = _config(sources, name)
    output = output or config.results / "tables" / f"{name}.csv"
    declared = plan.read_declaration(declaration or Path("workflow/tables") / f"{name}.yaml")
    one_table = plan.join(config, {name: declared})
    table = assemble(one_table, name)
    write(table, one_table.table_config(name), output)
    suffixes = (".long.csv", ".md", ".tex", ".provenance.json")
    beside = ", ".join(f"{output.stem}{suffix}" for suffix in suffixes)
    click.echo(f"{render.to_text(table)}\n{output} (beside it {beside})", err=True)


def write(table: "Table", settings: str, output: Path) -> None:
    """Write all files of a table; the CSV comes last, so where it is, all are.

    Args:
        table: the table.
        settings: the configuration that it depends on, as JSON.
        output: the CSV.
    """
    import json

    from commonfate.base import files
    from commonfate.tables import provenance, render

    csv_text = render.to_csv(table)
    record = provenance.document(table, json.loads(settings), csv_text)
    files.write_json(output.with_suffix(".provenance.json"), record)
    files.write_text(output.with_suffix(".md"), render.to_markdown(table))
    files.write_text(output.with_suffix(".tex"), render.to_latex(table))
    files.write_text(output.with_suffix(".long.csv"), render.to_long_csv(table))
    files.write_text(output, csv_text)


def _config(sources: tuple[str, ...], name: str) -> Any:
    """The merged configuration, with this table alone."""
    from commonfate import config, scales
    from commonfate.base.settings import unknown

    values: dict[str, Any] = {}
    for source in sources:
        values = scales.joined(values, _read(source))
    tables = values.get("tables") or {}
    if name not in tables:
        raise ConfigError(f"{sources[-1][:80]}: tables.{name}{unknown(name, tables)}")
    return config.load({**values, "tables": {name: tables[name]}})


def _read(source: str) -> dict[str, Any]:
    is_text = source.lstrip().startswith("{")
    shown = source[:80] if is_text else source
    try:
        text = source if is_text else Path(source).read_text(encoding="utf-8")
        values = yaml.safe_load(text)
    except FileNotFoundError as error:
        raise ConfigError(
            f"--config {shown}: no such file; run this in the folder of the Snakefile, "
            "or name the file"
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"--config {shown}: cannot be read as YAML ({reason}); name a YAML or JSON file, "
            f"or give the text in braces"
        ) from error
    if not isinstance(values, dict):
        raise ConfigError(f"--config {shown}: expected keys with values, as in config.yaml")
    return values
