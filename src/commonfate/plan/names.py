"""Names of runs: readable, and never longer than a file's name may be."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from commonfate.base.settings import MethodSettings

LONGEST = 120
"""Characters of a run's name. File systems take 255 bytes, and logs of Slurm jobs join it with the
names of benchmark and variant to one."""
LONGEST_JOINT = 160
"""Characters of the names of data sets that are learnt from together; the folder of their samples
ends in split and flow source, too."""
DIGITS = 10
"""Of the hash that stands for what a short name leaves out."""


def of_run(settings: MethodSettings, changes: Mapping[str, Any], data: Sequence[str]) -> str:
    """Name a run, `{method}-{variant}-{changes}-{data}`.

    Where that is too long, a hash of it stands for the changes, then for the data, too, then for
    all but the method. The run's config.yaml has all settings in any case.

    Args:
        settings: of the run.
        changes: those that are not the scale's.
        data: flow source, data sets, and the run that it starts from or its seed.
    """
    head = (settings.method, *settings.slug)
    changed = [
        f"{key}.{_word(value)}" for key, value in _flat(changes) if key not in settings.named
    ]
    full = "-".join((*head, *changed, *data))
    digest = f"h{hashlib.sha256(full.encode()).hexdigest()[:DIGITS]}"
    shorter = ((*head, digest, *data), (*head, digest), (settings.method, digest))
    candidates = [full, *("-".join(parts) for parts in shorter)]
    return next(name for name in candidates if len(name) <= LONGEST)


def _flat(values: Mapping[str, Any], parents: str = "") -> Iterator[tuple[str, Any]]:
    """Pairs of dotted key and value."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{parents}{key}.")
        else:
            yield f"{parents}{key}", value


def _word(value: Any) -> str:
    """A setting's value as part of a path, e.g. `128x224` for a size."""
    if isinstance(value, list | tuple):
        return "x".join(_word(item) for item in value)
    text = str(value).lower() if isinstance(value, bool | None) else str(value)
    return re.sub(r"[^a-zA-Z0-9_.=-]+", "_", text)
