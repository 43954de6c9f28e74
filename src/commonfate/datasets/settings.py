"""Settings of datasets: one class an adapter; `adapter` says which one a dataset has."""

from typing import Annotated

from pydantic import Field

from commonfate.datasets.settings_images import (
    Coco20kConfig,
    CocoStuff27Config,
    ImagenetConfig,
    ImagesConfig,
    SpriteImagesConfig,
    VocBoxesConfig,
    VocConfig,
)
from commonfate.datasets.settings_shared import RecordedVideos
from commonfate.datasets.settings_videos import (
    Davis2017Config,
    DavisConfig,
    EpicConfig,
    FbmsConfig,
    FolderConfig,
    MomentsConfig,
    SegTrackConfig,
    SpritesConfig,
    UvoConfig,
    VisorConfig,
    VspwConfig,
    YoutubeVosConfig,
)

__all__ = [
    "AnyDataset",
    "Coco20kConfig",
    "CocoStuff27Config",
    "Dataset",
    "DatasetOnDisk",
    "Davis2017Config",
    "DavisConfig",
    "EpicConfig",
    "FbmsConfig",
    "FolderConfig",
    "ImagenetConfig",
    "ImagesConfig",
    "MomentsConfig",
    "RecordedVideos",
    "SegTrackConfig",
    "SpriteImagesConfig",
    "SpritesConfig",
    "UvoConfig",
    "VisorConfig",
    "VocBoxesConfig",
    "VocConfig",
    "VspwConfig",
    "YoutubeVosConfig",
]

DatasetOnDisk = (
    DavisConfig
    | SegTrackConfig
    | FbmsConfig
    | ImagesConfig
    | YoutubeVosConfig
    | VocConfig
    | Davis2017Config
    | VisorConfig
    | UvoConfig
    | VspwConfig
    | MomentsConfig
    | EpicConfig
    | VocBoxesConfig
    | Coco20kConfig
    | CocoStuff27Config
    | ImagenetConfig
    | FolderConfig
)
AnyDataset = SpritesConfig | SpriteImagesConfig | DatasetOnDisk
Dataset = Annotated[AnyDataset, Field(discriminator="adapter")]
