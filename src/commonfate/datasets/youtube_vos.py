"""YouTube-VOS 2019 (Xu et al., 2018): its training split.

train_all_frames/JPEGImages/0043f083b5/00000.jpg      all frames
train/JPEGImages/0043f083b5/00000.jpg                 every fifth frame
train/Annotations/0043f083b5/00000.png                instances, of every fifth frame; not needed
train/meta.json                                       categories of objects, for labels of classes
"""

import logging
from dataclasses import replace
from pathlib import Path

from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import search, youtube_vos_classes
from commonfate.datasets.base import VideoSource
from commonfate.datasets.layouts import DOCS, YOUTUBE_VOS_FRAMES, YOUTUBE_VOS_LABELS, check_root
from commonfate.datasets.settings import YoutubeVosConfig

log = logging.getLogger(__name__)

FPS = {"all": 30.0, "every_fifth": 6.0}
"""Frames a second, by the setting `frames`."""


class YoutubeVos:
    """Videos of the training split, a folder of frames each; frames are read in place."""

    def __init__(self, name: str, settings: YoutubeVosConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the videos, sorted by id; all are of the split `train` unless some are held out.

        Ground truth is listed if there is any.

        Raises:
            ConfigError: the root does not exist or is empty, or lacks the folder of frames.
            StoreError: a video holds no frame, or an annotation belongs to none; or classes are
                wanted and meta.json is missing or lacks an annotated video.
        """
        folders = self._folders()
        annotated = self._annotated()
        if bare := sorted(annotated.keys() - {folder.name for folder in folders}):
            log.warning(
                "%s: %d videos of %s have no frames in %s, such as %s",
                self.name,
                len(bare),
                YOUTUBE_VOS_LABELS,
                self._frames,
                bare[0],
            )
        kind = self.settings.annotation_kind
        if self._has_classes and kind != "instances":
            raise ConfigError(
                f"datasets.{self.name}: labels classes needs annotation_kind instances, not {kind}"
            )
        kinds = youtube_vos_classes.kinds(self.settings) if self._has_classes else {}
        for name in annotated if self._has_classes else ():
            if name not in kinds:
                raise StoreError(
                    f"{self.settings.root / youtube_vos_classes.META}: has no objects of the "
                    f"annotated video {name}; complete the download of YouTube-VOS"
                )
        sources = [
            replace(
                _video(folder, annotated.get(folder.name), kinds.get(folder.name, kind)),
                split=self._split(folder.name),
                fps=FPS[self.settings.frames],
            )
            for folder in folders
        ]
        return sorted(sources, key=lambda source: source.id)

    def stamps(self) -> dict[str, str]:
        """Times of each video's folders, since looking at half a million frames takes too long.

        A frame or annotation that is added, removed or replaced by another file changes the time
        of its folder; a file that is written over in place does not.
        """
        annotated = self._annotated()
        file = self.settings.root / youtube_vos_classes.META
        meta = [file] if self._has_classes and file.is_file() else []
        return {
            folder.name: "|".join(
                str(place.stat().st_mtime_ns) if place else "-"
                for place in (folder, annotated.get(folder.name), *meta)
            )
            for folder in self._folders()
        }

    def _split(self, video: str) -> str:
        return "val" if youtube_vos_classes.is_held_out(video, self.settings) else "train"

    @property
    def _has_classes(self) -> bool:
        return self.settings.labels == "classes"

    def _folders(self) -> list[Path]:
        """The folder of each video's frames."""
        check_root(self.name, self.settings)
        if not self._frames.is_dir():
            other = next(name for name in YOUTUBE_VOS_FRAMES if name != self.settings.frames)
            raise ConfigError(
                f"{self._frames}: no such folder; {DOCS} says where it comes from; or set "
                f"datasets.{self.name}.frames to {other}"
            )
        folders = search.subfolders(self._frames)
        if not folders:
            raise StoreError(f"{self._frames}: holds no video; {DOCS} says what belongs there")
        return folders

    def _annotated(self) -> dict[str, Path]:
        """The folder of annotations of each video that has one."""
        top = self.settings.root / YOUTUBE_VOS_LABELS
        return {folder.name: folder for folder in search.subfolders(top)} if top.is_dir() else {}

    @property
    def _frames(self) -> Path:
        return self.settings.root / YOUTUBE_VOS_FRAMES[self.settings.frames]


def _video(folder: Path, annotations: Path | None, kind: str) -> VideoSource:
    frames = search.images(folder)
    if not frames:
        raise StoreError(f"{folder}: holds no frame; complete the download of YouTube-VOS")
    labels = search.images(annotations) if annotations else {}
    for stem, label in labels.items():
        if stem not in frames:
            raise StoreError(
                f"{label}: annotates no frame, as {folder} has none of this name; complete the "
                f"download of YouTube-VOS"
            )
    return VideoSource(
        id=folder.name,
        split="train",
        path=str(folder),
        frame_files=tuple(str(file) for file in frames.values()),
        annotation_files=tuple(str(labels.get(stem, "")) for stem in frames) if labels else None,
        annotation_kind=kind if labels else "",
    )
