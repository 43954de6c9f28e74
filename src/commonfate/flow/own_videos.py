"""Flow of anyone's videos: decode the files that are named, without a dataset or a workflow."""

import logging
from collections.abc import Sequence
from itertools import chain
from pathlib import Path, PurePath

from commonfate import parquet, provenance
from commonfate.datasets import inventory
from commonfate.datasets.base import VideoSource
from commonfate.datasets.folder import Folder
from commonfate.datasets.names import identifiers
from commonfate.datasets.settings import FolderConfig
from commonfate.storage import content
from commonfate.videos import manifest, shard
from commonfate.videos.decode import Decoding

log = logging.getLogger(__name__)


def decode(
    paths: Sequence[Path],
    output: Path,
    gaps: Sequence[int],
    decoding: Decoding,
    retry: bool = False,
) -> tuple[Path, Path]:
    """Decode videos into a frame store, unless it is there already, made of the same files.

    Args:
        paths: video files, and folders that are searched for videos and folders of frames.
        output: folder for `videos.parquet` (a row a video, as a manifest) and `frames.zarr.zip`.
        gaps: a video that is too short for all of them is left out.
        decoding: how files are decoded.
        retry: do not be content with a store that has left out some of the videos.

    Returns:
        The manifest and the frame store.

    Raises:
        UserError: none of the videos is usable, or two have the same name.
    """
    found = [source for path in paths for source in _sources(path)]
    table = inventory.build(found, shard_size=len(found))
    files = sorted({*chain.from_iterable(s.frame_files or (s.path,) for s in found)})
    settings = {"gaps": list(gaps), **decoding.settings(), "files": content.state(files)}
    # The hashes of the files are those of the videos: they are read once, while they are decoded.
    record = provenance.record("flow", settings, inputs=[])
    report, frames = output / "videos.parquet", output / "frames.zarr.zip"
    if shard.is_made(frames, report, record):
        rows = parquet.read(report)
        if not (retry and manifest.left_out(rows)):
            log.info("%s is there already, made from these files", frames)
            for source, reason in manifest.left_out(rows):
                log.warning("%s: left out: %s", source, reason)
            return report, frames
    rows = shard.write(table, frames, report, record, tuple(gaps), decoding)
    manifest.gather(str(output), [rows])  # raises where nothing is usable
    return report, frames


def _sources(path: Path) -> list[VideoSource]:
    if path.is_dir():
        return Folder(str(path), FolderConfig(root=path)).videos()
    (name,) = identifiers([PurePath(path.name)], [path.suffix])
    return [VideoSource(id=name, split="train", path=str(path))]
