"""Dense features by name, known without importing any network library."""

from typing import Literal

FeatureName = Literal["dino_vits8", "dino_vitb8", "dino_vits16", "dino_vitb16", "pixels"]

MULTIPLE: dict[FeatureName, int] = {
    "dino_vits8": 8,
    "dino_vitb8": 8,
    "dino_vits16": 16,
    "dino_vitb16": 16,
    "pixels": 1,
}
"""What the sides of a frame must be multiples of: the side of a patch, in pixels."""
