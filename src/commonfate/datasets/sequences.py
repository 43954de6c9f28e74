"""Sequences of frames with masks of objects, in the layout of DAVIS 2017.

DAVIS 2017 (Pont-Tuset et al., 2017; Caelles et al., 2019):  VISOR (Darkhalil et al., 2022):
JPEGImages/480p/bear/00000.jpg                               JPEGImages/480p/P01_01_seq_00001/a.jpg
Annotations_unsupervised/480p/bear/00000.png                 Annotations/480p/P01_01_seq_00001/a.png
ImageSets/2017/{train,val}.txt                               ImageSets/2022/{train,val}.txt
"""

from pathlib import Path

from commonfate.base.errors import StoreError
from commonfate.datasets import lists, search
from commonfate.datasets.base import VideoSource
from commonfate.datasets.layouts import DOCS, check_root
from commonfate.datasets.sequence_folders import SequenceFolders, sequence_folders
from commonfate.datasets.settings import Davis2017Config, VisorConfig


class Sequences:
    """Sequences by the lists of their splits; frames are read in place."""

    def __init__(self, name: str, settings: Davis2017Config | VisorConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the sequences of the wanted splits, sorted by id; masks are `instances`.

        Raises:
            ConfigError: the root does not exist or is empty, or the list of a split does not exist.
            StoreError: a listed sequence has no frames or no masks, or a mask is of no frame.
        """
        check_root(self.name, self.settings)
        folders = sequence_folders(self.settings)
        return sorted(
            (
                self._video(folders, name, split)
                for split in self.settings.splits
                for name in lists.names(
                    self.settings.root / folders.lists[split],
                    f"the split {split!r} is wanted",
                    f"datasets.{self.name}.splits",
                )
            ),
            key=lambda source: source.id,
        )

    def _video(self, folders: SequenceFolders, name: str, split: str) -> VideoSource:
        frames = self._images(folders.frames, name, "frame", folders.lists[split])
        masks = self._images(folders.masks, name, "mask", folders.lists[split])
        for stem, mask in masks.items():
            if stem not in frames:
                raise StoreError(
                    f"{mask}: is the mask of no frame, as {folders.frames}/{name} has none of this "
                    f"name; {DOCS} says what belongs there"
                )
        return VideoSource(
            id=name,
            split=split,
            path=str(self.settings.root / folders.frames / name),
            frame_files=tuple(str(file) for file in frames.values()),
            annotation_files=tuple(str(masks.get(stem, "")) for stem in frames),
            annotation_kind="instances",
            numbered=folders.numbered,
        )

    def _images(self, top: str, name: str, role: str, list_file: str) -> dict[str, Path]:
        folder = self.settings.root / top / name
        if not folder.is_dir() or not (images := search.images(folder)):
            raise StoreError(
                f"{folder}: holds no {role}, but {list_file} lists it; {DOCS} says what belongs "
                f"there; complete the download or take the sequence out of the list"
            )
        return images
