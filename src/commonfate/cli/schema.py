"""`commonfate schema`: the configuration's JSON schema."""

from pathlib import Path

import click

from commonfate.cli import options


@click.command("schema")
@options.output("The file to write.", default=Path("config/schema.json"), show_default=True)
def command(output: Path) -> None:
    """Write the configuration's JSON schema, for editors.

    \b
        commonfate schema -o config/schema.json

    With the schema an editor completes the keys of config.yaml and shows their meaning and bounds.
    """
    from commonfate.base.files import write_json
    from commonfate.config import Config

    schema = Config.model_json_schema()
    write_json(output, {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
