"""Layouts of the datasets on disk, for adapters, error messages, docs/datasets.md and tests."""

from pathlib import Path

from commonfate.base.errors import ConfigError
from commonfate.datasets import search
from commonfate.datasets.sequence_folders import sequence_folders
from commonfate.datasets.settings import (
    AnyDataset,
    Coco20kConfig,
    CocoStuff27Config,
    DatasetOnDisk,
    Davis2017Config,
    DavisConfig,
    EpicConfig,
    FbmsConfig,
    ImagenetConfig,
    ImagesConfig,
    MomentsConfig,
    SegTrackConfig,
    UvoConfig,
    VisorConfig,
    VocBoxesConfig,
    VocConfig,
    VspwConfig,
    YoutubeVosConfig,
)

DOCS = "docs/datasets.md"

IMAGE_FOLDERS = {
    "cub": ("test_images", "test_segmentations"),
    "duts": ("DUTS-TE/DUTS-TE-Image", "DUTS-TE/DUTS-TE-Mask"),
    "ecssd": ("images", "ground_truth_mask"),
    "dut_omron": ("DUT-OMRON-image", "pixelwiseGT-new-PNG"),
    "pairs": ("images", "masks"),
}
"""Folders of images and of masks, by the layout of an image benchmark; `plain` has none."""

FBMS_FOLDERS = {"train": "Trainingset", "val": "Testset"}
"""Folders of FBMS-59's splits."""

YOUTUBE_VOS_FRAMES = {"all": "train_all_frames/JPEGImages", "every_fifth": "train/JPEGImages"}
"""Folder of frames, by the setting `frames`."""
YOUTUBE_VOS_LABELS = "train/Annotations"

VOC_FOLDERS = {"devkit": ("JPEGImages", "ImageSets/Segmentation"), "voc_data": ("images", "sets")}
"""Folders of VOC 2012's images and of its lists, by layout."""
VOC_LABELS = {
    "train": "SegmentationClass",
    "trainaug": "SegmentationClassAug",
    "val": "SegmentationClass",
}
"""Folder of the labels of the images of a list."""

CLIP_FOLDERS = {
    "uvo": ("uvo_videos_dense", "uvo_videos_sparse"),
    "vspw": ("data",),
    "moments": ("training", "validation"),
    "epic": ("P01/videos",),
}
"""Folders of videos without masks, by adapter; EPIC-KITCHENS has one a participant."""

COCO20K_LIST = "coco_20k_filenames.txt"
COCO20K_IMAGES = "images/train2014"
COCO20K_BOXES = "annotations/instances_train2014.json"

COCO_STUFF_IMAGES = {"cocostuff": "images/{}", "flowdino": "{}"}
"""Folder of COCO-Stuff's images of a split of 2017, by layout."""
COCO_STUFF_LABELS = "annotations/{}"
COCO_STUFF_CURATED = "curated/{}/Coco164kFull_Stuff_Coarse_7.txt"
COCO_STUFF_SPLITS = {"train": "train2017", "val": "val2017"}


