"""The embedded data as datasets: their listings follow from the settings alone."""

from pathlib import Path

from commonfate.datasets.base import VideoSource
from commonfate.datasets.settings import SpriteImagesConfig, SpritesConfig

_BY_SETTINGS = ""
"""The stamp of what is rendered: it changes with the settings only, and then all are made again."""


class Sprites:
    """Videos that `commonfate sprites` renders; they are listed before they exist."""

    def __init__(self, settings: SpritesConfig, root: Path) -> None:
        self.settings = settings
        self.root = root

    def videos(self) -> list[VideoSource]:
        """List the videos, sorted by id."""
        from commonfate.datasets.sprites import listing

        sources = [
            VideoSource(
                id=row["id"],
                split=row["split"],
                path=str(row["path"]),
                annotation_files=tuple(str(file) for file in row["annotation_files"]),
                annotation_kind="instances",
                truth=str(row["truth"]),
            )
            for row in listing.videos(self.settings, self.root)
        ]
        return sorted(sources, key=lambda source: source.id)

    def stamps(self) -> dict[str, str]:
        """A text for each video that is always the same."""
        from commonfate.datasets.sprites import listing

        return dict.fromkeys(listing.video_names(self.settings), _BY_SETTINGS)


class SpriteImages:
    """Still images that `commonfate sprites` renders; they are listed before they exist."""

    def __init__(self, settings: SpriteImagesConfig, root: Path) -> None:
        self.settings = settings
        self.root = root

    def videos(self) -> list[VideoSource]:
        """List the images, sorted by id, each a video of one frame."""
        from commonfate.datasets.sprites import listing

        sources = [
            VideoSource(
                id=row["id"],
                split=row["split"],
                path=str(row["image"]),
                frame_files=(str(row["image"]),),
                annotation_files=(str(row["mask"]),),
                annotation_kind=self.settings.labels,
            )
            for row in listing.images(self.settings, self.root)
        ]
        return sorted(sources, key=lambda source: source.id)

    def stamps(self) -> dict[str, str]:
        """A text for each image that is always the same."""
        return dict.fromkeys((source.id for source in self.videos()), _BY_SETTINGS)
