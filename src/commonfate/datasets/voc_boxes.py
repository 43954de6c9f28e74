"""PASCAL VOC 2007 and 2012 (Everingham et al., IJCV 2010), boxes of objects.

JPEGImages/000005.jpg
Annotations/000005.xml
ImageSets/Main/trainval.txt
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from commonfate.base.errors import StoreError
from commonfate.datasets import lists
from commonfate.datasets.base import Box, VideoSource
from commonfate.datasets.layouts import DOCS, check_root
from commonfate.datasets.settings import VocBoxesConfig


class VocBoxes:
    """Each listed image is a video of one frame of the split `val`."""

    def __init__(self, name: str, settings: VocBoxesConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the images, sorted by id.

        Raises:
            ConfigError: the root does not exist or is empty, or the list does not exist.
            StoreError: a folder, an image or its boxes are missing, or an image is listed twice.
        """
        images = self._listed("JPEGImages", ".jpg")
        self._listed("Annotations", ".xml")
        return [
            VideoSource(name, "val", images[name], (images[name],), annotation_kind="boxes")
            for name in sorted(images)
        ]

    def boxes(self) -> list[Box]:
        """All boxes, difficult and truncated ones too, in the order of the images.

        VOC counts pixels from 1 and names the last pixel inside: 1 is taken off xmin and ymin.

        Raises:
            ConfigError: as `videos`; so does StoreError.
            StoreError: an annotation cannot be read, or a box is empty.
        """
        files = self._listed("Annotations", ".xml")
        return [box for name in sorted(files) for box in _read(name, Path(files[name]))]

    def _listed(self, folder: str, suffix: str) -> dict[str, str]:
        check_root(self.name, self.settings)
        root, which = self.settings.root, self.settings.image_list
        list_file = root / "ImageSets/Main" / f"{which}.txt"
        wish, keys = f"the list {which!r} is wanted", f"datasets.{self.name}.image_list"
        names = lists.names(list_file, wish, keys)
        return lists.present(root / folder, suffix, names, list_file)


def _read(video: str, file: Path) -> Iterator[Box]:
    try:
        for item in ElementTree.parse(file).getroot().iter("object"):
            x0, y0, x1, y1 = (
                _number(item, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")
            )
            if not (1 <= x0 <= x1 and 1 <= y0 <= y1):
                raise ValueError(f"the box {x0:g} {y0:g} {x1:g} {y1:g} is empty or outside")
            yield Box(
                video,
                0,
                *(x0 - 1, y0 - 1, x1, y1),
                category=_text(item, "name"),
                difficult=item.findtext("difficult") == "1",
                truncated=item.findtext("truncated") == "1",
            )
    except (OSError, ElementTree.ParseError, ValueError) as error:
        raise StoreError(
            f"{file}: cannot be read as boxes ({error}); {DOCS} says where it comes from"
        ) from error


def _number(item: ElementTree.Element, path: str) -> float:
    return float(_text(item, path))


def _text(item: ElementTree.Element, path: str) -> str:
    text = item.findtext(path)
    if text is None:
        raise ValueError(f"an object has no {path}")
    return text.strip()
