"""PASCAL VOC 2012 (Everingham et al.), semantic segmentation, with SBD's masks for training.

VOCdevkit/VOC2012, the root:                              voc_data (Leopart), the root:
JPEGImages/2007_000032.jpg                                images/2007_000032.jpg
SegmentationClass/2007_000032.png                         SegmentationClass/...
SegmentationClassAug/2007_000032.png                      SegmentationClassAug/...
ImageSets/Segmentation/{train,trainaug,val}.txt           sets/{train,trainaug,val}.txt
"""

from collections.abc import Iterator
from itertools import pairwise

from commonfate.base.errors import StoreError
from commonfate.datasets import lists
from commonfate.datasets.base import VideoSource
from commonfate.datasets.layouts import VOC_FOLDERS, VOC_LABELS, check_root, voc_lists
from commonfate.datasets.settings import VocConfig

# fmt: off
CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)
# fmt: on
"""Names of the classes in order of their labels."""


class Voc:
    """Each listed image is a video of one frame, its annotation a label map of classes."""

    def __init__(self, name: str, settings: VocConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the images of the wanted splits, sorted by id.

        Raises:
            ConfigError: the root does not exist or is empty, or the list of a split does not exist.
            StoreError: a folder, an image or its labels are missing, or an image is listed twice.
        """
        check_root(self.name, self.settings)
        lists = zip(self.settings.splits, voc_lists(self.settings), strict=True)
        sources = [source for split, name in lists for source in self._listed(split, name)]
        ordered = sorted(sources, key=lambda source: source.id)
        for source, other in pairwise(ordered):
            if source.id == other.id:
                raise StoreError(
                    f"{source.path}: is listed twice, in the splits {source.split!r} and "
                    f"{other.split!r}; delete one of the two lines"
                )
        return ordered

    def _listed(self, split: str, list_name: str) -> Iterator[VideoSource]:
        """Yield the images of a list, in its order."""
        image_folder, list_folder = VOC_FOLDERS[self.settings.layout]
        list_file = self.settings.root / list_folder / f"{list_name}.txt"
        names = lists.names(
            list_file,
            f"the split {split!r} is wanted",
            f"datasets.{self.name}.splits or .train_list",
        )
        parts = ((image_folder, ".jpg"), (VOC_LABELS[list_name], ".png"))
        images, labels = (
            lists.present(self.settings.root / folder, suffix, names, list_file)
            for folder, suffix in parts
        )
        for name in names:
            yield VideoSource(
                id=name,
                split=split,
                path=images[name],
                frame_files=(images[name],),
                annotation_files=(labels[name],),
                annotation_kind="classes",
            )
