"""Check videos that come as one image a frame: numbering, headers, sizes."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from commonfate.datasets import image_file, on_disk, series
from commonfate.datasets.image_file import ImageError
from commonfate.videos.container import DecodeError


def frame_size(files: Sequence[str | Path]) -> tuple[int, int]:
    """Read the headers of all frames.

    Args:
        files: image files, at least one.

    Returns:
        Height and width of all frames.

    Raises:
        DecodeError: a file is missing, is no image, or has another size than the first.
    """
    first = None
    for file in map(Path, files):
        size = _header_size(file)
        first = first or size
        if size != first:
            raise DecodeError(
                f"changing size: {file.name} is {size[1]}x{size[0]}, the frames before it are "
                f"{first[1]}x{first[0]}"
            )
    if first is None:
        raise DecodeError("it holds no frame")
    return first


def check_numbering(files: Sequence[str | Path]) -> None:
    """Find gaps in the numbers of file names.

    Numbers may grow by steps, as when only every fifth frame was kept: the most frequent step is
    the right one.

    Raises:
        DecodeError: a number is missing or occurs twice; the message names the file.
    """
    if len(files) < 2:  # a still image may have any name
        return
    names = [Path(file).name for file in files]
    for name in names:
        if len(series.split(name)) < 3:
            raise DecodeError(f"frame {name} has no number in its name")
    place, numbers = series.numbering(names)
    steps = Counter(after - before for before, after in pairwise(numbers))
    step = min(steps, key=lambda size: (-steps[size], size))
    for name, before, after in zip(names, numbers, numbers[1:], strict=False):
        if after == before:
            raise DecodeError(f"two frames have the number of {name}")
        if after != before + step:
            missing = series.renumbered(name, place, before + step)
            raise DecodeError(f"missing frame: {missing} (numbers go in steps of {step})")


def _header_size(file: Path) -> tuple[int, int]:
    if not file.exists():
        raise DecodeError(f"missing frame: {file.name}")
    if fault := on_disk.file_fault(file):
        raise DecodeError(f"frame {file.name} is {fault}")
    try:
        return image_file.size(file)
    except ImageError as error:
        raise DecodeError(f"frame {file.name} {error}") from error
