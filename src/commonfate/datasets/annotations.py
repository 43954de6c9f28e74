"""Ground truth masks as the datasets store them.

`datasets.base` lists the kinds. A kind may end in a number: `union:2` (two files a frame),
`fbms:0.1` (the threshold).
"""

import glob
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.datasets import image_file, label_maps, mask_values
from commonfate.datasets.image_file import ImageError
from commonfate.datasets.mask_values import ADVICE, misread

FOREGROUND_ABOVE = 128
GREY_FOREGROUND_FROM = 128
"""More than 0.5 of 255, as Guess What Moves' notebook binarises the masks of image benchmarks."""
FBMS_BACKGROUND_ABOVE = 0.99
"""Grey, of 1, that is background in FBMS-59's .ppm files: their background is white."""
FAINTEST = 32
"""Least maximum of a mask in grey: below it, values are labels. CUB's shares begin at 51."""

KINDS = (
    "binary",
    "grey",
    "instances",
    "colours",
    "classes",
    "objects:C",
    "coco_stuff27",
    "union:N",
    "fbms:X",
)
"""For messages; C numbers the class of each object, N counts files, X is a threshold."""
_KIND = re.compile(
    r"binary|grey|instances|colours|classes|coco_stuff27|objects:[0-9]+(\.[0-9]+)*"
    r"|union:[1-9][0-9]*|fbms:0\.[0-9]+"
)


def is_kind(kind: str) -> bool:
    """True if annotations of this kind can be read."""
    return _KIND.fullmatch(kind) is not None


def size(path: str | Path) -> tuple[int, int]:
    """Height and width of an annotation as it is shown, from its header alone.

    Args:
        path: a file, or the pattern of an annotation of several files.

    Raises:
        StoreError: the file is missing or is not an image.
    """
    path = Path(path)
    file = path if path.exists() else (_matches(path) or [path])[0]
    try:
        return image_file.size(file)
    except ImageError as error:
        raise StoreError(f"{file}: this annotation {error}; {ADVICE}") from error


def read(path: str | Path, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Read an annotation.

    Args:
        path: an image file; of the kind `union`, a pattern that matches several.
        kind: content of the annotation:
            `binary`: above 128 is foreground; if all values are 0 and 1, 1 is;
            `grey`: 128 and above is foreground; if all values are 0 and 1, 1 is;
            `instances`: 0 is background, 1 to 254 are objects, all foreground, 255 is void;
            `colours`: black is background, every colour is foreground;
            `classes`, `objects:C`: as `instances`, with classes in place of objects;
            `coco_stuff27`: every pixel with a class is foreground;
            `union:N`: N binary files, together the foreground;
            `fbms:X`: grey above X, of 1, is foreground.

    Returns:
        Foreground and void, (H, W) bool each, never both true.

    Raises:
        StoreError: a file is missing, damaged, or does not fit `kind`.
        ValueError: there is no such kind.
    """
    if not is_kind(kind):
        raise ValueError(f"annotation_kind {kind!r} is unknown; known: {', '.join(KINDS)}")
    path = Path(path)
    name, _, number = kind.partition(":")
    if label_maps.is_labelled(kind):
        values = label_maps.read(path, kind)
        void = values == mask_values.VOID
        return ~void if name == "coco_stuff27" else (values > 0) & ~void, void
    if name == "union":
        foreground = _union(path, int(number))
    elif name == "fbms":
        foreground = _fbms(path, float(number))
    elif name == "grey":
        foreground = _grey(path)
    elif name == "colours":
        foreground = mask_values.coloured(path)
    else:
        foreground = _binary(path, name)
    return foreground, np.zeros_like(foreground)


def labels(path: str | Path, kind: str) -> np.ndarray:
    """Read an annotation as a label map.

    Args:
        path: as of `read`.
        kind: as of `read`. Of `instances` labels are objects, of `classes`, `objects:C` and
            `coco_stuff27` classes; of all others 1 is the foreground.

    Returns:
        (H, W) uint8; 255 is void. 0 is background, but of `coco_stuff27` the first class.

    Raises: as `read`.
    """
    if is_kind(kind) and label_maps.is_labelled(kind):
        return label_maps.read(Path(path), kind)
    foreground, void = read(path, kind)
    return np.where(void, mask_values.VOID, foreground).astype(np.uint8)


def _binary(path: Path, kind: str) -> np.ndarray:
    """(H, W) bool: foreground."""
    values = mask_values.levels(path, kind)
    highest = values.max(initial=0)
    if 1 < highest <= FOREGROUND_ABOVE:
        raise misread(path, kind, f"holds values from 0 to {highest}", "instances")
    if lost := _areas_between(values):
        raise misread(path, kind, f"holds whole areas of the value {lost}", "colours")
    return values == 1 if highest == 1 else values > FOREGROUND_ABOVE


def _areas_between(values: np.ndarray) -> int:
    """A value that is neither black nor foreground and fills an area, as no soft edge does; or 0.

    Such areas are objects of different colours or labels that a tool turned into grey.
    """
    import cv2

    around = np.ones((5, 5), np.uint8)
    flat = cv2.erode(values, around) == cv2.dilate(values, around)
    between = values[flat & (values >= FAINTEST) & (values <= FOREGROUND_ABOVE)]
    return int(between.max(initial=0))


def _grey(path: Path) -> np.ndarray:
    values = mask_values.levels(path, "grey")
    highest = values.max(initial=0)
    if 1 < highest < FAINTEST:
        raise misread(path, "grey", f"holds values from 0 to {highest}", "instances")
    return values == 1 if highest == 1 else values >= GREY_FOREGROUND_FROM


def _union(pattern: Path, count: int) -> np.ndarray:
    files = _matches(pattern)
    if len(files) != count:
        raise StoreError(
            f"{pattern}: {len(files)} files where the masks of {count} objects should be; {ADVICE}"
        )
    masks = [_binary(file, "union") for file in files]
    _check_sizes(files, masks)
    return np.any(masks, axis=0)


def _check_sizes(files: Sequence[Path], masks: Sequence[np.ndarray]) -> None:
    first = masks[0].shape
    for file, mask in zip(files, masks, strict=True):
        if mask.shape != first:
            raise StoreError(
                f"{file}: is {mask.shape[1]}x{mask.shape[0]}, but {files[0]} of the same frame is "
                f"{first[1]}x{first[0]}; {ADVICE}"
            )


def _matches(pattern: Path) -> list[Path]:
    return [Path(file) for file in sorted(glob.glob(str(pattern)))]  # noqa: PTH207


def _fbms(path: Path, threshold: float) -> np.ndarray:
    """Binarise as MotionGrouping's tools/FBMS_clean.py, which the papers' scores are based on.

    Decoded by OpenCV as there: Pillow stretches grey values whose maximum is not 255.
    """
    import cv2

    image_file.load(
        path, "annotation", ADVICE
    )  # refuses damaged files that OpenCV reads without an error
    colours = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if colours is None:
        raise StoreError(f"{path}: this annotation is damaged; {ADVICE}")
    grey = cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY) / 255.0
    if path.suffix.lower() == ".ppm":
        grey[grey > FBMS_BACKGROUND_ABOVE] = 0.0
    return grey > threshold
