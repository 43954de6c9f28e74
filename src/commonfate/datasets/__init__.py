"""Datasets: where videos, frames and ground truth lie, one adapter a layout."""

from pathlib import Path

from commonfate.datasets import (
    coco_stuff_classes,
    layouts,
    on_disk,
    search,
    shards,
    voc,
    youtube_vos_classes,
)
from commonfate.datasets.base import Adapter, Stamped, VideoSource, thinned, with_rate
from commonfate.datasets.clips import Clips
from commonfate.datasets.coco20k import Coco20k
from commonfate.datasets.coco_stuff import CocoStuff27
from commonfate.datasets.davis import Davis
from commonfate.datasets.fbms import Fbms
from commonfate.datasets.folder import Folder
from commonfate.datasets.imagenet import Imagenet
from commonfate.datasets.images import Images
from commonfate.datasets.names import printable
from commonfate.datasets.segtrack import SegTrack
from commonfate.datasets.sequences import Sequences
from commonfate.datasets.settings import (
    AnyDataset,
    CocoStuff27Config,
    RecordedVideos,
    SpriteImagesConfig,
    SpritesConfig,
    VocConfig,
    YoutubeVosConfig,
)
from commonfate.datasets.sprites.listing import SpriteImages, Sprites
from commonfate.datasets.voc import Voc
from commonfate.datasets.voc_boxes import VocBoxes
from commonfate.datasets.youtube_vos import YoutubeVos

__all__ = [
    "RENDERED",
    "Adapter",
    "Stamped",
    "VideoSource",
    "box_files",
    "class_names",
    "layout",
    "open",
    "shard_digests",
    "splits",
    "stamps",
    "videos",
]

RENDERED = {"sprites": Sprites, "sprite_images": SpriteImages}
"""Adapters of the data that the project renders itself (`commonfate sprites`)."""

_SHIPPED = {
    "davis": Davis,
    "segtrack": SegTrack,
    "fbms": Fbms,
    "images": Images,
    "youtube_vos": YoutubeVos,
    "voc": Voc,
    "davis2017": Sequences,
    "visor": Sequences,
    "uvo": Clips,
    "vspw": Clips,
    "moments": Clips,
    "epic": Clips,
    "voc_boxes": VocBoxes,
    "coco20k": Coco20k,
    "cocostuff27": CocoStuff27,
    "imagenet": Imagenet,
    "folder": Folder,
}

_SPLITS = {
    "sprites": ("train", "val"),
    "segtrack": ("val",),
    "images": ("val",),
    "uvo": ("train",),
    "vspw": ("train",),
    "epic": ("train",),
    "voc_boxes": ("val",),
    "coco20k": ("val",),
    "folder": ("train",),
}
"""Splits of adapters whose settings do not choose them."""


def open(name: str, settings: AnyDataset, rendered_root: str | Path) -> Adapter:
    """Find the adapter of a dataset.

    Args:
        name: the dataset's name in the configuration; starts the adapter's error messages.
        settings: its settings; `adapter` selects the adapter.
        rendered_root: folder of this dataset's rendered videos (`results/datasets/{name}`);
            only the embedded data lie there.
    """
    if settings.adapter in RENDERED:
        return RENDERED[settings.adapter](settings, Path(rendered_root))
    return _SHIPPED[settings.adapter](name, settings)


def videos(name: str, settings: AnyDataset, rendered_root: str | Path) -> list[VideoSource]:
    """List the videos of a dataset with the frames that are used, as its setting `every` says.

    Videos whose names are not UTF-8 have this as their fault.

    Args and errors as of `open` and of the adapter's `videos`.
    """
    sources = map(on_disk.nameable, open(name, settings, rendered_root).videos())
    if not isinstance(settings, RecordedVideos):
        return list(sources)
    return [thinned(with_rate(source, settings.fps), settings.every) for source in sources]


def stamps(name: str, settings: AnyDataset, rendered_root: str | Path) -> dict[str, str]:
    """Stamps of the videos of a dataset, by id: texts that change with the videos.

    Empty only for a folder without any file, so that a plan can be made before a download.

    Args and errors as of `videos`.
    """
    root: Path | None = getattr(settings, "root", None)
    if root is not None and root.is_dir() and search.holds_no_file(root):
        return {}
    adapter = open(name, settings, rendered_root)
    if isinstance(adapter, Stamped):
        return {printable(video): stamp for video, stamp in adapter.stamps().items()}
    return {source.id: on_disk.stamp(source) for source in videos(name, settings, rendered_root)}


def shard_digests(
    name: str,
    settings: AnyDataset,
    rendered_root: str | Path,
    inventories: str | Path,
    shard_size: int,
) -> dict[int, str]:
    """Short text for each shard of a dataset, which changes with its videos.

    Empty only for a folder without any file.

    Args:
        name: as of `open`; so are the next two.
        settings: as above.
        rendered_root: as above.
        inventories: folder of the inventory, in which `commonfate videos` keeps the shards.
        shard_size: videos a shard.
    """
    by_video = stamps(name, settings, rendered_root)
    before = shards.read(Path(inventories, shards.FILE), shard_size)
    return shards.digests(by_video, shards.assign(by_video, shard_size, before))


def class_names(settings: AnyDataset) -> tuple[str, ...]:
    """Names of the classes in order of their labels, background first.

    COCO-Stuff's pixels are all of a class, so it has no background. Names of YouTube-VOS are read
    from its meta.json. Empty for data sets without classes of pixels, and before a download.
    """
    if isinstance(settings, VocConfig):
        return voc.CLASSES
    if isinstance(settings, CocoStuff27Config):
        return coco_stuff_classes.CLASSES
    if isinstance(settings, YoutubeVosConfig) and settings.labels == "classes":
        return youtube_vos_classes.class_names(settings)
    if isinstance(settings, SpritesConfig | SpriteImagesConfig) and settings.labels == "classes":
        from commonfate.datasets.sprites import shapes

        return "background", *shapes.CLASSES
    return ()


def splits(settings: AnyDataset) -> tuple[str, ...]:
    """Names of the splits that a dataset has."""
    if isinstance(settings, YoutubeVosConfig):
        return ("train", "val") if settings.held_out else ("train",)
    if isinstance(settings, SpriteImagesConfig):
        return ("train", "val") if settings.train_images else ("val",)
    return getattr(settings, "splits", None) or _SPLITS[settings.adapter]


def box_files(settings: AnyDataset) -> list[str]:
    """File or folder of the boxes that a dataset ships, if it ships any and is there."""
    return [str(path) for path in layouts.box_files(settings) if path.exists()]


def layout(settings: AnyDataset) -> list[str]:
    """Folders that a dataset should have under its root, as in docs/datasets.md."""
    return layouts.folders(settings)
