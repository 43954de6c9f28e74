"""SegTrackv2 (Li et al., ICCV 2013), as its authors ship it or with objects merged.

JPEGImages/bmx/bmx_06668.png
GroundTruth/bmx/1/bmx_06668.png        a mask an object; sequences of one object have no such folder
ImageSets/all.txt                      *bmx, a line a sequence; not needed
Annotations/bmx/bmx_06668.png          objects merged into one mask (MotionGrouping's tool)

Suffixes are .png, .bmp or .jpg, and differ between frames and masks, even between objects.
"""

import glob
from pathlib import Path

from commonfate.base.errors import StoreError
from commonfate.datasets import search
from commonfate.datasets.base import VideoSource
from commonfate.datasets.layouts import check_root
from commonfate.datasets.settings import SegTrackConfig


class SegTrack:
    """All sequences; the objects of one are one foreground, as in the papers that use it."""

    def __init__(self, name: str, settings: SegTrackConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the sequences, sorted by id; all are of the split `val`.

        Raises:
            ConfigError: the root does not exist or is empty.
            StoreError: a sequence lacks its frames or masks, or the two do not match.
        """
        check_root(self.name, self.settings)
        return [self._sequence(name) for name in sorted(self._names())]

    def _names(self) -> list[str]:
        frames = self.settings.root / "JPEGImages"
        list_file = self.settings.root / "ImageSets" / "all.txt"
        if not frames.is_dir():
            raise StoreError(f"{frames}: no such folder; complete the download of SegTrackv2")
        if not list_file.is_file():
            return [folder.name for folder in search.subfolders(frames)]
        names = [line.lstrip("*") for _, line in search.lines(list_file)]
        for name in names:
            if not (frames / name).is_dir():
                raise StoreError(
                    f"{frames / name}: no such folder, but {list_file} lists it; complete the "
                    f"download or take the sequence out of the list"
                )
        return names

    def _sequence(self, name: str) -> VideoSource:
        folder = self.settings.root / "JPEGImages" / name
        frames = search.images(folder)
        if not frames:
            raise StoreError(f"{folder}: holds no frame; complete the download of SegTrackv2")
        kind, masks = self._masks(name)
        for stem, mask in masks.items():
            if stem not in frames:
                raise StoreError(f"{mask}: annotates no frame, as {folder} has none of this name")
        return VideoSource(
            id=name,
            split="val",
            path=str(folder),
            frame_files=tuple(str(file) for file in frames.values()),
            annotation_files=tuple(masks.get(stem, "") for stem in frames),
            annotation_kind=kind,
        )

    def _masks(self, name: str) -> tuple[str, dict[str, str]]:
        """Kind of the masks, and the mask (or pattern of masks) of each frame by its name."""
        # Merged masks were made on purpose, so they are preferred to the authors' own.
        merged = self.settings.root / "Annotations"
        folder = (merged if merged.is_dir() else self.settings.root / "GroundTruth") / name
        if folder.is_dir():
            if files := search.images(folder):
                return self.settings.annotation_kind, {
                    stem: str(file) for stem, file in files.items()
                }
            if objects := search.subfolders(folder):
                return f"union:{len(objects)}", _patterns(objects)
        raise StoreError(f"{folder}: holds no mask; complete the download of SegTrackv2")


def _patterns(objects: list[Path]) -> dict[str, str]:
    """For each frame, a pattern that matches its mask of every object."""
    masks = {folder: search.images(folder) for folder in objects}
    frames = {stem for files in masks.values() for stem in files}
    for folder, files in masks.items():
        if missing := sorted(frames - files.keys(), key=search.natural):
            raise StoreError(
                f"{folder}: lacks the mask of frame {missing[0]}, which other objects have; "
                f"complete the download of SegTrackv2"
            )
    parent = glob.escape(str(objects[0].parent))
    return {stem: f"{parent}/*/{glob.escape(stem)}.*" for stem in frames}
