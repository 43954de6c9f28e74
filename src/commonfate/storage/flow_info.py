"""Index entry of the flow of one video and gap."""

from dataclasses import asdict, dataclass
from typing import Any

from commonfate.storage.quantize import NO_VALUE

FORMAT = 2
"""Format of the stores that are written and read. Part of the key of staged work."""


def sources(frames: int, gap: int) -> range:
    """The frames t for which both t and t + gap are among `frames` frames."""
    return range(max(0, -gap), min(frames, frames - gap))


def part_name(video: str, gap: int) -> str:
    """Description of a part for messages."""
    return f"flow of video {video!r}, gap {gap}"


@dataclass(frozen=True)
class FlowInfo:
    """Size, quantization and counts of the flow of one video and gap.

    Attributes:
        frames: of the video; flow exists for `sources(frames, gap)`.
        height, width: of the flow.
        steps_per_pixel: of the quantization.
        saturated: pixels, over all pairs, with a saturated component.
        invalid: pixels, over all pairs, with a component that has no value.
        content: digest of the flow's inputs, as the writer was given it; "" if it was not.
    """

    video: str
    gap: int
    frames: int
    height: int
    width: int
    steps_per_pixel: int
    saturated: int = 0
    invalid: int = 0
    content: str = ""

    def __str__(self) -> str:
        return part_name(self.video, self.gap)

    @property
    def sources(self) -> range:
        """The frames that flow starts from."""
        return sources(self.frames, self.gap)

    def attributes(self) -> dict[str, Any]:
        """All fields, and what a reader without this package needs to interpret the numbers."""
        return {
            **asdict(self),
            "first_frame": self.sources.start,
            "components": "u (to the right), v (down)",
            "units": "steps; divided by steps_per_pixel: pixels per gap",
            "no_value": NO_VALUE,
        }

    @classmethod
    def from_attributes(cls, attributes: dict[str, Any]) -> "FlowInfo":
        """Undo `attributes`."""
        return cls(**{name: attributes[name] for name in cls.__dataclass_fields__})
