"""All usable videos of a split, annotated or not: what is segmented where masks are wanted."""

from pathlib import Path

from commonfate import parquet
from commonfate.errors import ConfigError, StoreError
from commonfate.evaluation import benchmark
from commonfate.evaluation.benchmark import AnnotatedVideo, Benchmark
from commonfate.settings import unknown


def read(manifest: str | Path, split: str) -> Benchmark:
    """Read the usable videos of `split` (`all` is every split), sorted by name.

    Raises:
        StoreError: the file is damaged or no manifest, or nothing of the split is usable.
        ConfigError: the manifest has no such split.
    """
    table = parquet.read(manifest)
    if missing := [name for name in benchmark.COLUMNS if name not in table]:
        raise StoreError(
            f"{manifest}: has no column {missing[0]!r}; name a manifest.parquet, which commonfate "
            f"manifest makes"
        )
    splits = set(table["split"])
    if split not in {*splits, "all"}:
        raise ConfigError(f"{manifest}: split {split!r}{unknown(split, [*sorted(splits), 'all'])}")
    rows = table if split == "all" else table[table["split"] == split]
    rows = list(rows.sort_values("id").itertuples(index=False))
    usable = [row for row in rows if row.status == "ok"]
    if not usable:
        raise StoreError(f"{manifest}: no video of split {split!r} is usable (column reason)")
    left_out = {row.id: row.reason for row in rows if row.status != "ok"}
    return Benchmark([_video(row) for row in usable], left_out)


def _video(row: object) -> AnnotatedVideo:
    files = row.annotation_files
    listed = [] if files is None or isinstance(files, float) else files
    annotated = {t: Path(file) for t, file in enumerate(listed) if file}
    return AnnotatedVideo(row.id, int(row.frames), row.annotation_kind, annotated)
