"""DAVIS 2016 in its official layout (Perazzi et al., CVPR 2016).

JPEGImages/480p/blackswan/00000.jpg
Annotations/480p/blackswan/00000.png
ImageSets/480p/val.txt                 /JPEGImages/... /Annotations/..., a line a frame
"""

from pathlib import Path

from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import search
from commonfate.datasets.base import VideoSource
from commonfate.datasets.layouts import check_root
from commonfate.datasets.settings import DavisConfig


class Davis:
    """Sequences in the order of the official lists; frames are read in place."""

    def __init__(self, name: str, settings: DavisConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the sequences of the wanted splits, sorted by id.

        Raises:
            ConfigError: the root does not exist or is empty, or the list of a split does not exist.
            StoreError: a line is not a pair, an image is listed twice, or a listed file is missing.
        """
        check_root(self.name, self.settings)
        sources = [source for split in self.settings.splits for source in self._sequences(split)]
        return sorted(sources, key=lambda source: source.id)

    def _sequences(self, split: str) -> list[VideoSource]:
        list_file = self._list_file(split)
        sequences: dict[Path, list[tuple[Path, Path]]] = {}
        for image, annotation in _pairs(list_file, self.settings.root):
            sequences.setdefault(image.parent, []).append((image, annotation))
        _check_presence(
            list_file, [file for p in sequences.values() for pair in p for file in pair]
        )
        return [
            VideoSource(
                id=folder.name,
                split=split,
                path=str(folder),
                frame_files=tuple(str(image) for image, _ in pairs),
                annotation_files=tuple(str(annotation) for _, annotation in pairs),
                annotation_kind=self.settings.annotation_kind,
            )
            for folder, pairs in sequences.items()
        ]

    def _list_file(self, split: str) -> Path:
        root, resolution = self.settings.root, self.settings.resolution
        key = f"datasets.{self.name}"
        lists = root / "ImageSets" / resolution
        path = lists / f"{split}.txt"
        if not path.is_file():
            names = sorted(file.stem for file in lists.glob("*.txt"))
            usable = ", ".join(name for name in names if name in ("train", "val"))
            advice = f"set {key}.splits to [{usable}]" if usable else f"check {key}.root"
            raise ConfigError(f"{path}: no such list, but the split {split!r} is wanted; {advice}")
        return path


def _pairs(list_file: Path, root: Path) -> list[tuple[Path, Path]]:
    pairs: list[tuple[Path, Path]] = []
    first: dict[Path, int] = {}
    for number, line in search.lines(list_file):
        names = line.split()
        if len(names) != 2:
            raise StoreError(
                f"{list_file}, line {number}: expected an image and its annotation, "
                f"found {line[:80]!r}; take the list of the official download"
            )
        image, annotation = (root / name.lstrip("/") for name in names)
        if image in first:
            raise StoreError(
                f"{list_file}, line {number}: lists {image} again, after line {first[image]}; "
                f"delete one of the two lines"
            )
        first[image] = number
        pairs.append((image, annotation))
    if not pairs:
        raise StoreError(f"{list_file}: the list is empty; take that of the official download")
    return pairs


def _check_presence(list_file: Path, files: list[Path]) -> None:
    """Refuse missing files; single queries are slow on network disks, so folders are listed."""
    present: dict[Path, set[str]] = {}
    for file in files:
        folder = file.parent
        if folder not in present:
            if not folder.is_dir():
                raise StoreError(
                    f"{folder}: no such folder, but {list_file} lists its files; "
                    f"complete the download"
                )
            present[folder] = {entry.name for entry in folder.iterdir()}
        if file.name not in present[folder]:
            raise StoreError(
                f"{file}: missing, but {list_file} lists it; complete the download or take the "
                f"sequence out of the list"
            )
