"""Predictions under way: finished videos survive a kill, and the same command goes on from there.

They lie in `.{name}.partial` beside the folder that they become: `videos/{video}.json` is written
when all maps of a video are.
"""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from commonfate.base.files import write_json, write_text
from commonfate.prediction.segmenting import FrameRecord


@dataclass(frozen=True)
class VideoReport:
    """Record of one video.

    Attributes:
        frames: its frames, in order.
        adapted: outcome of the adaptation to the video, see `adaptation.Adaptation`; None without
            adaptation.
        problem: reason why the video is left out; None where its frames are segmented.
    """

    frames: list[FrameRecord]
    adapted: dict[str, Any] | None
    problem: str | None = None


def key_of(provenance: dict[str, Any]) -> str:
    """Hash of everything that predictions depend on, frames and device included."""
    inputs = {name: provenance[name] for name in ("settings", "inputs", "code_sha256", "device")}
    inputs["contents"] = provenance.get("contents")
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


class Unfinished:
    """A folder of predictions under way. One process at a time may open it; many may write."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self.path = output.with_name(f".{output.name}.partial")

    def open(self, key: str) -> None:
        """Go on with videos of the same key, or begin anew."""
        mark = self.path / "key"
        if not (mark.is_file() and mark.read_text(encoding="utf-8") == key):
            shutil.rmtree(self.path, ignore_errors=True)
            write_text(mark, key)

    def finish(self, video: str, report: VideoReport) -> None:
        """Record that all maps of a video are written.

        Nothing waits for the disk, since an image benchmark has thousands of videos of one frame:
        after a power cut a report may be torn, and its video is segmented again.
        """
        path = self._file(video)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(asdict(report), allow_nan=False), encoding="utf-8")
        temporary.replace(path)

    def leave_out(self, video: str, problem: str) -> None:
        """Delete the maps of a video that could not be segmented, and record the reason."""
        for maps in self.path.glob("*/"):
            if maps.name != "videos":
                shutil.rmtree(maps / video, ignore_errors=True)
        self.finish(video, VideoReport([], None, problem))

    def report(self, video: str) -> VideoReport | None:
        """The record of a video; None if it is not finished."""
        try:
            content = json.loads(self._file(video).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        frames = [FrameRecord(**frame) for frame in content["frames"]]
        return VideoReport(frames, content["adapted"], content["problem"])

    def publish(self, metadata: dict[str, Any]) -> None:
        """Write predictions.json; the folder takes the place of the output in one step."""
        write_json(self.path / "predictions.json", metadata)
        shutil.rmtree(self.path / "videos")
        (self.path / "key").unlink()
        if self._output.exists():
            shutil.rmtree(self._output)
        self.path.rename(self._output)

    def _file(self, video: str) -> Path:
        return self.path / "videos" / f"{video}.json"
