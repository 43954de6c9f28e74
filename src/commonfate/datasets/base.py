"""What every dataset looks like to the rest of the pipeline: a list of videos."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class VideoSource:
    """One video as it lies on disk; nothing of it has been decoded or checked.

    Attributes:
        id: unique in its dataset, safe as a file name.
        split: `train` or `val`.
        path: the video file, or the folder of its frames.
        frame_files: the frames in order where the dataset ships frames, else None.
        annotation_files: ground truth, one a frame, "" where a frame has none; None if there is
            no ground truth at all.
        annotation_kind: `binary` (above 128 is foreground), `instances` (0 background, 1 to 254
            objects, 255 void), or "" without ground truth.
        truth: file with exact ground truth of a rendered video, else "".
    """

    id: str
    split: str
    path: str
    frame_files: tuple[str, ...] | None = None
    annotation_files: tuple[str, ...] | None = None
    annotation_kind: str = ""
    truth: str = ""


class Adapter(Protocol):
    """Knows the layout of one dataset on disk."""

    def videos(self) -> list[VideoSource]:
        """List the videos, sorted by id; opens no video and no image.

        Raises:
            ConfigError: a folder or list that the settings name does not exist.
            StoreError: the folder is not what the dataset's layout says.
        """
        ...
