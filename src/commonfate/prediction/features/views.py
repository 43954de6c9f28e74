"""Views: which features of an encoder are stored, of pictures of which geometry. Without torch.

A view has a name, `{geometry}.{features}`, that is part of paths:

448.tokens              the whole picture as a square of 448 pixels
448.tokens+attention    two features, from one pass
224.cls                 DINO's evaluation: short side to 256, the central 224 x 224
320crop.tokens          short side to 320, the central square
480short.tokens         short side to 480, the long side in proportion
native.keys             its own size, cut to whole patches
native.eigenvectors     five eigenvectors of these keys in their stead, which take far less room
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from commonfate.base.errors import ConfigError, StoreError, did_you_mean

Feature = Literal["tokens", "keys", "cls", "attention", "eigenvectors"]
"""Features of encoders, see `models.encoders.base.Encoder`, and Deep Spectral's eigenvectors of
keys, see `models.grouping.spectral`."""
FEATURES: tuple[Feature, ...] = get_args(Feature)
Geometry = Literal["square", "crop", "imagenet", "short", "native"]
GEOMETRIES: tuple[Geometry, ...] = get_args(Geometry)
EXAMPLES = "448.tokens, 224.cls, 480short.tokens+attention, native.keys"
MOST_TOKENS = 2**16
"""Largest number of patches of a picture: attention takes time as its square."""


@dataclass(frozen=True)
class Placement:
    """Resizing of a picture, and the part of the result that the encoder sees; all in pixels."""

    resized: tuple[int, int]
    """Height and width."""
    top: int
    left: int
    size: tuple[int, int]
    """Height and width of the part."""


@dataclass(frozen=True)
class View:
    """Features of pictures of a geometry.

    Attributes:
        geometry:
            `square`: resized to size x size, the proportions lost (Leopart's and TimeT's released
            evaluation on VOC, DAVIS and YouTube-VOS);
            `crop`: short side resized to the size, then the central square (FlowDINO's released
            evaluation on COCO-Stuff);
            `imagenet`: short side resized bicubically to 8/7 of the size, then the central square
            (DINO's k-NN evaluation: 256 and 224);
            `short`: short side resized to the size, the long side in proportion, then down to a
            multiple of the patch (as DINO's propagation of masks on DAVIS, in steps of 64);
            `native`: not resized, cut at the right and at the bottom to multiples of the patch
            (Deep Spectral's extraction).
        size: pixels; None for `native`.
        features: at least one, without repetition, in the order of `FEATURES`.
    """

    geometry: Geometry
    size: int | None
    features: tuple[Feature, ...]

    def __str__(self) -> str:
        usual = self.geometry == _usual(self.features)
        kind = "native" if self.size is None else f"{self.size}{'' if usual else self.geometry}"
        return f"{kind}.{'+'.join(self.features)}"

    @property
    def bicubic(self) -> bool:
        """True if pictures are resized bicubically, as by DINO; else bilinearly, as by Leopart."""
        return self.geometry == "imagenet"

    @property
    def one_size(self) -> bool:
        """True if all pictures are squares of one size."""
        return self.size is not None and self.geometry != "short"

    def check(self, patch: int) -> None:
        """Refuse a size that is no multiple of an encoder's patch.

        Raises:
            ConfigError: the message names sizes that are.
        """
        if self.size is not None and self.size % patch:
            below = self.size // patch * patch
            raise ConfigError(
                f"view {self}: {self.size} pixels are no multiple of the encoder's patch of "
                f"{patch}; take {f'{below} or ' if below else ''}{below + patch}"
            )

    def place(self, size: tuple[int, int], patch: int) -> Placement:
        """Resizing and cutting of a picture.

        Args:
            size: height and width of the picture.
            patch: pixels, by which `size` of the view is divisible.

        Raises:
            StoreError: the picture is smaller than a patch (`native`), or has too many patches.
        """
        height, width = size
        if self.size is None:
            cut = (height // patch * patch, width // patch * patch)
            if not all(cut):
                raise StoreError(f"{width}x{height} pixels are less than a patch of {patch}")
            return _checked(Placement(size, 0, 0, cut), patch)
        target = (self.size, self.size)
        if self.geometry == "square":
            return _checked(Placement(target, 0, 0, target), patch)
        if self.geometry == "short":
            whole = _short_to(size, self.size)
            whole = (whole[0] // patch * patch, whole[1] // patch * patch)
            return _checked(Placement(whole, 0, 0, whole), patch)
        short = self.size * 8 // 7 if self.geometry == "imagenet" else self.size
        whole = _short_to(size, short)
        if max(whole) > LONGEST:
            raise StoreError(f"{width}x{height} pixels are too narrow to be resized")
        # Halves are rounded as torchvision's CenterCrop does.
        top, left = (round((side - self.size) / 2) for side in whole)
        return _checked(Placement(whole, top, left, target), patch)


LONGEST = 2**16
"""Longest side of a resized picture, pixels."""
_NAME = re.compile(rf"(?:(\d+)({'|'.join(GEOMETRIES[:-1])})?|native)\.([a-z+]+)")


def parse(name: str) -> View:
    """The view of a name.

    Raises:
        ConfigError: the name is no view's.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ConfigError(f"view {name!r}: expected GEOMETRY.FEATURES, e.g. {EXAMPLES}")
    number, kind, listed = match.groups()
    features = _features(listed.split("+"), name)
    if number is None:
        return View("native", None, features)
    if int(number) == 0:
        raise ConfigError(f"view {name!r}: pictures of no pixels; expected e.g. {EXAMPLES}")
    geometry = next((each for each in GEOMETRIES if each == kind), _usual(features))
    if geometry is None:
        raise ConfigError(
            f"view {name!r}: cls is usually of a part of the picture, the others of the whole; "
            f"say which: {number}imagenet.{listed} or {number}square.{listed}"
        )
    return View(geometry, int(number), features)


def _features(names: list[str], view: str) -> tuple[Feature, ...]:
    for name in names:
        if name not in FEATURES:
            raise ConfigError(
                f"view {view!r}: feature {name!r} is unknown{did_you_mean(name, FEATURES) or ';'} "
                f"known: {', '.join(FEATURES)}"
            )
        if names.count(name) > 1:
            raise ConfigError(f"view {view!r}: names {name} twice")
    return tuple(name for name in FEATURES if name in names)


def _usual(features: Iterable[Feature]) -> Geometry | None:
    """Geometry of a view whose name has only a number."""
    kinds = {"imagenet" if feature == "cls" else "square" for feature in features}
    if len(kinds) > 1:
        return None
    return "imagenet" if kinds == {"imagenet"} else "square"


def _short_to(size: tuple[int, int], short: int) -> tuple[int, int]:
    """Height and width with another short side; the long side is rounded down, as by torchvision.

    In integers: the quotient of floats may fall below a whole number.
    """
    height, width = size
    if height <= width:
        return short, short * width // height
    return short * height // width, short


def _checked(placement: Placement, patch: int) -> Placement:
    height, width = placement.size
    tokens = (height // patch) * (width // patch)
    if tokens > MOST_TOKENS:
        raise StoreError(
            f"{width}x{height} pixels would be {tokens:,} patches, more than {MOST_TOKENS:,}; "
            "choose a view of fewer pixels"
        )
    return placement
