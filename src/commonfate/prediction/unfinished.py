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
from commonfate.prediction.segmenting import Facts


@dataclass(frozen=True)
class Report:
    """What is noted of one video.

    Attributes:
        frames: its frames, in order.
        adapted: what became of the adaptation to it, see `adaptation.Adapted`; None where none was
            asked for.
        problem: why the video is left out; None where its frames are segmented.
    """

    frames: list[Facts]
    adapted: dict[str, Any] | None
    problem: str | None = None


def key_of(provenance: dict[str, Any]) -> str:
    """Hash of what predictions depend on: settings, inputs, contents of frames, code, device."""
    told = {name: provenance[name] for name in ("settings", "inputs", "code_sha256", "device")}
    told["contents"] = provenance.get("contents")
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


class Unfinished:
    """A folder of predictions under way. One process at a time may open it; many may write."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self.path = output.with_name(f".{output.name}.partial")

    def open(self, key: str) -> None:
        """Go on with what was made under the same key, or begin anew."""
        mark = self.path / "key"
        if not (mark.is_file() and mark.read_text(encoding="utf-8") == key):
            shutil.rmtree(self.path, ignore_errors=True)
            write_text(mark, key)

    def finish(self, video: str, report: Report) -> None:
        """Note that all maps of a video are written.

        Nothing waits for the disk, since an image benchmark has thousands of videos of one frame:
        after a power cut a report may be torn, and its video is segmented again.
        """
        path = self._file(video)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(asdict(report), allow_nan=False), encoding="utf-8")
        temporary.replace(path)

    def leave_out(self, video: str, problem: str) -> None:
        """Note why a video could not be segmented; what is there of its maps goes."""
        for maps in self.path.glob("*/"):
            if maps.name != "videos":
                shutil.rmtree(maps / video, ignore_errors=True)
        self.finish(video, Report([], None, problem))

    def report(self, video: str) -> Report | None:
        """What was noted of a video; None if it is not finished."""
        try:
            found = json.loads(self._file(video).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        frames = [Facts(**frame) for frame in found["frames"]]
        return Report(frames, found["adapted"], found["problem"])

    def publish(self, facts: dict[str, Any]) -> None:
        """Write predictions.json; the folder takes the place of the output in one step."""
        write_json(self.path / "predictions.json", facts)
        shutil.rmtree(self.path / "videos")
        (self.path / "key").unlink()
        if self._output.exists():
            shutil.rmtree(self._output)
        self.path.rename(self._output)

    def _file(self, video: str) -> Path:
        return self.path / "videos" / f"{video}.json"
