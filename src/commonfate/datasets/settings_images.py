"""Settings of datasets of still images, one class an adapter."""

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt

from commonfate.datasets.settings_shared import Labels, Look, MaskKind, Size, StillImages


class SpriteImagesConfig(StillImages):
    """Embedded stand-in for image benchmarks: still images of scenes like those of `sprites`."""

    adapter: Literal["sprite_images"] = "sprite_images"
    """Rendered by the project."""
    images: int = Field(12, ge=1)
    """Number of images of the split `val`."""
    train_images: int = Field(0, ge=0)
    """Number of images, of other scenes, of the split `train`."""
    labels: Labels = "instances"
    """Content of the masks: a number for each object, or for its class (its family of shapes)."""
    size: Size = (128, 224)
    """Height and width, even numbers."""
    seed: int = Field(0, ge=0)
    """Equal seeds give equal bytes; no scene is that of a video, whatever the seeds."""
    look: Look = "any"
    """`any`: every object may show every photograph; `by_class`: each class has two photographs to
    itself, of which train and val show different halves, so that appearance tells the class."""
    objects: int | None = Field(None, ge=1, le=3)
    """Objects an image; none: one to three. An image of one object with `look: by_class` has the
    thing that it shows, one of ten, as its label, as the images of ImageNet have."""

    @property
    def shows_one_thing(self) -> bool:
        """True if the label of an image is the thing that it shows."""
        return self.objects == 1 and self.look == "by_class"


class ImagesConfig(StillImages):
    """Still images with a mask each, all of the split `val`; or without, of the split `train`."""

    adapter: Literal["images"] = "images"
    """Image benchmarks, any folder of images beside a folder of masks, and photographs alone."""
    root: Path
    """Folder that holds both folders; of `plain`, the images."""
    layout: Literal["cub", "duts", "ecssd", "dut_omron", "pairs", "plain"] = "pairs"
    """Names of the folders; of `pairs` they are images and masks. `plain` is a folder of images
    without masks, subfolders included, to learn from."""
    annotation_kind: MaskKind = "grey"


class VocConfig(StillImages):
    """PASCAL VOC 2012, semantic segmentation: still images with a class for each pixel."""

    adapter: Literal["voc"] = "voc"
    """VOC 2012 as its authors ship it, or as Leopart's voc_data."""
    root: Path
    """Folder that holds SegmentationClass."""
    layout: Literal["devkit", "voc_data"] = "devkit"
    """Names of the folders."""
    splits: tuple[Literal["train", "val"], ...] = ("train", "val")
    """Splits to read; each has its list."""
    train_list: Literal["trainaug", "train"] = "trainaug"
    """List of the split `train`: with SBD's masks (10,582 images), or VOC's alone (1,464)."""


class VocBoxesConfig(StillImages):
    """PASCAL VOC 2007 or 2012, detection: still images with boxes; all are of the split `val`."""

    adapter: Literal["voc_boxes"] = "voc_boxes"
    """VOC as its authors ship it, for the localization of objects."""
    root: Path
    """Folder VOC2007 or VOC2012, which holds JPEGImages, Annotations and ImageSets/Main."""
    image_list: Literal["trainval", "train", "val", "test"] = "trainval"
    """List of images in ImageSets/Main: 5,011 images of 2007, 11,540 of 2012 in trainval."""


class Coco20kConfig(StillImages):
    """COCO-20k: 19,817 images of COCO's train2014 with boxes; all are of the split `val`."""

    adapter: Literal["coco20k"] = "coco20k"
    """The subset that papers on object discovery use."""
    root: Path
    """Folder that holds images/train2014, annotations and coco_20k_filenames.txt."""
    crowds: bool = False
    """Keep the boxes around crowds, as boxes of crowds; the papers remove them."""


class CocoStuff27Config(StillImages):
    """COCO-Stuff with its 171 classes merged into 27; no pixel is background."""

    adapter: Literal["cocostuff27"] = "cocostuff27"
    """COCO 2017's images with COCO-Stuff's label maps."""
    root: Path
    """Folder that holds images and annotations."""
    layout: Literal["cocostuff", "flowdino"] = "cocostuff"
    """Folders of the images: images/train2017 or train2017, and so on."""
    splits: tuple[Literal["train", "val"], ...] = ("train", "val")
    """Splits to read: train2017 and val2017."""
    curated: bool = False
    """Only the images of the list curated/{split}/Coco164kFull_Stuff_Coarse_7.txt, as PiCIE."""
    train_images: PositiveInt | None = None
    """Only so many images of the split `train`, drawn by their names; 5000 is FlowDINO's; none:
    all."""


class ImagenetConfig(StillImages):
    """ImageNet, or other images in a folder a class: the label of an image is its folder."""

    adapter: Literal["imagenet"] = "imagenet"
    """ImageNet-1k (ILSVRC 2012)."""
    root: Path
    """Folder that holds train and val."""
    splits: tuple[Literal["train", "val"], ...] = ("train", "val")
    """Splits to read, each a folder."""
    shard_size: PositiveInt | None = 20_000
    """Images in one shard; none: `shard_size` of all datasets."""
