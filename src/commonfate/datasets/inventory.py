"""The inventory of a dataset: its videos in order of id, cut into shards."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pandas as pd

from commonfate.base.errors import ConfigError, StoreError, did_you_mean
from commonfate.base.settings import from_pairs
from commonfate.datasets import shards
from commonfate.datasets.base import VideoSource
from commonfate.datasets.settings import AnyDataset

COLUMNS = (
    "id",
    "split",
    "shard",
    "source",
    "frame_files",
    "annotation_files",
    "annotation_kind",
    "truth",
    "fps",
    "every",
    "numbered",
    "label",
    "fault",
)


def parse_settings(pairs: Sequence[str]) -> AnyDataset:
    """Read a dataset's settings from `key=value` texts; `adapter` selects their class.

    Raises:
        ConfigError: `adapter` is missing or unknown, or another key is not allowed.
    """
    models = {m.model_fields["adapter"].default: m for m in get_args(AnyDataset)}
    names = ", ".join(sorted(models))
    adapters = [pair.partition("=")[2] for pair in pairs if pair.startswith("adapter=")]
    if not adapters:
        raise ConfigError(f"--set: adapter is required but missing, e.g. adapter=folder ({names})")
    if adapters[-1] not in models:
        hint = did_you_mean(adapters[-1], models)
        raise ConfigError(f"--set: adapter = {adapters[-1]!r} is unknown{hint} Known: {names}")
    return from_pairs(models[adapters[-1]], pairs)


def build(
    sources: Sequence[VideoSource], shard_size: int, before: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Table of the videos in order of id, one row each, with their shards.

    Args:
        sources: the videos.
        shard_size: videos a shard.
        before: the previous shards of videos, which they keep.

    Raises:
        StoreError: two videos have the same id, or a video is listed twice.
    """
    ordered = sorted(sources, key=lambda source: source.id)
    for source, other in pairwise(ordered):
        if source.id == other.id and source.path == other.path:
            splits = " and ".join(dict.fromkeys((source.split, other.split)))
            raise StoreError(f"{source.path}: is listed twice ({splits}); delete one of the two")
        if source.id == other.id:
            raise StoreError(
                f"{source.path} and {other.path}: both would be video {source.id!r}; rename one"
            )
    shard_of = shards.assign([source.id for source in ordered], shard_size, before or {})
    rows = [
        {
            "id": source.id,
            "split": source.split,
            "shard": shard_of[source.id],
            "source": source.path,
            "frame_files": _list(source.frame_files),
            "annotation_files": _list(source.annotation_files),
            "annotation_kind": source.annotation_kind,
            "truth": source.truth,
            "fps": source.fps,
            "every": source.every,
            "numbered": source.numbered,
            "label": source.label,
            "fault": source.fault,
        }
        for source in ordered
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def of_shard(table: pd.DataFrame, shard: int, where: str | Path) -> pd.DataFrame:
    """The rows of one shard.

    Raises:
        ConfigError: there are none; the message begins with `--shard` and names `where`.
    """
    rows = table[table["shard"] == shard]
    if rows.empty:
        there = ", ".join(map(str, sorted(set(table["shard"]))))
        raise ConfigError(f"--shard {shard}: {where} has no such shard, only {there}")
    return rows


def _list(files: tuple[str, ...] | None) -> list[str] | None:
    return None if files is None else list(files)
