"""A fully connected conditional random field (CRF), which may refine a soft foreground.

Krähenbühl and Koltun, Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials,
NIPS 2011: the energy of a labelling is the negative logarithm of the given probabilities, plus a
Potts penalty for every pair of pixels with different labels, weighted by an appearance kernel
(position and colour) and a smoothness kernel (position alone). Minimised by mean-field updates, in
the authors' implementation, which pydensecrf2 wraps. It runs on one CPU thread and draws no random
numbers, so equal inputs give equal bits on one machine. With the default settings a frame of
480x854 takes 3.1 to 3.7 s of a CPU core and 130 MB (eight frames of DAVIS).

The names of the settings follow Section 4; pydensecrf's, which GWM's code uses, stand beside them.
The defaults are those of a cell, commented out, of GWM's released notebook for image segmentation.
The settings behind the paper's CRF numbers on videos (Tables 1 and 10 to 12) are not published.
"""

from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from commonfate.base.errors import ConfigError
from commonfate.base.settings import Settings

if TYPE_CHECKING:  # the plan reads the settings, and needs no arrays
    import numpy as np

EXTRA = "pip install 'commonfate[crf]', or make crf in the project's folder"
"""Command that installs pydensecrf2; both compile it."""
MISSING = (
    f"the CRF needs the package pydensecrf2, which is not installed: {EXTRA} (a C++ compiler and "
    f"Python's headers must be there), or leave the CRF out"
)


class CrfSettings(Settings):
    """Energies and inference of the CRF."""

    iterations: PositiveInt = 10
    """Mean-field updates."""
    appearance_weight: NonNegativeFloat = 4.0
    """Weight of the appearance kernel: near pixels of like colour want one label (`bi_w`)."""
    appearance_position: PositiveFloat = 67.0
    """Reach of the appearance kernel, standard deviation in pixels (`bi_xy_std`)."""
    appearance_colour: PositiveFloat = 3.0
    """Likeness of colours, standard deviation in levels of 0 to 255 (`bi_rgb_std`)."""
    smoothness_weight: NonNegativeFloat = 3.0
    """Weight of the smoothness kernel: neighbours want one label, whatever their colour
    (`pos_w`)."""
    smoothness_position: PositiveFloat = 1.0
    """Reach of the smoothness kernel, standard deviation in pixels (`pos_xy_std`)."""
    floor: float = Field(1e-5, gt=0, lt=0.5)
    """Least probability of either label; 0 would be an infinite energy (1e-5 in pydensecrf)."""


def is_installed() -> bool:
    """True if pydensecrf2 is installed; it is compiled, so it is an extra."""
    try:
        import pydensecrf.densecrf  # noqa: F401
    except ImportError:
        return False
    return True


def refine(frame: "np.ndarray", foreground: "np.ndarray", settings: CrfSettings) -> "np.ndarray":
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
    import numpy as np
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


def _validate(frame: "np.ndarray", foreground: "np.ndarray") -> None:
    import numpy as np

    if frame.dtype != np.uint8 or frame.shape != (*foreground.shape, 3):
        raise ValueError(
            f"expected a frame of {(*foreground.shape, 3)} uint8, the foreground's size, not "
            f"{frame.shape} {frame.dtype}"
        )
    # Written so that NaN is refused, too.
    if not ((foreground >= 0) & (foreground <= 1)).all():
        raise ValueError("the foreground must be a probability in [0, 1]")


def _energy(foreground: "np.ndarray", floor: float) -> "np.ndarray":
    """(2, H * W) float32: negative logarithm of the floored probabilities, background first."""
    import numpy as np

    foreground = np.asarray(foreground, np.float64).ravel()
    probabilities = np.stack([1 - foreground, foreground]).clip(floor, 1)
    return np.ascontiguousarray(-np.log(probabilities), np.float32)
