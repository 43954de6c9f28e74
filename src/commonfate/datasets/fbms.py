"""FBMS-59 (Ochs, Malik, Brox, PAMI 2014), as its authors ship it or cleaned.

Trainingset/bear01/bear01_0001.jpg
Trainingset/bear01/GroundTruth/bear01_0001_gt.ppm     some frames only; .ppm or .pgm
Testset/...

FBMS_clean, which MotionGrouping's tools/FBMS_clean.py makes of it:
JPEGImages/bear01/00001.jpg            frames counted from 1
Annotations/bear01/00001.png           binary
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import search
from commonfate.datasets.base import VideoSource
from commonfate.datasets.layouts import FBMS_FOLDERS, check_root
from commonfate.datasets.settings import FbmsConfig

# fmt: off
TEST_SEQUENCES = frozenset((
    "camel01", "cars1", "cars10", "cars4", "cars5", "cats01", "cats03", "cats06", "dogs01",
    "dogs02", "farm01", "giraffes01", "goats01", "horses02", "horses04", "horses05", "lion01",
    "marple12", "marple2", "marple4", "marple6", "marple7", "marple9", "people03", "people1",
    "people2", "rabbits02", "rabbits03", "rabbits04", "tennis",
))
# fmt: on
"""The test set; the cleaned layout does not separate it from the training set."""

THRESHOLDS = {"marple7": 0.05, "marple2": 0.4}
"""Grey (of 1) above which a pixel is foreground; 0.1 in all other sequences."""


class Fbms:
    """Sequences whose ground truth exists for some frames only."""

    def __init__(self, name: str, settings: FbmsConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the sequences of the wanted splits, sorted by id.

        Raises:
            ConfigError: the root does not exist or is empty, or it has no folder of a split.
            StoreError: a sequence lacks frames or ground truth, or the two do not match.
        """
        check_root(self.name, self.settings)
        clean = (self.settings.root / "JPEGImages").is_dir()
        sources = self._clean() if clean else self._official()
        return sorted(sources, key=lambda source: source.id)

    def _official(self) -> Iterator[VideoSource]:
        for split in self.settings.splits:
            top = self.settings.root / FBMS_FOLDERS[split]
            if not top.is_dir():
                raise ConfigError(
                    f"{top}: no such folder, but the split {split!r} is wanted; put it there or "
                    f"set datasets.{self.name}.splits"
                )
            for folder in search.subfolders(top):
                kind = f"fbms:{THRESHOLDS.get(folder.name, 0.1)}"
                yield _sequence(folder, split, folder / "GroundTruth", kind)

    def _clean(self) -> Iterator[VideoSource]:
        for folder in search.subfolders(self.settings.root / "JPEGImages"):
            split = "val" if folder.name in TEST_SEQUENCES else "train"
            if split in self.settings.splits:
                annotations = self.settings.root / "Annotations" / folder.name
                yield _sequence(folder, split, annotations, self.settings.annotation_kind)


def _sequence(folder: Path, split: str, annotations: Path, kind: str) -> VideoSource:
    frames = _by_number(search.images(folder).values())
    if not frames:
        raise StoreError(f"{folder}: holds no frame; complete the download of FBMS-59")
    labels = _by_number(_label_files(annotations))
    if not labels:
        raise StoreError(f"{annotations}: holds no ground truth; complete the download of FBMS-59")
    for number, label in labels.items():
        if number not in frames:
            raise StoreError(f"{label}: annotates frame {number}, which {folder} does not have")
    return VideoSource(
        id=folder.name,
        split=split,
        path=str(folder),
        frame_files=tuple(str(frames[number]) for number in sorted(frames)),
        annotation_files=tuple(str(labels.get(number, "")) for number in sorted(frames)),
        annotation_kind=kind,
    )


def _label_files(folder: Path) -> list[Path]:
    """Label images; .pgm files beside .ppm files are no labels."""
    if not folder.is_dir():
        return []
    files = [
        file
        for suffixes in ({".ppm"}, {".pgm"}, {".png"})
        for file in search.images(folder, frozenset(suffixes)).values()
        if "PROB" not in file.name
    ]
    return [file for file in files if file.suffix.lower() == files[0].suffix.lower()]


def _by_number(files: Iterable[Path]) -> dict[int, Path]:
    """Files by the last number in their names, e.g. 1 for bear01_0001_gt.ppm."""
    by_number: dict[int, Path] = {}
    for file in files:
        match = re.search(r"([0-9]+)[^0-9]*$", file.stem)
        if match is None:
            raise StoreError(f"{file}: has no frame number in its name")
        number = int(match[1])
        if number in by_number:
            raise StoreError(
                f"{file}: {by_number[number].name} is of frame {number}, too; delete one"
            )
        by_number[number] = file
    return by_number
