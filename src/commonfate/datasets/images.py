"""Image benchmarks: a folder of images and a folder of masks, with equal names but for suffixes.

CUB:        test_images/001.Albatross/a.jpg       test_segmentations/001.Albatross/a.png
DUTS:       DUTS-TE/DUTS-TE-Image/a.jpg           DUTS-TE/DUTS-TE-Mask/a.png
ECSSD:      images/0001.jpg                       ground_truth_mask/0001.png
DUT-OMRON:  DUT-OMRON-image/im005.jpg             pixelwiseGT-new-PNG/im005.png
pairs:      images/a.jpg                          masks/a.png
plain:      a.jpg, b/c.jpg                        none
"""

import logging
from pathlib import Path

from commonfate.base.errors import StoreError
from commonfate.datasets import search
from commonfate.datasets.base import VideoSource
from commonfate.datasets.layouts import DOCS, IMAGE_FOLDERS, check_root
from commonfate.datasets.names import identifiers
from commonfate.datasets.settings import ImagesConfig

log = logging.getLogger(__name__)

WITHOUT_MASK = frozenset(
    ("img_561715398", "sun_bqfgwnmzhjwuphdi", "sun_bswlalhygmnrhvuw", "sun_buaqzytduodbufcb")
)
"""Images of DUT-OMRON that never had a mask; its authors removed them in 2018."""


class Images:
    """Each image is a video of one frame."""

    def __init__(self, name: str, settings: ImagesConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the images, sorted by id: of the split `val`, or without masks of `train`.

        Raises:
            ConfigError: the root does not exist or is empty.
            StoreError: a folder is missing, or an image has no mask, or a mask no image.
        """
        check_root(self.name, self.settings)
        if self.settings.layout == "plain":
            return self._without_masks()
        images, masks = (self._files(folder) for folder in IMAGE_FOLDERS[self.settings.layout])
        self._check(images, masks)
        keys = sorted(images.keys() & masks.keys())
        names = identifiers(keys, [""] * len(keys))
        sources = [
            VideoSource(
                id=name,
                split="val",
                path=str(images[key]),
                frame_files=(str(images[key]),),
                annotation_files=(str(masks[key]),),
                annotation_kind=self.settings.annotation_kind,
            )
            for name, key in zip(names, keys, strict=True)
        ]
        return sorted(sources, key=lambda source: source.id)

    def _without_masks(self) -> list[VideoSource]:
        images = self._files("")
        names = identifiers(list(images), [""] * len(images))
        sources = [
            VideoSource(id=name, split="train", path=str(path), frame_files=(str(path),))
            for name, path in zip(names, images.values(), strict=True)
        ]
        return sorted(sources, key=lambda source: source.id)

    def _files(self, folder: str) -> dict[str, Path]:
        """Images below a folder by their paths without suffix."""
        top = self.settings.root / folder
        if not top.is_dir():
            raise StoreError(f"{top}: no such folder; {DOCS} says what belongs there")
        files: dict[str, Path] = {}
        for path, _ in search.walk(top):
            inside = "" if path == top else f"{path.relative_to(top).as_posix()}/"
            files |= {inside + stem: file for stem, file in search.images(path).items()}
        if not files:
            raise StoreError(f"{top}: holds no image; {DOCS} says what belongs there")
        return files

    def _check(self, images: dict[str, Path], masks: dict[str, Path]) -> None:
        expected = WITHOUT_MASK if self.settings.layout == "dut_omron" else frozenset()
        bare = sorted(images.keys() - masks.keys())
        for key in bare:
            if key not in expected:
                raise StoreError(
                    f"{images[key]}: has no mask in {self._masks} ({len(bare)} images have none); "
                    f"complete the masks or delete the image"
                )
        if bare:
            log.info("%s: left out, as they have no mask: %s", self.name, ", ".join(bare))
        for key in sorted(masks.keys() - images.keys()):
            raise StoreError(f"{masks[key]}: is a mask of no image; complete the images")

    @property
    def _masks(self) -> Path:
        return self.settings.root / IMAGE_FOLDERS[self.settings.layout][1]
