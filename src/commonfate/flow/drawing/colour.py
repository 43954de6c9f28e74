"""Flow as colours: hue is direction, saturation is magnitude.

The wheel of Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011:
its 55 hues are spaced by how well the eye distinguishes them.
"""

import cv2
import numpy as np

# Number of hues from each pure colour to the next: red, yellow, green, cyan, blue, magenta.
SEGMENTS = (15, 6, 4, 11, 13, 6)
CORNERS = ((255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255))


def wheel() -> np.ndarray:
    """The 55 fully saturated colours, (55, 3) float32 in [0, 1], from red (motion to the right)."""
    corners = np.array([*CORNERS, CORNERS[0]], np.float32)
    segments = [
        start + np.trunc((end - start) * np.arange(count, dtype=np.float32)[:, None] / count)
        for start, end, count in zip(corners, corners[1:], SEGMENTS, strict=False)
    ]
    return np.concatenate(segments) / 255


def robust_maximum(*flows: np.ndarray, percentile: float = 99.0) -> float:
    """Percentile of the magnitude over the pixels with a value of all fields, in pixels.

    Args:
        flows: (2, H, W) float32 each, NaN where unknown.
        percentile: in (0, 100]; 100 is the largest magnitude.

    Returns:
        At least 1e-3, so that a still field is drawn white instead of as noise.
    """
    magnitudes = np.concatenate([np.hypot(*flow).ravel() for flow in flows])
    valid = magnitudes[np.isfinite(magnitudes)]
    return max(float(np.percentile(valid, percentile)), 1e-3) if valid.size else 1e-3


def colours(flow: np.ndarray, maximum: float | None = None) -> np.ndarray:
    """Colour a flow field.

    Args:
        flow: (2, H, W) float32, u then v, NaN where unknown.
        maximum: magnitude in pixels of the fully saturated colours, larger ones are darkened;
            by default the field's `robust_maximum`.

    Returns:
        (H, W, 3) uint8, RGB: white where nothing moves, black where the flow is unknown.
    """
    maximum = robust_maximum(flow) if maximum is None else maximum
    valid = np.isfinite(flow).all(axis=0)
    u, v = np.where(valid, flow, 0) / np.float32(maximum)
    hues = wheel()
    # Red is motion to the right (angle -pi of the opposite vector), hues go on clockwise.
    position = (np.arctan2(-v, -u) / np.pi + 1) / 2 * (len(hues) - 1)
    lower = np.floor(position).astype(np.intp)
    part = (position - lower)[..., None]
    hue = hues[lower] * (1 - part) + hues[(lower + 1) % len(hues)] * part
    radius = np.hypot(u, v)[..., None]
    inside = 1 - np.minimum(radius, 1) * (1 - hue)
    drawn = np.where(radius <= 1, inside, hue * 0.75)
    return np.where(valid[..., None], np.floor(drawn * 255), 0).astype(np.uint8)


def legend(diameter: int) -> np.ndarray:
    """The wheel as a disc: each point has the colour of flow from the centre to it.

    Returns:
        (diameter, diameter, 3) uint8, RGB, white outside of the disc, smooth at its rim.
    """
    scale = 4  # drawn larger and shrunk, so that the rim has no steps
    size = diameter * scale
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    field = np.stack(np.meshgrid(axis, axis))
    drawn = colours(field, maximum=1.0)
    drawn[np.hypot(*field) > 1] = 255
    return cv2.resize(drawn, (diameter, diameter), interpolation=cv2.INTER_AREA)
