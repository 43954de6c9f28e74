"""Interface of all datasets: a list of videos."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, runtime_checkable

CLASS_KINDS = ("classes", "objects", "coco_stuff27")
"""Kinds of annotations whose labels are classes (see `VideoSource`), without their numbers."""


def holds_classes(kind: str) -> bool:
    """True if annotations of this kind are label maps of classes."""
    return kind.partition(":")[0] in CLASS_KINDS


@dataclass(frozen=True)
class VideoSource:
    """One video on disk, neither decoded nor checked.

    Attributes:
        id: unique in its dataset, safe as a file name.
        split: `train` or `val`.
        path: the video file, the folder of its frames, or, of a still image, the image.
        frame_files: the frames in order if the dataset ships frames, else None; a still image is a
            video of one frame.
        annotation_files: ground truth, one entry a frame, "" for a frame without; None if there is
            no ground truth at all. An entry is a file; of the kind `union` it is a pattern, as of
            the module glob, that matches one file an object.
        annotation_kind: of the entries, "" without ground truth:
            `binary`: above 128 is foreground (DAVIS);
            `grey`: 128 and above is foreground, anything may lie between (image benchmarks);
            `instances`: 0 background, 1 to 254 objects, 255 void;
            `colours`: black is background, any colour an object;
            `classes`: 0 background, 1 to 254 classes of objects, 255 void;
            `union:2`: two binary files a frame, an object each, together the foreground;
            `objects:7.2`: as `instances`, but labels are classes: object 1 is of class 7, 2 of
                class 2; of class 255 it is void;
            `coco_stuff27`: COCO-Stuff's label maps; labels are 27 classes from 0 on, no background;
            `boxes`: boxes instead of masks, which the adapter gives; no annotation files;
            `fbms:0.1`: FBMS-59's labels; grey above 0.1 of 255 is foreground, white of .ppm is not.
        truth: file with exact ground truth of a rendered video, else "".
        fault: reason why the video cannot be opened, as far as listing shows; it is left out for
            this reason. "" without a fault.
        fps: frames a second of `frame_files`; 1 if unknown, so that times count frames.
        every: of a video file, one frame in so many is used; `frame_files` and `annotation_files`
            list the used ones alone.
        numbered: the numbers in the names of `frame_files` go in even steps; a gap among them is a
            missing frame.
        label: name of the class of a whole image, as of ImageNet's; "" without one.
    """

    id: str
    split: str
    path: str
    frame_files: tuple[str, ...] | None = None
    annotation_files: tuple[str, ...] | None = None
    annotation_kind: str = ""
    truth: str = ""
    fault: str = ""
    fps: float = 1.0
    every: int = 1
    numbered: bool = True
    label: str = ""


def with_rate(source: VideoSource, fps: float | None) -> VideoSource:
    """The same video with another frame rate, if it comes as images and there is one."""
    return source if fps is None or source.frame_files is None else replace(source, fps=fps)


def thinned(source: VideoSource, every: int) -> VideoSource:
    """The same video with one frame in `every`, from the first on."""
    if every == 1:
        return source
    frames, annotations = source.frame_files, source.annotation_files
    return replace(
        source,
        frame_files=None if frames is None else frames[::every],
        annotation_files=None if annotations is None else annotations[::every],
        fps=source.fps / every,
        every=every,
    )


class Adapter(Protocol):
    """Adapter of the layout of one dataset on disk."""

    def videos(self) -> list[VideoSource]:
        """List the videos, sorted by id; opens no video and no image.

        Raises:
            ConfigError: a folder or list that the settings name does not exist or is empty.
            StoreError: the folder does not follow the dataset's layout.
        """
        ...


@runtime_checkable
class Stamped(Protocol):
    """Adapter that stamps its videos itself, since a plan must not look at all of their files."""

    def stamps(self) -> dict[str, str]:
        """Text for each video, by id, that changes with the video.

        Raises ConfigError and StoreError as `videos` does.
        """
        ...


class Box(NamedTuple):
    """Box around one object of a frame, in pixels of the frame.

    Attributes:
        video: its id.
        t: number of the frame, among those that are used.
        x0, y0: left and upper edge; 0 is the edge of the image.
        x1, y1: right and lower edge, so that a box of one pixel has x1 = x0 + 1.
        category: name or number of the object's class; "" without one.
        difficult: the authors leave it to the benchmark whether the box counts.
        truncated: the object is not all in the box.
        crowd: it is around several objects.
    """

    video: str
    t: int
    x0: float
    y0: float
    x1: float
    y1: float
    category: str = ""
    difficult: bool = False
    truncated: bool = False
    crowd: bool = False


@runtime_checkable
class Boxed(Protocol):
    """Adapter of a dataset that ships boxes."""

    def boxes(self) -> list[Box]:
        """All boxes, in order of the video's id.

        Raises ConfigError and StoreError as `videos` does; StoreError if annotations are damaged.
        """
        ...
