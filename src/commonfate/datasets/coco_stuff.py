"""COCO-Stuff (Caesar et al., CVPR 2018), 27 classes: images of COCO 2017 with label maps.

images/val2017/000000000139.jpg               or val2017/000000000139.jpg (FlowDINO)
annotations/val2017/000000000139.png
curated/val2017/Coco164kFull_Stuff_Coarse_7.txt     PiCIE's list, only if it is asked for
"""

from hashlib import sha256
from pathlib import Path

from commonfate.base.errors import StoreError
from commonfate.datasets import lists, search
from commonfate.datasets.base import VideoSource
from commonfate.datasets.layouts import (
    COCO_STUFF_CURATED,
    COCO_STUFF_IMAGES,
    COCO_STUFF_LABELS,
    COCO_STUFF_SPLITS,
    DOCS,
    check_root,
)
from commonfate.datasets.settings import CocoStuff27Config


class CocoStuff27:
    """Each image is a video of one frame, its annotation a label map of 27 classes."""

    def __init__(self, name: str, settings: CocoStuff27Config) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the images of the wanted splits, sorted by id.

        Raises:
            ConfigError: the root does not exist or is empty, or a list does not exist.
            StoreError: a folder is missing or empty, or an image or label map lacks the other.
        """
        check_root(self.name, self.settings)
        sources = [
            VideoSource(
                id=name,
                split=split,
                path=image,
                frame_files=(image,),
                annotation_files=(labels,),
                annotation_kind="coco_stuff27",
            )
            for split in self.settings.splits
            for name, image, labels in self._pairs(split)
        ]
        return sorted(sources, key=lambda source: source.id)

    def stamps(self) -> dict[str, str]:
        """Times of the two folders of each image's split, as 123,000 images take too long.

        An image that is written over in place changes nothing.
        """
        check_root(self.name, self.settings)
        stamps = {}
        for split in self.settings.splits:
            names = [name for name, _, _ in self._pairs(split)]
            folders = self._folders(split)
            time = "|".join(str(folder.stat().st_mtime_ns) for folder in folders)
            stamps.update(dict.fromkeys(names, time))
        return stamps

    def _pairs(self, split: str) -> list[tuple[str, str, str]]:
        """Name, image and label map of each image of a split that is used."""
        pairs, limit = self._all_pairs(split), self.settings.train_images
        if split != "train" or limit is None:
            return pairs
        # The same images whatever else lies in the folder, as of the held-out YouTube-VOS.
        return sorted(pairs, key=lambda pair: sha256(pair[0].encode()).digest())[:limit]

    def _all_pairs(self, split: str) -> list[tuple[str, str, str]]:
        image_folder, label_folder = self._folders(split)
        if self.settings.curated:
            top = COCO_STUFF_SPLITS[split]
            list_file = self.settings.root / COCO_STUFF_CURATED.format(top)
            keys = f"datasets.{self.name}.curated"
            names = lists.names(list_file, "curated images are wanted", keys)
            images = lists.present(image_folder, ".jpg", names, list_file)
            labels = lists.present(label_folder, ".png", names, list_file)
            return [(name, images[name], labels[name]) for name in names]
        image_files, label_files = (_images(folder) for folder in (image_folder, label_folder))
        for name in image_files.keys() ^ label_files.keys():
            file, other = (
                (image_files[name], label_folder)
                if name in image_files
                else (label_files[name], image_folder)
            )
            raise StoreError(f"{file}: {other} has no file of this name; complete the download")
        return [(name, str(file), str(label_files[name])) for name, file in image_files.items()]

    def _folders(self, split: str) -> tuple[Path, Path]:
        top, root = COCO_STUFF_SPLITS[split], self.settings.root
        images = COCO_STUFF_IMAGES[self.settings.layout].format(top)
        return root / images, root / COCO_STUFF_LABELS.format(top)


def _images(folder: Path) -> dict[str, Path]:
    files = search.images(folder) if folder.is_dir() else {}
    if not files:
        raise StoreError(f"{folder}: holds no image; {DOCS} says what belongs there")
    return files
