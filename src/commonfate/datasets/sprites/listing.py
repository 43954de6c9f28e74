"""What the embedded data consist of, known from the settings before anything is rendered."""

from pathlib import Path
from typing import TypedDict

from commonfate.datasets.settings import SpriteImagesConfig, SpritesConfig

VAL_EVERY = 4
"""One video in so many is of the split `val`."""


class Listed(TypedDict):
    """Where one video and its ground truth lie."""

    id: str
    split: str
    path: Path
    annotation_files: list[Path]
    truth: Path


class ListedImage(TypedDict):
    """Where one still image and its ground truth lie."""

    id: str
    split: str
    number: int  # within its split
    image: Path
    mask: Path


def video_names(config: SpritesConfig) -> list[str]:
    """Names of the videos, in order."""
    return [f"sprite_{number:04d}" for number in range(config.videos)]


def videos(config: SpritesConfig, root: str | Path) -> list[Listed]:
    """List the videos in order; nothing needs to exist.

    Args:
        config: the settings of the embedded data.
        root: folder that `commonfate sprites` writes.
    """
    root = Path(root)
    return [
        Listed(
            id=name,
            split=_split(number, config.videos),
            path=root / "videos" / f"{name}.mp4",
            annotation_files=[root / "masks" / name / f"{t:05d}.png" for t in range(config.frames)],
            truth=root / "truth" / f"{name}.npz",
        )
        for number, name in enumerate(video_names(config))
    ]


def images(config: SpriteImagesConfig, root: str | Path) -> list[ListedImage]:
    """List the still images in order; nothing needs to exist.

    Args as of `videos`.
    """
    root = Path(root)
    val = [("val", number, f"image_{number:04d}") for number in range(config.images)]
    train = [("train", number, f"train_{number:04d}") for number in range(config.train_images)]
    return [
        ListedImage(
            id=name,
            split=split,
            number=number,
            image=root / "images" / f"{name}.png",
            mask=root / "masks" / f"{name}.png",
        )
        for split, number, name in [*val, *train]
    ]


def _split(number: int, count: int) -> str:
    # Every fourth, so that asking for more videos leaves the split of the others as it was.
    is_val = number == count - 1 if count < VAL_EVERY else number % VAL_EVERY == VAL_EVERY - 1
    return "val" if is_val else "train"
