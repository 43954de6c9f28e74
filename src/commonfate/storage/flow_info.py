"""What is stored of the flow of one video and gap."""

from dataclasses import asdict, dataclass
from typing import Any

from commonfate.storage.quantize import NO_VALUE

FORMAT = 2
"""Of the stores that are written and read. Part of the key of staged work."""


def sources(frames: int, gap: int) -> range:
    """The frames t for which both t and t + gap are among `frames` frames."""
    return range(max(0, -gap), min(frames, frames - gap))


def part_name(video: str, gap: int) -> str:
    """Name a part in messages."""
    return f"flow of video {video!r}, gap {gap}"


@dataclass(frozen=True)
class FlowInfo:
    """What is stored of one video and gap.

    Attributes:
        frames: of the video; flow exists for `sources(frames, gap)`.
        height, width: of the flow.
        steps_per_pixel: of the quantization.
        saturated: pixels, over all pairs, of which a component saturated.
        invalid: pixels, over all pairs, of which a component has no value.
        content: digest of what the flow is made of, as the writer was given it; "" if it was not.
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
        """All fields, and what a reader without this package needs to make sense of the numbers."""
        return {
            **asdict(self),
            "first_frame": self.sources.start,
            "components": "u (to the right), v (down)",
            "units": "steps; divided by steps_per_pixel: pixels per gap",
            "no_value": NO_VALUE,
        }

    @classmethod
    def from_attributes(cls, attributes: dict[str, Any]) -> "FlowInfo":
        """The inverse of `attributes`."""
        return cls(**{name: attributes[name] for name in cls.__dataclass_fields__})
