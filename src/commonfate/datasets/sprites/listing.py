"""Lists of the embedded data, by the settings alone, and the adapters that give them.

`commonfate sprites` renders the data; they are listed before they exist.
"""

from pathlib import Path
from typing import TypedDict

from commonfate.datasets.base import VideoSource
from commonfate.datasets.settings import SpriteImagesConfig, SpritesConfig
from commonfate.datasets.sprites import crops

VAL_EVERY = 4
"""Every fourth video is of the split `val`."""


_BY_SETTINGS = ""
"""Stamp of all rendered data: only the settings change them, and then all are rendered again."""


class Listed(TypedDict):
    """Paths of one video and its ground truth."""

    id: str
    split: str
    path: Path
    annotation_files: list[Path]
    truth: Path


class ListedImage(TypedDict):
    """Paths of one still image and its ground truth."""

    id: str
    split: str
    number: int  # within its split
    image: Path
    mask: Path
    label: str  # of the whole image, "" without one


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
            label=_label(config, number),
        )
        for split, number, name in [*val, *train]
    ]


def _label(config: SpriteImagesConfig, number: int) -> str:
    return crops.names()[crops.thing_of_image(number)] if config.shows_one_thing else ""


def _split(number: int, count: int) -> str:
    # Every fourth, so that asking for more videos leaves the split of the others as it was.
    is_val = number == count - 1 if count < VAL_EVERY else number % VAL_EVERY == VAL_EVERY - 1
    return "val" if is_val else "train"


class Sprites:
    """Videos that `commonfate sprites` renders; they are listed before they exist."""

    def __init__(self, settings: SpritesConfig, root: Path) -> None:
        self.settings = settings
        self.root = root

    def videos(self) -> list[VideoSource]:
        """List the videos, sorted by id."""
        sources = [
            VideoSource(
                id=row["id"],
                split=row["split"],
                path=str(row["path"]),
                annotation_files=tuple(str(file) for file in row["annotation_files"]),
                annotation_kind=self.settings.labels,
                truth=str(row["truth"]),
            )
            for row in videos(self.settings, self.root)
        ]
        return sorted(sources, key=lambda source: source.id)

    def stamps(self) -> dict[str, str]:
        """A text for each video that is always the same."""
        return dict.fromkeys(video_names(self.settings), _BY_SETTINGS)


class SpriteImages:
    """Still images that `commonfate sprites` renders; they are listed before they exist."""

    def __init__(self, settings: SpriteImagesConfig, root: Path) -> None:
        self.settings = settings
        self.root = root

    def videos(self) -> list[VideoSource]:
        """List the images, sorted by id, each a video of one frame."""
        sources = [
            VideoSource(
                id=row["id"],
                split=row["split"],
                path=str(row["image"]),
                frame_files=(str(row["image"]),),
                annotation_files=(str(row["mask"]),),
                annotation_kind=self.settings.labels,
                label=row["label"],
            )
            for row in images(self.settings, self.root)
        ]
        return sorted(sources, key=lambda source: source.id)

    def stamps(self) -> dict[str, str]:
        """A text for each image that is always the same."""
        return dict.fromkeys((source.id for source in self.videos()), _BY_SETTINGS)