def files(settings: AnyDataset) -> list[str]:
    """Patterns of the files of a dataset; `<...>` stands for a name.

    Empty for rendered data, and for data without a layout (`folder`).
    """
    match settings:
        case DavisConfig(resolution=resolution):
            return [
                f"JPEGImages/{resolution}/<sequence>/<00000>.jpg",
                f"Annotations/{resolution}/<sequence>/<00000>.png",
                *(f"ImageSets/{resolution}/{split}.txt" for split in settings.splits),
            ]
        case FbmsConfig(splits=splits):
            tops = [f"{FBMS_FOLDERS[split]}/<sequence>" for split in splits]
            names = ("<sequence>_<0001>.jpg", "GroundTruth/<sequence>_<0001>.pgm")
            return [f"{top}/{name}" for top in tops for name in names]
        case ImagesConfig(layout="plain"):
            return ["[<folder>/]<image>.jpg"]
        case ImagesConfig(layout=layout):
            images, masks = IMAGE_FOLDERS[layout]
            return [f"{images}/<image>.jpg", f"{masks}/<image>.png"]
        case SegTrackConfig():
            return [
                "JPEGImages/<sequence>/<frame>.png",
                "GroundTruth/<sequence>/[<object>/]<frame>.png",
            ]
        case VocConfig(layout=layout):
            images, lists = VOC_FOLDERS[layout]
            return [
                f"{images}/<image>.jpg",
                *dict.fromkeys(f"{VOC_LABELS[name]}/<image>.png" for name in voc_lists(settings)),
                *(f"{lists}/{name}.txt" for name in voc_lists(settings)),
            ]
        case YoutubeVosConfig(frames=frames):
            return [
                f"{YOUTUBE_VOS_FRAMES[frames]}/<video>/<00000>.jpg",
                f"{YOUTUBE_VOS_LABELS}/<video>/<00000>.png",
            ]
        case VocBoxesConfig(image_list=name):
            return [
                "JPEGImages/<image>.jpg",
                "Annotations/<image>.xml",
                f"ImageSets/Main/{name}.txt",
            ]
        case Davis2017Config() | VisorConfig():
            parts = sequence_folders(settings)
            return [
                f"{parts.frames}/<sequence>/<frame>.jpg",
                f"{parts.masks}/<sequence>/<frame>.png",
                *parts.lists.values(),
            ]
        case UvoConfig():
            return [f"{folder}/<video>.mp4" for folder in CLIP_FOLDERS["uvo"]]
        case VspwConfig():
            return ["data/<video>/origin/<00000000>.jpg"]
        case MomentsConfig(splits=splits):
            train, val = CLIP_FOLDERS["moments"]
            return [f"{train if name == 'train' else val}/<class>/<clip>.mp4" for name in splits]
        case EpicConfig():
            return ["P01/videos/<video>.MP4"]
        case Coco20kConfig():
            return [f"{COCO20K_IMAGES}/<image>.jpg", COCO20K_BOXES, COCO20K_LIST]
        case CocoStuff27Config(layout=layout):
            folders_of_split = [COCO_STUFF_SPLITS[split] for split in settings.splits]
            return [
                *(
                    f"{COCO_STUFF_IMAGES[layout].format(top)}/<image>.jpg"
                    for top in folders_of_split
                ),
                *(f"{COCO_STUFF_LABELS.format(top)}/<image>.png" for top in folders_of_split),
                *(COCO_STUFF_CURATED.format(top) for top in folders_of_split if settings.curated),
            ]
        case ImagenetConfig(splits=splits):
            return [f"{split}/<class>/<image>.JPEG" for split in splits]
    return []


def box_files(settings: AnyDataset) -> list[Path]:
    """File or folder of the boxes that a dataset ships; empty if it ships none."""
    match settings:
        case VocBoxesConfig(root=root):
            return [root / "Annotations"]
        case Coco20kConfig(root=root):
            return [root / COCO20K_BOXES]
    return []


def voc_lists(settings: VocConfig) -> list[str]:
    """Names of the lists of the splits, in the order of the setting `splits`."""
    return [settings.train_list if split == "train" else split for split in settings.splits]


def folders(settings: AnyDataset) -> list[str]:
    """Folders that a dataset should have directly under its root, without those of sequences."""
    parents_of_files = []
    for pattern in files(settings):
        parents = Path(pattern).parent.parts
        fixed = [part for n, part in enumerate(parents) if "<" not in "".join(parents[: n + 1])]
        parents_of_files.append(Path(*fixed).as_posix())
    return [folder for folder in dict.fromkeys(parents_of_files) if folder != "."]


def check_root(name: str, settings: DatasetOnDisk) -> None:
    """Refuse a root that does not exist or holds no file at all.

    Raises:
        ConfigError: the message lists the files that are expected there.
    """
    key = f"datasets.{name}.root = {str(settings.root)!r}"
    if not settings.root.is_dir():
        raise ConfigError(f"{key}: no such folder; {DOCS} says what belongs there")
    if search.holds_no_file(settings.root):
        raise ConfigError(
            f"{key}: holds no file; expected there: {', '.join(files(settings))} ({DOCS} says "
            f"where to get them)"
        )
