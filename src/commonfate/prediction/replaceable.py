"""Whether a folder may be replaced: a slip in `--output` must not delete somebody's files."""

import json
from pathlib import Path

from commonfate.base.errors import ConfigError


def check(folder: Path, mark: Path, key: str) -> None:
    """Refuse to replace a folder that this program did not make.

    Args:
        folder: what is about to be replaced; one that is missing or empty may be.
        mark: JSON file that was written with the folder.
        key: a key that this file holds.

    Raises:
        ConfigError: the folder holds something and the mark is missing or another file.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        if key in json.loads(mark.read_text(encoding="utf-8")):
            return
    except (OSError, ValueError, TypeError):
        pass
    raise ConfigError(
        f"{folder}: is there already and would be replaced, but {mark} does not show that "
        f"commonfate made it; delete it yourself or choose another --output"
    )
