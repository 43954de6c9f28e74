"""Flow as arrows on its frame, for those to whom colours of motion say nothing yet."""

import cv2
import numpy as np

SPACING = 28
"""Pixels of the drawn tile from one arrow to the next."""
SHORTEST = 5.0
"""Pixels; what would be drawn shorter is left out."""


def draw(tile: np.ndarray, flow: np.ndarray, maximum: float) -> np.ndarray:
    """Draw arrows over a frame.

    Args:
        tile: (h, w, 3) uint8 RGB, the frame as it is shown.
        flow: (2, H, W) float32 at the frame's own size, NaN where unknown.
        maximum: magnitude in pixels that is drawn as long as the arrows are apart.

    Returns:
        (h, w, 3) uint8.
    """
    drawn = tile.copy()
    height, width = tile.shape[:2]
    rows = np.arange(SPACING // 2, height, SPACING)
    columns = np.arange(SPACING // 2, width, SPACING)
    for y in rows:
        for x in columns:
            u, v = flow[:, y * flow.shape[1] // height, x * flow.shape[2] // width]
            length = np.hypot(u, v) / maximum
            if not np.isfinite(length) or length * SPACING < SHORTEST:
                continue
            reach = SPACING * min(1.0, 1 / length) / maximum
            end = (round(x + float(u) * reach), round(y + float(v) * reach))
            for colour, thickness in ((0, 3), (255, 1)):  # white, with an edge on light ground
                cv2.arrowedLine(
                    drawn, (int(x), int(y)), end, (colour,) * 3, thickness, cv2.LINE_AA, 0, 0.35
                )
    return drawn
