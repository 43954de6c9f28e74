"""Folders of flow files, read through the interface of a store.

Each file is a pair: `{gap}/{video}/{t:05d}.flo` (or another ending) holds the flow from frame t to
t + gap. If the gap is given, the path above the files is the name of the video: `{video}/` at any
depth, or the folder's own name for files directly in it. The last number in a file's name is its
frame, so `frame_0001.flo` is read as well. Numbers must be without holes; the number of frames of
the video follows from them.

KITTI and HD1K keep all sequences in one folder, `{sequence}_{frame}.png`: each sequence is a video,
`{video}/{sequence}`. If a sequence has a single file, as all of KITTI's (`000000_10.png`), its
number does not count: its flow is from the first frame to the next.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from commonfate.base.errors import ConfigError
from commonfate.storage.damage import broken
from commonfate.storage.flow_info import FlowInfo
from commonfate.storage.formats import FORMATS, Format
from commonfate.storage.store import node_name

GAP = re.compile(r"-?[1-9]\d*")
IN_SEQUENCE = re.compile(r"(\d+)_(\d+)")
"""Name of a file in a folder of several sequences: sequence, frame."""


def guess(folder: Path) -> Format:
    """The format of a folder's files, by their endings; other files are ignored.

    Raises:
        ConfigError: the folder holds files of several formats, or of none.
    """
    endings = {path.suffix.lower() for path in _files(folder)}
    candidates = [form for form in FORMATS.values() if endings & set(form.suffixes)]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        names = " and ".join(form.name for form in candidates)
        raise ConfigError(f"{folder}: holds files that may be {names}; choose one by --from")
    suffixes = ", ".join(f"{form.suffixes[0]} ({form.name})" for form in FORMATS.values())
    raise ConfigError(f"{folder}: holds no flow; flow is in files that end in {suffixes}")


class FlowFolder:
    """Read a folder.

    Args:
        folder: the folder.
        form: the format of its files; other files are ignored.
        gap: of all its flow; None if the first level of folders names the gaps.
        first: number of the first frame of a video in the names of files.
        every: step of the numbers from frame to frame.

    Raises:
        ConfigError: the folder of a file does not follow the convention.
    """

    def __init__(
        self,
        folder: str | Path,
        form: Format,
        gap: int | None = None,
        first: int = 0,
        every: int = 1,
    ) -> None:
        self.folder = Path(folder)
        self.form = form
        self._first, self._every = first, every
        self._videos: dict[str, dict[int, list[Path]]] = {}
        self._frames: dict[tuple[str, int], dict[int, Path]] = {}
        paths = [path for path in _files(self.folder) if path.suffix.lower() in form.suffixes]
        self._shared = _shared(paths)
        for path in paths:
            video, its_gap = self._place(path, gap)
            self._videos.setdefault(video, {}).setdefault(its_gap, []).append(path)
        if not self._videos:
            endings = " or ".join(form.suffixes)
            raise ConfigError(
                f"{folder}: holds no file that ends in {endings}, as {form.name} does"
            )

    @property
    def videos(self) -> list[str]:
        """Names of the videos, sorted."""
        return sorted(self._videos)

    @property
    def files(self) -> list[Path]:
        """All files of the format, sorted."""
        return sorted(p for gaps in self._videos.values() for paths in gaps.values() for p in paths)

    def gaps(self, video: str) -> list[int]:
        """Gaps of a video, ascending."""
        return sorted(self._videos[video])

    def info(self, video: str, gap: int) -> FlowInfo:
        """Number of frames of a video, by its files, and the size of the first file's flow.

        Raises:
            StoreError: the numbers of the files have holes, repeat or begin elsewhere, or the
                first file is damaged.
        """
        files = self._numbered(video, gap)
        _, height, width = self.form.read(files[min(files)]).shape
        frames = len(files) + abs(gap)
        return FlowInfo(video, gap, frames, height, width, self.form.steps_per_pixel)

    def read(self, video: str, gap: int, t: int) -> np.ndarray:
        """Flow from frame t to t + gap, (2, H, W) float32, pixels; NaN where there is no value.

        Raises:
            StoreError: the file is damaged, or the numbers are not in order.
        """
        return self.form.read(self._numbered(video, gap)[t])

    def _place(self, path: Path, gap: int | None) -> tuple[str, int]:
        above = path.relative_to(self.folder).parts[:-1]
        if gap is None:
            if len(above) < 2 or not GAP.fullmatch(above[0]):
                raise ConfigError(
                    f"{path}: lies not in GAP/VIDEO/ of {self.folder}, as in 1/bear/00000.flo; "
                    "if all flow has the same gap, give it by --gap"
                )
            gap, above = int(above[0]), above[1:]
        if path.parent in self._shared:
            above = (*above, path.stem.partition("_")[0])
        return "/".join(_video_name(part) for part in above or [self.folder.resolve().name]), gap

    def _numbered(self, video: str, gap: int) -> dict[int, Path]:
        if (video, gap) not in self._frames:
            files = self._videos[video][gap]
            if len(files) == 1 and files[0].parent in self._shared:
                self._frames[video, gap] = {max(0, -gap): files[0]}
                return self._frames[video, gap]
            numbers = _numbers(files)
            _check(numbers, gap, self._first, self._every)
            self._frames[video, gap] = {
                (number - self._first) // self._every: path for number, path in numbers.items()
            }
        return self._frames[video, gap]


def _shared(paths: Sequence[Path]) -> set[Path]:
    """Folders that hold several sequences.

    A folder of one sequence with several files is a video with the folder's name. Files that are
    named by both frames of a pair, `0001_0002.flo`, are no sequences either: their two numbers are
    always equally far apart.
    """
    names: dict[Path, list[re.Match[str] | None]] = {}
    for path in paths:
        names.setdefault(path.parent, []).append(IN_SEQUENCE.fullmatch(path.stem))
    shared = set()
    for folder, matches in names.items():
        sequences = {match[1] for match in matches if match}
        apart = {int(match[2]) - int(match[1]) for match in matches if match}
        several = len(sequences) > 1 and len(apart) > 1
        if all(matches) and (several or len(matches) == 1):
            shared.add(folder)
    return shared


def _files(folder: Path) -> list[Path]:
    """Files at any depth, without hidden ones: files that are being written are hidden."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [p for p in paths if not any(n.startswith(".") for n in p.relative_to(folder).parts)]


