"""Crops of photographs that objects and backgrounds show, and the looks of classes.

Read by the lists of the embedded data, so nothing here needs a library.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Crop:
    """Part of a photograph, in fractions of its height and width."""

    photograph: str
    top: float
    left: float
    bottom: float
    right: float


THINGS = (
    Crop("astronaut", 0.02, 0.20, 0.40, 0.62),
    Crop("astronaut", 0.42, 0.02, 1.00, 0.70),
    Crop("chelsea", 0.00, 0.15, 1.00, 0.85),
    Crop("coffee", 0.00, 0.20, 0.95, 0.85),
    Crop("coins", 0.05, 0.05, 0.95, 0.95),
    Crop("ihc", 0.00, 0.00, 0.60, 1.00),
    Crop("motorcycle", 0.25, 0.10, 0.90, 0.65),
    Crop("motorcycle", 0.25, 0.45, 0.90, 0.95),
    Crop("retina", 0.15, 0.10, 0.85, 0.90),
    Crop("rocket", 0.35, 0.00, 1.00, 1.00),
)
"""Crops for objects."""

STUFF = (
    Crop("brick", 0.00, 0.00, 1.00, 1.00),
    Crop("grass", 0.00, 0.00, 1.00, 1.00),
    Crop("gravel", 0.00, 0.00, 1.00, 1.00),
    Crop("camera", 0.62, 0.00, 1.00, 1.00),
    Crop("moon", 0.00, 0.00, 1.00, 1.00),
)
"""Crops for most of backgrounds and ground."""

PLACES = (
    Crop("astronaut", 0.00, 0.00, 0.55, 0.30),
    Crop("coffee", 0.60, 0.00, 1.00, 1.00),
    Crop("ihc", 0.45, 0.45, 1.00, 1.00),
    Crop("motorcycle", 0.00, 0.00, 0.35, 1.00),
    Crop("motorcycle", 0.55, 0.00, 1.00, 0.40),
    Crop("rocket", 0.30, 0.00, 0.95, 0.45),
)
"""Other parts of the photographs of `THINGS`; some backgrounds hold one of them."""


LOOKS = 2
"""Crops of `THINGS` that a class has to itself with `look: by_class`."""
CLASSES = len(THINGS) // LOOKS
"""Number of classes of objects."""


def names() -> tuple[str, ...]:
    """Names of `THINGS`: the photograph, with a number where several crops are of it."""
    photographs = [crop.photograph for crop in THINGS]
    return tuple(
        f"{name}_{photographs[: number + 1].count(name)}" if photographs.count(name) > 1 else name
        for number, name in enumerate(photographs)
    )


def looks(label: int, split: str) -> tuple[Crop, ...]:
    """The crops of a class; those of `train` and `val` share no pixel.

    Args:
        label: number of the class, from 0.
        split: `train` has the left half of each crop, `val` the right one.
    """
    own = range(LOOKS * label, LOOKS * (label + 1))
    return tuple(half(THINGS[number], split) for number in own)


def half(crop: Crop, split: str) -> Crop:
    """The left half of a crop for the split `train`, the right one for `val`."""
    middle = (crop.left + crop.right) / 2
    return replace(crop, right=middle) if split == "train" else replace(crop, left=middle)


def thing_of_image(number: int) -> int:
    """Place in `THINGS` of the only object of an image; ten images in a row show all of them.

    Args:
        number: of the image in its split; the remainder by `CLASSES` is the class of its object.
    """
    return LOOKS * (number % CLASSES) + number // CLASSES % LOOKS
