"""Refine a soft foreground by a fully connected conditional random field (CRF).

Krähenbühl and Koltun, Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials,
NIPS 2011: the energy of a labelling is the negative logarithm of the given probabilities, plus a
Potts penalty for every pair of pixels with different labels, weighted by an appearance kernel
(position and colour) and a smoothness kernel (position alone). Minimised by mean-field updates, in
the authors' implementation, which pydensecrf2 wraps. It runs on one CPU thread and draws no random
numbers, so equal inputs give equal bits on one machine. With the default settings a frame of
480x854 takes 3.1 to 3.7 s of a CPU core and 130 MB (eight frames of DAVIS).
"""

import numpy as np

from commonfate.base.errors import ConfigError
from commonfate.prediction.crf_settings import MISSING, CrfSettings, is_installed


def refine(frame: np.ndarray, foreground: np.ndarray, settings: CrfSettings) -> np.ndarray:
    """Refine the probability of the foreground.

    The two labels are treated alike: refining `1 - foreground` gives one minus the result, up to
    rounding.

    Args:
        frame: (H, W, 3) uint8, RGB.
        foreground: (H, W) float in [0, 1], the probability that a pixel is foreground.
        settings: energies and inference.

    Returns:
        (H, W) float32 in [0, 1], the refined probability.

    Raises:
        ConfigError: pydensecrf2 is not installed.
        ValueError: the shapes differ, the frame is not uint8, or a probability is not in [0, 1].
    """
    if not is_installed():
        raise ConfigError(MISSING)
    from pydensecrf import densecrf

    _validate(frame, foreground)
    height, width = foreground.shape
    field = densecrf.DenseCRF2D(width, height, 2)
    field.setUnaryEnergy(_energy(foreground, settings.floor))
    field.addPairwiseGaussian(sxy=settings.smoothness_position, compat=settings.smoothness_weight)
    field.addPairwiseBilateral(
        sxy=settings.appearance_position,
        srgb=settings.appearance_colour,
        rgbim=np.ascontiguousarray(frame),
        compat=settings.appearance_weight,
    )
    refined = np.array(field.inference(settings.iterations), np.float32)[1]
    return refined.reshape(height, width)


def _validate(frame: np.ndarray, foreground: np.ndarray) -> None:
    if frame.dtype != np.uint8 or frame.shape != (*foreground.shape, 3):
        raise ValueError(
            f"expected a frame of {(*foreground.shape, 3)} uint8, the foreground's size, not "
            f"{frame.shape} {frame.dtype}"
        )
    # Written so that NaN is refused, too.
    if not ((foreground >= 0) & (foreground <= 1)).all():
        raise ValueError("the foreground must be a probability in [0, 1]")


def _energy(foreground: np.ndarray, floor: float) -> np.ndarray:
    """(2, H * W) float32: negative logarithm of the floored probabilities, background first."""
    foreground = np.asarray(foreground, np.float64).ravel()
    probabilities = np.stack([1 - foreground, foreground]).clip(floor, 1)
    return np.ascontiguousarray(-np.log(probabilities), np.float32)
