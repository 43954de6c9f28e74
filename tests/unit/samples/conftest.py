"""Small stores of frames and flow, with the manifest that goes with them."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from commonfate.base import parquet
from commonfate.storage.flow import open_writer
from commonfate.storage.flow_info import sources
from commonfate.storage.frames import FrameWriter


def pixel(video: str, t: int) -> int:
    """Every pixel of frame t has this value, so that a test can tell frames apart."""
    return 10 * (ord(video[0]) - ord("a")) + t


class Raw:
    """A method that hands over the example as it was read."""

    def __init__(self, learns_from: str) -> None:
        self.settings = SimpleNamespace(learns_from=learns_from)

    def prepare(self, example):
        return vars(example)


@pytest.fixture
def raw() -> Callable[[str], Raw]:
    """Make a method that hands over what is read of a sample: `raw("pairs")`."""
    return Raw


@pytest.fixture
def make_shard(tmp_path) -> Callable[..., tuple[Path, Path]]:
    """Write one shard: frames of `pixel` value, flow (u, v) = (t + gap / 10, -t).

    The flow of a video of one frame is not in it, and that of the videos `left_out` is said to be
    left out.
    """

    def make(
        dataset: str,
        shard: int,
        videos: dict[str, int],
        gaps=(-1, 1),
        container="zarr",
        size=(8, 12),
        left_out=(),
    ):
        frames = tmp_path / "frames" / dataset / f"{shard:04d}.zarr.zip"
        suffix = "zarr.zip" if container == "zarr" else "tiff"
        flow = tmp_path / "flow" / dataset / f"{shard:04d}.{suffix}"
        frames.parent.mkdir(parents=True, exist_ok=True)
        flow.parent.mkdir(parents=True, exist_ok=True)
        message = {"left_out": [{"video": video} for video in left_out]}
        with (
            FrameWriter(frames) as frame_writer,
            open_writer(flow, container, provenance=message, key="") as flow_writer,
        ):
            for video, length in videos.items():
                images = (np.full((*size, 3), pixel(video, t), np.uint8) for t in range(length))
                frame_writer.add_video(video, images, [t / 10 for t in range(length)], 10.0)
                for gap in gaps if length > 1 and video not in left_out else ():
                    pairs = (
                        (t, np.stack([np.full(size, v, np.float32) for v in (t + gap / 10, -t)]))
                        for t in sources(length, gap)
                    )
                    flow_writer.add(video, gap, length, size, pairs)
        return frames, flow

    return make


@pytest.fixture
def make_manifest(tmp_path) -> Callable[..., Path]:
    """Write a manifest; rows are (id, split, shard, reason), an empty reason for a good video.

    `annotations` are the files by video, of the kind `annotation_kind`; other videos have none.
    """

    def make(
        dataset: str,
        rows: list[tuple[str, str, int, str]],
        annotations: dict[str, list[str]] | None = None,
        annotation_kind: str = "classes",
    ) -> Path:
        path = tmp_path / "videos" / dataset / "manifest.parquet"
        table = pd.DataFrame(rows, columns=["id", "split", "shard", "reason"])
        table["status"] = ["left_out" if reason else "ok" for reason in table["reason"]]
        files = [(annotations or {}).get(video) for video in table["id"]]
        table["annotation_files"] = files
        table["annotation_kind"] = [annotation_kind if own else "" for own in files]
        parquet.write(path, table, {"settings": {"dataset": dataset}})
        return path

    return make
