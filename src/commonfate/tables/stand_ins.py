"""The note on encoders that a scale puts in the place of those that rows are named after."""

from collections.abc import Iterator, Sequence

from commonfate.methods.frozen.settings import FrozenSettings
from commonfate.methods.timet.settings import TimetSettings
from commonfate.tables.comparison import Comparison


def encoders(compared: Sequence[Comparison]) -> Iterator[str]:
    """Name the encoders that were measured where a table declares others, with their rows."""
    rows: dict[str, list[str]] = {}
    for row in compared:
        settings = row.run.settings
        if not isinstance(settings, FrozenSettings | TimetSettings):
            continue
        if settings.encoder != type(settings).model_validate(row.row.settings).encoder:
            rows.setdefault(settings.encoder, []).append(row.label)
    if rows:
        pairs = (f"{encoder} for {' and '.join(labels)}" for encoder, labels in rows.items())
        yield (
            "At this scale other encoders are measured than those that rows are named after: "
            f"{'; '.join(pairs)}."
        )
