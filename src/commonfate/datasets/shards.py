"""Shards: the videos of one job. A video stays in its shard when others are added or removed."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from commonfate.base.errors import StoreError
from commonfate.base.files import write_json
from commonfate.datasets.on_disk import encoded

FILE = "shards.json"
"""File beside the inventory with the shard of each video; a new inventory starts from it."""


def assign(names: Iterable[str], shard_size: int, before: Mapping[str, int]) -> dict[str, int]:
    """Assign each video to a shard.

    A video keeps its previous shard. New videos, in order of name, fill the last shard, then
    further ones. So a video that is added or removed changes one shard only.

    Args:
        names: the videos.
        shard_size: videos a shard.
        before: the previous shards of videos.
    """
    ordered = sorted(names)
    shards = {name: before[name] for name in ordered if name in before}
    last = max(shards.values(), default=0)
    room = shard_size - Counter(shards.values())[last]
    for name in ordered:
        if name in shards:
            continue
        if room < 1:
            last, room = last + 1, shard_size
        shards[name], room = last, room - 1
    return shards


def read(path: Path, shard_size: int) -> dict[str, int]:
    """Read the shards of videos; empty if the file is missing or its shard size is another.

    Raises:
        StoreError: the file is damaged.
    """
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["shard_size"] != shard_size:
            return {}
        return {name: int(shard) for shard, names in kept["shards"].items() for name in names}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"{path}: is damaged; delete it, and the videos are cut into shards anew"
        ) from error


def write(path: Path, shard_size: int, shards: Mapping[str, int]) -> None:
    """Write the shards of videos, for `read`."""
    names: dict[str, list[str]] = {}
    for name, shard in sorted(shards.items()):
        names.setdefault(f"{shard:04d}", []).append(name)
    write_json(path, {"shard_size": shard_size, "shards": names})


def digests(stamps: Mapping[str, str], shards: Mapping[str, int]) -> dict[int, str]:
    """Short text for each shard, which changes with the stamps of its videos.

    Args:
        stamps: by video.
        shards: the shard of each video.
    """
    lines: dict[int, list[str]] = {}
    for name in sorted(stamps):
        lines.setdefault(shards[name], []).append(f"{name}|{stamps[name]}\n")
    return {
        shard: hashlib.sha256(encoded("".join(lines[shard]))).hexdigest()[:16]
        for shard in sorted(lines)
    }
