"""Sets of videos that are learnt from without annotations.

UVO (Wang et al., ICCV 2021):                  uvo_videos_dense/a.mp4, uvo_videos_sparse/b.mp4
VSPW (Miao et al., CVPR 2021):                 data/127_-hIVCYO4C90/origin/00000000.jpg
Moments in Time (Monfort et al., PAMI 2019):   training/adult+female+singing/a.mp4
EPIC-KITCHENS-100 (Damen et al., IJCV 2022):   P01/videos/P01_01.MP4
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from commonfate.base.errors import StoreError
from commonfate.datasets import layouts, search
from commonfate.datasets.base import VideoSource
from commonfate.datasets.folder import Folder
from commonfate.datasets.layouts import CLIP_FOLDERS, DOCS, check_root
from commonfate.datasets.names import identifiers
from commonfate.datasets.settings import (
    EpicConfig,
    FolderConfig,
    MomentsConfig,
    UvoConfig,
    VspwConfig,
)


class _Part(NamedTuple):
    """Folder that is searched for videos.

    Attributes:
        folder: all videos below it.
        split: of these videos.
        prefix: of their ids, which are their paths below the folder.
        labelled: the folder of a video is its class.
    """

    folder: Path
    split: str
    prefix: str
    labelled: bool = False


class Clips:
    """Videos below the folders of a dataset's layout; annotations beside them are not read."""

    def __init__(
        self, name: str, settings: UvoConfig | VspwConfig | MomentsConfig | EpicConfig
    ) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the videos, sorted by id; those of Moments in Time have their class as label.

        Raises:
            ConfigError: the root does not exist or is empty, or one of its folders holds no video.
            StoreError: the folders of the layout are missing.
        """
        check_root(self.name, self.settings)
        if isinstance(self.settings, VspwConfig):
            sources = self._vspw()
        else:
            sources = [
                replace(
                    source,
                    id=part.prefix + source.id,
                    split=part.split,
                    label=Path(source.path).parent.name if part.labelled else "",
                )
                for part in self._parts()
                for source in Folder(self.name, FolderConfig(root=part.folder)).videos()
            ]
        if not sources:
            expected = ", ".join(layouts.files(self.settings))
            raise StoreError(
                f"{self.settings.root}: holds none of the videos that are expected there: "
                f"{expected} ({DOCS} says where to get them)"
            )
        return sorted(sources, key=lambda source: source.id)

    def _parts(self) -> Iterator[_Part]:
        root = self.settings.root
        tops = [root / folder for folder in CLIP_FOLDERS[self.settings.adapter]]
        if isinstance(self.settings, MomentsConfig):
            for split, top in zip(("train", "val"), tops, strict=True):
                if split not in self.settings.splits:
                    continue
                if not top.is_dir():
                    raise StoreError(
                        f"{top}: no such folder, but the split {split!r} is wanted; {DOCS} says "
                        f"what belongs there; or change datasets.{self.name}.splits"
                    )
                yield _Part(top, split, f"{split}__", labelled=True)
        elif isinstance(self.settings, UvoConfig):
            # A video of YouTube may have clips in both folders.
            for top in filter(Path.is_dir, tops):
                yield _Part(top, "train", f"{top.name.removeprefix('uvo_videos_')}__")
        else:
            for participant in search.subfolders(root):
                if (participant / "videos").is_dir():
                    yield _Part(participant / "videos", "train", "")

    def _vspw(self) -> list[VideoSource]:
        """Videos whose frames lie in a folder `origin`, beside one of masks."""
        (top,) = (self.settings.root / folder for folder in CLIP_FOLDERS["vspw"])
        folders = search.subfolders(top) if top.is_dir() else []
        origins = [folder / "origin" for folder in folders if (folder / "origin").is_dir()]
        names = identifiers([folder.parent.name for folder in origins], [""] * len(origins))
        sources = []
        for name, folder in zip(names, origins, strict=True):
            frames = tuple(str(file) for file in search.images(folder).values())
            if not frames:
                raise StoreError(f"{folder}: holds no frame; complete the download of VSPW")
            sources.append(VideoSource(name, "train", str(folder), frames))
        return sources
