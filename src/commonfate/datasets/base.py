"""Interface of all datasets: a list of videos."""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable


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
            `fbms:0.1`: FBMS-59's labels; grey above 0.1 of 255 is foreground, white of .ppm is not.
        truth: file with exact ground truth of a rendered video, else "".
        fault: reason why the video cannot be opened, as far as listing shows; it is left out for
            this reason. "" without a fault.
        fps: frames a second of `frame_files`; 1 if unknown, so that times count frames.
        every: of a video file, one frame in so many is used; `frame_files` and `annotation_files`
            list the used ones alone.
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