def _video_name(folder: str) -> str:
    """Undo `node_name`; other names are kept."""
    name = unquote(folder)
    return name if node_name(name) == folder else folder


def _numbers(files: Sequence[Path]) -> dict[int, Path]:
    numbers: dict[int, Path] = {}
    for path in files:
        digits = re.findall(r"\d+", path.stem)
        if not digits:
            raise broken(path, "has no number in its name", "name it by its frame, as 00000")
        number = int(digits[-1])
        if number in numbers:
            problem = f"has the number {number}, which {numbers[number].name} has too"
            raise broken(
                path, problem, "put the files of a video, and only these, into its own folder"
            )
        numbers[number] = path
    return numbers


def _check(files: dict[int, Path], gap: int, first: int, every: int) -> None:
    """Refuse numbers that do not begin at the first frame of the gap or do not grow by `every`."""
    order = sorted(files)
    folder = files[order[0]].parent
    for before, after in pairwise(order):
        if after - before != every:
            between = f"between {files[before].name} and {files[after].name}"
            advice = "copy what is missing, or say by --every how the numbers grow"
            raise broken(folder, f"number {before + every} is missing {between}", advice)
    begin = first + max(0, -gap) * every
    if order[0] != begin:
        problem = f"begins with {files[order[0]].name}, but flow of gap {gap} begins at {begin}"
        advice = f"copy what is missing, or give --first {order[0] - begin + first}"
        raise broken(folder, problem, advice)
