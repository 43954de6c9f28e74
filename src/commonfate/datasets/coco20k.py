"""COCO-20k (Vo et al., ECCV 2020; list of LOST, BMVC 2021): images of COCO 2014 with boxes.

images/train2014/COCO_train2014_000000000009.jpg
annotations/instances_train2014.json
coco_20k_filenames.txt                             a path an image
"""

import json
from typing import Any

from commonfate.base.errors import StoreError
from commonfate.datasets import lists
from commonfate.datasets.base import Box, VideoSource
from commonfate.datasets.layouts import (
    COCO20K_BOXES,
    COCO20K_IMAGES,
    COCO20K_LIST,
    DOCS,
    check_root,
)
from commonfate.datasets.settings import Coco20kConfig


class Coco20k:
    """Each listed image is a video of one frame of the split `val`."""

    def __init__(self, name: str, settings: Coco20kConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the images, sorted by id.

        Raises:
            ConfigError: the root does not exist or is empty, or the list does not exist.
            StoreError: an image is missing or listed twice, or the file of boxes is missing.
        """
        images = self._images()
        self._check_boxes_are_there()
        return [
            VideoSource(name, "val", images[name], (images[name],), annotation_kind="boxes")
            for name in sorted(images)
        ]

    def boxes(self) -> list[Box]:
        """All boxes of the listed images, in order of image and of annotation.

        Boxes of crowds are removed, as in LOST, unless the setting `crowds` keeps them.

        Raises:
            ConfigError: as `videos`; so does StoreError.
            StoreError: the file of boxes cannot be read, or lacks a listed image.
        """
        names = self._images()
        self._check_boxes_are_there()
        file = self.settings.root / COCO20K_BOXES
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            image_names = {item["id"]: _stem(item["file_name"]) for item in content["images"]}
            categories = {item["id"]: item["name"] for item in content["categories"]}
            boxes = [
                (item["id"], _box(item, image_names[item["image_id"]], categories))
                for item in content["annotations"]
                if image_names[item["image_id"]] in names
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{file}: cannot be read as COCO's instances ({error!r}); {DOCS} says where it "
                f"comes from"
            ) from error
        if lacking := sorted(names.keys() - set(image_names.values())):
            raise StoreError(f"{file}: has no image {lacking[0]}, but {COCO20K_LIST} lists it")
        ordered = sorted(boxes, key=lambda pair: (pair[1].video, pair[0]))
        return [box for _, box in ordered if self.settings.crowds or not box.crowd]

    def _images(self) -> dict[str, str]:
        check_root(self.name, self.settings)
        root = self.settings.root
        keys = f"datasets.{self.name}.root"
        names = lists.names(root / COCO20K_LIST, "it names the 19,817 images", keys)
        return lists.present(root / COCO20K_IMAGES, ".jpg", names, root / COCO20K_LIST)

    def _check_boxes_are_there(self) -> None:
        file = self.settings.root / COCO20K_BOXES
        if not file.is_file():
            raise StoreError(f"{file}: no such file; {DOCS} says where it comes from")


def _stem(file_name: str) -> str:
    return file_name.rpartition("/")[2].rpartition(".")[0]


def _box(item: dict[str, Any], video: str, categories: dict[int, str]) -> Box:
    x, y, width, height = map(float, item["bbox"])
    return Box(
        video,
        0,
        *(x, y, x + width, y + height),
        category=categories[item["category_id"]],
        crowd=bool(item.get("iscrowd", 0)),
    )
