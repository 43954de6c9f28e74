"""The embedded data as a dataset: its listing follows from the settings alone."""

from pathlib import Path

from commonfate.config import SpritesConfig
from commonfate.datasets.base import VideoSource


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
