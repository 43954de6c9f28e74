"""Prediction by interpolation: pixels from their neighbours on both sides, coarse to fine.

Every second row is predicted as the mean of the rows above and below it, then of the rows between
every second column as the mean of its neighbours; the rest, a quarter of the image, likewise, and
what is left after `LEVELS` by `delta2d`. Where both neighbours are alike the residual is nearly
always 0, where they differ it is larger; so the residuals of a step are sorted by that difference,
which the decoder knows before them. The entropy coder then meets long runs of like statistics:
context modelling without an adaptive coder, after the predictor of SZ3 (Liang et al., 2022) and the
contexts of JPEG-LS (Weinberger et al., 2000). Arithmetic wraps: exact for every value.

On DIS flow of DAVIS, which is flat in large parts, a fifth smaller than `delta2d`, and smaller and
faster than JPEG-LS and lossless JPEG XL. On flow that is smooth but nowhere flat (Farneback, RAFT)
a tenth larger than `delta2d`: what is coded there is rounding, which no neighbour tells.
"""

import math
from collections.abc import Iterator

import numpy as np

from commonfate.storage import delta2d
from commonfate.storage.scratch import scratch

LEVELS = 3
LARGEST_CLASS = 15
"""Differences from here on are one class."""
PIECE = 1 << 16
"""Residuals that are sorted at a time: a sort that fits the cache is several times as fast."""


def encode(steps: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Residuals, coarse first, sign in the lowest bit.

    Args:
        steps: (2, H, W) int16.
        out: (2 * H * W,) int16, takes them.
    """
    end, image = steps.size, steps
    for level, (axis, _, half) in enumerate(_halvings(steps.shape)):
        even = scratch(f"interpolation_encoding{level}", half)
        even[...] = _every_second(image, axis, 0)
        odd = _every_second(image, axis, 1)
        prediction, classes = _predict(even, odd.shape, axis)
        found = np.subtract(odd, prediction, out=prediction).reshape(-1)
        stored = out[end - odd.size : end]
        for piece in _pieces(odd.size):
            stored[piece] = found[piece][_order(classes[piece])]
        end -= odd.size
        image = even
    delta2d.differences(image, out[:end].reshape(image.shape))
    return delta2d.fold(out)


def decode(residuals: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Undo `encode`.

    Args:
        residuals: (2 * H * W,) int16; overwritten.
        shape: (2, H, W).

    Returns:
        `shape` int16, in a buffer that the thread uses again (see `scratch`).
    """
    delta2d.unfold(residuals)
    halvings = list(_halvings(shape))
    coarsest = halvings[-1][2] if halvings else shape
    end = math.prod(coarsest)
    image = delta2d.sums(residuals[:end].reshape(coarsest))
    for level, (axis, whole_shape, _) in reversed(list(enumerate(halvings))):
        whole = scratch(f"interpolation_decoding{level}", whole_shape)
        odd = _every_second(whole, axis, 1)
        prediction, classes = _predict(image, odd.shape, axis)
        stored, found = residuals[end : end + odd.size], scratch("interpolation", (odd.size,))
        for piece in _pieces(odd.size):
            found[piece][_order(classes[piece])] = stored[piece]
        end += odd.size
        np.add(prediction, found.reshape(odd.shape), out=odd)
        _every_second(whole, axis, 0)[...] = image
        image = whole
    return image


def _halvings(
    shape: tuple[int, ...],
) -> Iterator[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """Axis, shape before and shape after, of one halving after the other."""
    for _ in range(LEVELS):
        if min(shape[1:]) < 2:
            return
        for axis in (1, 2):
            half = (*shape[:axis], (shape[axis] + 1) // 2, *shape[axis + 1 :])
            yield axis, shape, half
            shape = half


def _every_second(image: np.ndarray, axis: int, start: int) -> np.ndarray:
    return image[:, start::2] if axis == 1 else image[:, :, start::2]


def _predict(even: np.ndarray, shape: tuple[int, ...], axis: int) -> tuple[np.ndarray, np.ndarray]:
    """What to expect between the lines of `even`, and how much these differ.

    At the border, where there is a line on one side only, that line is the prediction.

    Returns:
        `shape` int16, and its classes, flat, uint8.
    """
    along = (slice(None),) * axis
    between = even.shape[axis] - 1
    expected = scratch("interpolation_prediction", shape)
    difference = expected[(*along, slice(None, between))]
    np.subtract(
        even[(*along, slice(1, None))], even[(*along, slice(None, between))], out=difference
    )
    expected[(*along, slice(between, None))] = 0
    # abs(-32768) is -32768, and the largest once it is read as unsigned.
    sizes = np.abs(expected, out=scratch("interpolation_sizes", shape)).view(np.uint16)
    classes = scratch("interpolation_classes", shape, np.uint8)
    np.minimum(sizes, LARGEST_CLASS, out=classes, casting="unsafe")
    expected >>= 1
    expected += even[(*along, slice(None, shape[axis]))]
    return expected, classes.reshape(-1)


def _pieces(size: int) -> Iterator[slice]:
    return (slice(start, start + PIECE) for start in range(0, size, PIECE))


def _order(classes: np.ndarray) -> np.ndarray:
    """Positions sorted by class; NumPy's stable sort of uint8 is a radix sort."""
    return np.argsort(classes, kind="stable")
