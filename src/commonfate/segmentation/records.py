"""Provenance of the videos of a command, and what an earlier one has finished."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commonfate.flow.extraction.own_videos import OwnVideos
from commonfate.segmentation import outputs


@dataclass(frozen=True)
class Records:
    """Provenance of each video of a command.

    Attributes:
        command: of the command: settings, weights, code.
        own: its videos; none for a photograph.
        together: each depends on all, since a network learns from them.
    """

    command: dict[str, Any]
    own: OwnVideos | None = None
    together: bool = False

    def of(self, video: str) -> dict[str, Any]:
        """Provenance of a video; files beside it do not matter, unless they are learnt from."""
        if self.own is None:
            return self.command
        inputs = self.own.settings if self.together else self.own.settings_of(video)
        return self.command | {"settings": self.command["settings"] | {"own": inputs}}

    def key(self, video: str) -> str:
        """Text that differs where what is made of a video would."""
        record = self.of(video)
        return json.dumps([record["settings"], record["code_sha256"]], sort_keys=True)

    def existing(self, video: str, folder: Path) -> dict[str, Any] | None:
        """Head of the JSON of a video that the same code has segmented from the same inputs."""
        keys, record = ("settings", "inputs", "code_sha256"), self.of(video)
        try:
            about = json.loads((folder / outputs.JSON).read_text(encoding="utf-8"))
            same = all(about["provenance"][key] == record[key] for key in keys)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return {key: value for key, value in about.items() if key != "frames"} if same else None
