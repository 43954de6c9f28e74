"""Check videos that come as one image a frame: numbering, headers, sizes."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from commonfate.datasets import image_file
from commonfate.datasets.image_file import ImageError
from commonfate.videos.inspection import DecodeError

_NUMBER_AT_END = re.compile(r"(?P<prefix>.*?)(?P<number>\d+)", re.DOTALL)


def frame_size(files: Sequence[str | Path]) -> tuple[int, int]:
    """Read the headers of all frames.

    Args:
        files: image files, at least one.

    Returns:
        Height and width, which all of them share.

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
    """Find gaps in the numbers that file names end in.

    Numbers may go in steps, as where only every fifth frame was kept: the commonest step counts.

    Raises:
        DecodeError: a number is missing or stands twice; the message names the file.
    """
    if len(files) < 2:  # a still image may have any name
        return
    numbers = [_number(Path(file)) for file in files]
    steps = Counter(after - before for before, after in pairwise(numbers))
    step = min(steps, key=lambda size: (-steps[size], size))
    for file, before, after in zip(files, numbers, numbers[1:], strict=False):
        if after == before:
            raise DecodeError(f"two frames have the number of {Path(file).name}")
        if after != before + step:
            missing = _renumbered(Path(file), before + step)
            raise DecodeError(f"missing frame: {missing} (numbers go in steps of {step})")


def _number(file: Path) -> int:
    match = _NUMBER_AT_END.fullmatch(file.stem)
    if match is None:
        raise DecodeError(f"frame {file.name} has no number at the end of its name")
    return int(match["number"])


def _renumbered(file: Path, number: int) -> str:
    match = _NUMBER_AT_END.fullmatch(file.stem)
    return f"{match['prefix']}{number:0{len(match['number'])}d}{file.suffix}"


def _header_size(file: Path) -> tuple[int, int]:
    if not file.exists():
        raise DecodeError(f"missing frame: {file.name}")
    try:
        return image_file.size(file)
    except ImageError as error:
        raise DecodeError(f"frame {file.name} {error}") from error
