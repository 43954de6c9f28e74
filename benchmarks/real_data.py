"""Real images for the benchmark of features: CamVid, raccoons and DAVIS, read from one folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import click
import cv2
import numpy as np

from commonfate.datasets.image_file import pixels
from commonfate.models.grouping.boxes import box_of

CAMVID_CLASSES = 11


@dataclass(frozen=True)
class Images:
    """Images with what is true of them."""

    frames: list[np.ndarray]
    """(H, W, 3) uint8, RGB, each of its own size."""
    truth: list[np.ndarray]
    """Label maps or masks (H, W) uint8, 255 void; or boxes (m, 4)."""


def resized(image: np.ndarray, short_side: int, patch: int) -> np.ndarray:
    """An image whose short side is about so long, cut right and below to whole patches.

    Args:
        image: (H, W, 3) uint8.
        short_side: pixels.
        patch: pixels; sides of the result are multiples.
    """
    scale = short_side / min(image.shape[:2])
    height, width = (max(round(side * scale), patch) for side in image.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, (width, height), interpolation=way)
    return small[: height // patch * patch, : width // patch * patch]


def camvid(root: Path, split: str, every: int) -> Images:
    """Frames and classes of a split, `every`-th only."""
    names = _lines(root / "camvid/ImageSets/Segmentation" / f"{split}.txt")[::every]
    frames = [pixels(root / "camvid/JPEGImages" / f"{name}.jpg") for name in names]
    return Images(frames, [_labels(root / f"camvid/SegmentationClass/{n}.png") for n in names])


def raccoons(root: Path, every: int) -> Images:
    """Photographs with boxes (m, 4) int64: x0, y0, x1, y1 from 0, ends excluded."""
    names = _lines(root / "raccoon/ImageSets/Main/trainval.txt")[::every]
    boxes = []
    for name in names:
        objects = ElementTree.parse(root / "raccoon/Annotations" / f"{name}.xml").iter("bndbox")
        corners = [
            [int(o.findtext(k, "")) for k in ("xmin", "ymin", "xmax", "ymax")] for o in objects
        ]
        boxes.append(np.array(corners) - [1, 1, 0, 0])
    return Images([pixels(root / "raccoon/JPEGImages" / f"{name}.jpg") for name in names], boxes)


def davis(root: Path, limit: int | None) -> Iterator[tuple[str, Images]]:
    """Sequences, their frames and masks of 0 and 1; each with its first `limit` frames."""
    folders = sorted((root / "DAVIS2016/JPEGImages/480p").glob("*/"))
    if not folders:
        raise click.ClickException(f"no DAVIS sequences below {root}; --data names the folder")
    for folder in folders:
        files = sorted(folder.glob("*.jpg"))[:limit]
        masks = root / "DAVIS2016/Annotations/480p" / folder.name
        truth = [(_labels(masks / f"{file.stem}.png") > 0).astype(np.uint8) for file in files]
        yield folder.name, Images([pixels(file) for file in files], truth)


def boxes_of(masks: list[np.ndarray]) -> list[np.ndarray]:
    """The box (1, 4) of each mask; none (0, 4) of an empty one."""
    return [box_of(m)[None] if m.any() else np.zeros((0, 4), int) for m in masks]


def centred(size: tuple[int, int], share: float) -> np.ndarray:
    """The box (4,), of whole pixels, in the middle of an image: `share` of each of its sides."""
    height, width = size
    inset = (1 - share) / 2
    ends = [inset * width, inset * height, (1 - inset) * width, (1 - inset) * height]
    return np.round(ends).astype(int)


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        raise click.ClickException(f"{file}: no such list; --data names the folder of the data")
    return file.read_text(encoding="utf-8").split()


def _labels(file: Path) -> np.ndarray:
    labels = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if labels is None:
        raise click.ClickException(f"{file}: no such label map")
    return labels if labels.ndim == 2 else labels[..., 0]
