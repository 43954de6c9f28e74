"""Masks and label maps drawn over a frame, to be looked at.

Colours are Okabe and Ito's, which colour-blind readers tell apart, too.
"""

import cv2
import numpy as np

from commonfate.prediction import maps

PREDICTED = (213, 94, 0)
"""Outline of what a method says: vermilion."""
TRUE = (86, 180, 233)
"""Outline of the ground truth: sky blue."""
VOID = (235, 235, 235)
LINE = 3
"""Width of an outline; the sheet shrinks it to half."""
FADE = 0.45
"""Brightness of what is outside a mask."""
TINT = 0.55
"""Share of a segment's colour in its tint."""
LIFT = 0.35
"""Grey added below a tint, so that it can be told in a dark frame."""


def scaled(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a frame: smoothed where it shrinks, bicubic where it grows.

    Args:
        picture: (H, W, 3) uint8, RGB.
        size: height h and width w of the result.

    Returns:
        (h, w, 3) uint8.
    """
    shrinks = size[0] < picture.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(picture, size[::-1], interpolation=method)


def labels_scaled(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize labels or a mask, (H, W) uint8 or bool, to the nearest neighbour: (h, w)."""
    resized = cv2.resize(labels.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return resized.astype(labels.dtype)


def outlined(
    frame: np.ndarray,
    mask: np.ndarray,
    colour: tuple[int, int, int] = PREDICTED,
    void: np.ndarray | None = None,
) -> np.ndarray:
    """Show what is inside a mask in colour and the rest dark and grey, with an outline between.

    Args:
        frame: (H, W, 3) uint8, RGB.
        mask: (H, W) bool.
        colour: of the outline.
        void: (H, W) bool, drawn pale: pixels that do not count.

    Returns:
        (H, W, 3) uint8.
    """
    outside = (FADE * _grey(frame)).astype(np.uint8)
    picture = np.where(mask[..., None], frame, outside)
    if void is not None:
        picture[void] = (0.5 * picture[void] + 0.5 * np.array(VOID)).astype(np.uint8)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.ascontiguousarray(picture), contours, -1, colour, LINE)


def coloured(
    frame: np.ndarray, labels: np.ndarray, palette: np.ndarray | None = None
) -> np.ndarray:
    """Tint each segment in a colour of its own; the frame shows through in grey.

    Args:
        frame: (H, W, 3) uint8, RGB.
        labels: (H, W) uint8; a label has the same colour in every frame.
        palette: (256, 3) uint8, one colour a label; None is `colours`.

    Returns:
        (H, W, 3) uint8.
    """
    grey = 255 * LIFT + (1 - LIFT) * _grey(frame)
    tints = (colours() if palette is None else palette)[labels]
    return ((1 - TINT) * grey + TINT * tints).astype(np.uint8)


def colours() -> np.ndarray:
    """(256, 3) uint8: the palette of the label maps, whose black comes last here."""
    return np.roll(maps.palette(), -1, axis=0)


def _grey(frame: np.ndarray) -> np.ndarray:
    """(H, W, 1) uint8: brightness."""
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None]
