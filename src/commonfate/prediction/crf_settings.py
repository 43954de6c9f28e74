"""Settings of the fully connected conditional random field (CRF) that may refine predictions.

Names follow Krähenbühl and Koltun, Efficient Inference in Fully Connected CRFs with Gaussian Edge
Potentials, NIPS 2011, Section 4; the pydensecrf names, which GWM's code uses, stand beside them.
Defaults are those of a cell, commented out, of GWM's released notebook for image segmentation. The
settings behind the paper's CRF numbers on videos (Tables 1 and 10 to 12) are not published.
"""

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from commonfate.base.settings import Settings

EXTRA = "pip install 'commonfate[crf]', or make crf in the project's folder"
"""How to install what the CRF needs; both compile it."""
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
    """Whether the package that the CRF needs is there; it is compiled, so it is an extra."""
    try:
        import pydensecrf.densecrf  # noqa: F401
    except ImportError:
        return False
    return True
