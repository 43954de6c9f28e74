"""Image files: turned upright, and decoded as a whole or refused.

Cameras store a photograph as the sensor read it, and its rotation in the EXIF data. All images are
turned upright when they are read, as videos are.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from commonfate.base.errors import StoreError, UserError
from commonfate.base.orientation import orient

ORIENTATION = 0x0112
"""The EXIF tag. 1 is as stored."""
_TURNS = {
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}
"""Arguments of `orient` by the value of the tag (Exif 2.32, 4.6.4)."""


class ImageError(UserError):
    """An image cannot be read; the message is the reason, without the file's name."""


class TooLargeError(ImageError):
    """An image has more pixels than are decoded."""


def size(path: str | Path) -> tuple[int, int]:
    """Height and width of an image turned upright, from its header alone.

    Raises:
        ImageError: the file is missing, is no image, or is too large to be decoded.
    """
    with _reasons(), _open(Path(path)) as image:
        return _shown(image)


def pixels(path: str | Path) -> np.ndarray:
    """Pixels of an image turned upright, (H, W, 3) uint8, RGB; grey images have equal channels.

    Raises:
        ImageError: the file is missing, is no image, or is too large to be decoded.
    """
    with _reasons():
        content = Path(path).read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            turn = _TURNS.get(_orientation(image), (False, False, False))
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
        if decoded is None:
            raise ImageError("is damaged")
        return orient(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), turn)


def load(path: Path, role: str, advice: str) -> Image.Image:
    """Decode an image file and turn it upright.

    Checksums are compared first: decoders turn changed bytes into other pixels without an error.

    Args:
        path: the file.
        role: of the image, e.g. `annotation`.
        advice: remedy if the file is missing or damaged.

    Raises:
        StoreError: the file is missing, damaged, or too large to be decoded.
    """
    try:
        with _reasons():
            content = path.read_bytes()
            Image.open(io.BytesIO(content)).verify()
            image = Image.open(io.BytesIO(content))
            orientation = _orientation(image)
            image.load()
    except ImageError as error:
        if isinstance(error, TooLargeError):
            advice = "make it smaller"
        raise StoreError(f"{path}: this {role} {error}; {advice}") from error
    return image if orientation == 1 else ImageOps.exif_transpose(image)


def _open(path: Path) -> ImageFile.ImageFile:
    if path.stat().st_size == 0:
        raise ImageError("is an empty file")
    return Image.open(path)


def _shown(image: Image.Image) -> tuple[int, int]:
    swap = _orientation(image) in (5, 6, 7, 8)
    return (image.width, image.height) if swap else (image.height, image.width)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8. Pillow and OpenCV always turn TIFF by themselves."""
    if image.format == "TIFF":
        return 1
    # PNG's own getexif decodes the pixels to look for EXIF data behind them.
    value = Image.Image.getexif(image).get(ORIENTATION, 1)
    return value if value in _TURNS else 1


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn errors of decoders into an `ImageError`; the cause is kept."""
    try:
        yield
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError("is missing") from error
    except UnidentifiedImageError as error:
        raise ImageError("is not an image") from error
    except Image.DecompressionBombError as error:
        raise TooLargeError(
            f"has more pixels than the {2 * (Image.MAX_IMAGE_PIXELS or 0):,} that are decoded"
        ) from error
    except (OSError, SyntaxError, ValueError, cv2.error) as error:
        detail = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ImageError(f"is damaged ({detail})") from error
