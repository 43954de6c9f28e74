"""Provenance of the videos of a command, and what an earlier one has finished."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commonfate.segmentation import outputs


@dataclass(frozen=True)
class Records:
    """Provenance of each video of a command.

    Attributes:
        command: of the command: settings, weights, code.
        inputs: files of each video, by name, as they were before any was read, so that one that
            changes meanwhile is segmented again; none for a photograph.
    """

    command: dict[str, Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def of(self, video: str) -> dict[str, Any]:
        """Provenance of a video, or of a photograph."""
        if video not in self.inputs:
            return self.command
        settings = self.command["settings"] | {"own": self.inputs[video]}
        return self.command | {"settings": settings}

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
