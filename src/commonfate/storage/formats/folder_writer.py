"""Writer of folders of flow files: `{gap}/{video}/{t:05d}.flo`, or another ending.

The folder of a video is written under a hidden name and then renamed, so a folder that exists is
complete; a killed run continues with the next video. `conversion.json` is the provenance. For
FlowDINO's code there is an index beside the videos of gap 1, as its data set class reads it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import ConfigError
from commonfate.base.files import replacing_directory, write_json
from commonfate.storage.formats import Format
from commonfate.storage.store import node_name

RECORD = "conversion.json"


class FlowFolderWriter:
    """Begin a folder, or continue it.

    Args:
        folder: the folder.
        form: the format of its files.
        provenance: kept beside the videos, as JSON can hold it; `key` is a hash of the inputs and
            settings.

    Raises:
        ConfigError: the folder holds something else.
    """

    def __init__(self, folder: str | Path, form: Format, provenance: dict[str, Any]) -> None:
        self.folder = Path(folder)
        self.form = form
        record = self.folder / RECORD
        if record.is_file():
            if json.loads(record.read_text(encoding="utf-8")).get("key") != provenance["key"]:
                raise ConfigError(
                    f"{folder}: holds a conversion of other flow, or by other settings; "
                    "delete it, or write to another folder"
                )
            return
        if self.folder.is_dir() and any(self.folder.iterdir()):
            raise ConfigError(f"{folder}: is not empty; delete it, or write to another folder")
        write_json(record, provenance)

    def has(self, video: str, gap: int) -> bool:
        """True if the folder of a video is there, which means that it is complete."""
        return self._place(video, gap).is_dir()

    @contextmanager
    def part(self, video: str, gap: int) -> Iterator[Callable[[int, np.ndarray], int]]:
        """Begin the folder of one video and gap; it appears when the `with` statement ends well.

        Yields:
            A function that writes the flow of frame t, (2, H, W) float in pixels, and returns the
            number of pixels with a value that the format cannot hold.
        """
        with replacing_directory(self._place(video, gap)) as folder:

            def write(t: int, flow: np.ndarray) -> int:
                text = {"video": video, "gap": gap, "t": t} if self.form.keeps_text else {}
                return self.form.write(folder / f"{t:05d}{self.form.suffixes[0]}", flow, **text)

            yield write

    def finish(self) -> None:
        """Write the index of FlowDINO's format; nothing for the others."""
        if self.form.name != "flowdino" or not (self.folder / "1").is_dir():
            return
        videos = []
        for folder in sorted(self.folder.glob("1/*/")):
            flows = sorted(path.name for path in folder.iterdir())
            frames = [f"{t:05d}.jpg" for t in range(len(flows) + 1)]
            videos.append({"path": folder.name, "frames": frames, "flows": flows})
        index = {"path": str((self.folder / "1").resolve()), "videos": videos}
        write_json(self.folder / "1" / "index.json", index)

    def _place(self, video: str, gap: int) -> Path:
        return self.folder / str(gap) / node_name(video)
