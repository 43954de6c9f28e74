"""`commonfate schema`: the configuration's JSON schema."""

from pathlib import Path

import click


@click.command("schema")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("config/schema.json"),
    show_default=True,
    help="The file to write.",
)
def command(output: Path) -> None:
    """Write the configuration's JSON schema, for editors.

    With it an editor completes the keys of config.yaml and shows what each means and allows.
    """
    from commonfate.config import Config
    from commonfate.files import write_json

    schema = Config.model_json_schema()
    write_json(output, {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
