"""Changes of videos on disk, seen by stamps: texts from names, sizes and times.

A plan compares them with those of the last run, so they must be cheap: no file is opened.
"""

import glob
import hashlib
import os
from collections.abc import Iterator, Mapping

from commonfate.datasets.base import VideoSource


def stamp(source: VideoSource) -> str:
    """The stamp of a video as it lies on disk now, its frames and ground truth included."""
    head = f"{source.split}|{source.path}|{source.annotation_kind}|{source.fault}"
    files = "|".join(map(_of_file, _files(source)))
    return f"{head}|{hashlib.sha256(_bytes(files)).hexdigest() if source.frame_files else files}"


def digests(stamps: Mapping[str, str], shards: Mapping[str, int]) -> dict[int, str]:
    """One short text for each shard, from the stamps of its videos.

    Args:
        stamps: by video.
        shards: the shard of each video.
    """
    lines: dict[int, list[str]] = {}
    for name in sorted(stamps):
        lines.setdefault(shards[name], []).append(f"{name}|{stamps[name]}\n")
    return {
        shard: hashlib.sha256(_bytes("".join(lines[shard]))).hexdigest()[:16]
        for shard in sorted(lines)
    }


def _files(source: VideoSource) -> Iterator[str]:
    yield from source.frame_files or (source.path,)
    annotations = filter(None, source.annotation_files or ())
    if not source.annotation_kind.startswith("union"):
        yield from annotations
        return
    for pattern in annotations:
        yield from sorted(glob.glob(pattern))  # noqa: PTH207


def _of_file(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116 - a plan looks at 100,000
    except OSError:
        return f"{path}:-"
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
