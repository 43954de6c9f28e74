"""Image files, decoded whole or refused."""

import io
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from commonfate.errors import StoreError


def load(path: Path, what: str, advice: str) -> Image.Image:
    """Decode an image file.

    Checksums are compared first: decoding alone would let changed bytes pass as other pixels.

    Args:
        path: the file.
        what: what it should be, e.g. `annotation`.
        advice: what to do if it is not there or damaged.

    Raises:
        StoreError: the file is missing or damaged.
    """
    try:
        content = path.read_bytes()
        Image.open(io.BytesIO(content)).verify()
        image = Image.open(io.BytesIO(content))
        image.load()
    except FileNotFoundError:
        raise StoreError(f"{path}: this {what} is missing; {advice}") from None
    except UnidentifiedImageError:
        raise StoreError(f"{path}: this {what} is not an image; {advice}") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise StoreError(f"{path}: this {what} is damaged ({error}); {advice}") from error
    return image
