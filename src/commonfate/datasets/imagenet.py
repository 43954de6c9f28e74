"""ImageNet-1k (Russakovsky et al., IJCV 2015), or other images in a folder a class.

train/n01440764/n01440764_18.JPEG
val/n01440764/ILSVRC2012_val_00000293.JPEG
"""

from collections.abc import Iterator
from pathlib import Path

from commonfate.base.errors import StoreError
from commonfate.datasets import search
from commonfate.datasets.base import VideoSource
from commonfate.datasets.layouts import DOCS, check_root
from commonfate.datasets.settings import ImagenetConfig


class Imagenet:
    """Each image is a video of one frame, its label the name of its class's folder."""

    def __init__(self, name: str, settings: ImagenetConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the images of the wanted splits, sorted by id: `train__{class}__{image}`.

        Raises:
            ConfigError: the root does not exist or is empty.
            StoreError: the folder of a split is missing or has no folders of classes, or a class
                has no image.
        """
        sources = [
            VideoSource(name, split, str(file), (str(file),), label=folder.name)
            for split, folder in self._classes()
            for name, file in _images(split, folder)
        ]
        return sorted(sources, key=lambda source: source.id)

    def stamps(self) -> dict[str, str]:
        """Time of the folder of each image's class, as looking at a million files takes too long.

        An image that is added, removed or replaced by another file changes those of its class; one
        that is written over in place does not.
        """
        times = [(split, folder, folder.stat().st_mtime_ns) for split, folder in self._classes()]
        return {
            name: f"{folder}|{time}"
            for split, folder, time in times
            for name, _ in _images(split, folder)
        }

    def _classes(self) -> Iterator[tuple[str, Path]]:
        check_root(self.name, self.settings)
        for split in self.settings.splits:
            top = self.settings.root / split
            if not top.is_dir():
                raise StoreError(
                    f"{top}: no such folder; {DOCS} says what belongs there; or change "
                    f"datasets.{self.name}.splits"
                )
            folders = search.subfolders(top)
            if not folders:
                raise StoreError(
                    f"{top}: holds no folder of a class; expected {split}/<class>/<image>.JPEG; "
                    f"{DOCS} says how to sort the images"
                )
            yield from ((split, folder) for folder in folders)


def _images(split: str, folder: Path) -> Iterator[tuple[str, Path]]:
    images = search.images(folder)
    if not images:
        raise StoreError(f"{folder}: holds no image; complete the download or delete the folder")
    for stem, file in images.items():
        yield f"{split}__{folder.name}__{stem}", file
