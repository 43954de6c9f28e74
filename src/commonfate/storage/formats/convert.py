"""Conversion of flow between stores and folders, one video at a time.

A video that cannot be read is left out, with its reason in the `Tally`. A source is a
`storage.flow.FlowReader` or a `folder.FlowFolder`: they have the same methods.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.base.progress import track
from commonfate.storage.flow_info import FlowInfo
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.flow_writer import FlowWriter
from commonfate.storage.formats.folder import FlowFolder
from commonfate.storage.formats.folder_writer import FlowFolderWriter
from commonfate.storage.quantize import LARGEST, dequantize, quantize

Source = FlowReader | FlowFolder
Part = tuple[str, int]
"""Video and gap."""


@dataclass
class Tally:
    """Counts of a conversion.

    Attributes:
        parts: videos and gaps that are in the output and have pairs.
        pairs: their pairs that this run converted; those of an earlier run do not count.
        pixels: of these pairs.
        invalid: pixels with a component that has no value.
        lost: pixels with a value that the output cannot hold.
        values: components whose error was measured.
        error_sum: sum of their quantization errors, pixels.
        error_largest: the largest of them, pixels.
        left_out: reasons, by video and gap.
    """

    parts: int = 0
    pairs: int = 0
    pixels: int = 0
    invalid: int = 0
    lost: int = 0
    values: int = 0
    error_sum: float = 0.0
    error_largest: float = 0.0
    left_out: dict[tuple[str, int], str] = field(default_factory=dict)

    @classmethod
    def of(cls, flow: np.ndarray, lost: int) -> "Tally":
        """Counts of one pair, (2, H, W) float32, with `lost` pixels that the output cannot hold."""
        invalid = int((~np.isfinite(flow)).any(axis=0).sum())
        return cls(pairs=1, pixels=flow[0].size, invalid=invalid, lost=lost)

    def measure(self, flow: np.ndarray, steps: np.ndarray, steps_per_pixel: int) -> None:
        """Add the errors of rounded values; saturated values do not count.

        Args:
            flow: (2, H, W) float32, pixels.
            steps: the same, quantized.
            steps_per_pixel: of the quantization.
        """
        error = np.abs(flow - dequantize(steps, steps_per_pixel))
        error = error[np.isfinite(error) & (np.abs(steps) != LARGEST)]
        self.values += error.size
        self.error_sum += float(error.sum(dtype=np.float64))
        self.error_largest = max(self.error_largest, float(error.max(initial=0)))

    def add(self, other: "Tally") -> None:
        """Add the counts of another tally."""
        for name in ("parts", "pairs", "pixels", "invalid", "lost", "values", "error_sum"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.error_largest = max(self.error_largest, other.error_largest)
        self.left_out |= other.left_out


ConvertPair = Callable[[int, np.ndarray], Tally]
"""Converts the flow of a frame."""
Run = Callable[[Sequence[int], ConvertPair], Iterator[Tally]]
"""Converts the flow of several frames in threads; yields in order."""


def parts_of(source: Source, videos: Sequence[str] = (), gaps: Sequence[int] = ()) -> list[Part]:
    """List videos and gaps of a source.

    Args:
        source: where flow comes from.
        videos: only these; without any, all.
        gaps: only these; without any, all.

    Raises:
        StoreError: the source lacks a video, or has no flow of the gaps.
    """
    unknown = [video for video in videos if video not in source.videos]
    if unknown:
        there = ", ".join(source.videos[:8]) + (", ..." if len(source.videos) > 8 else "")
        raise StoreError(f"video {unknown[0]!r} is not there; there are {there}")
    chosen = [video for video in source.videos if not videos or video in videos]
    parts = [(video, gap) for video in chosen for gap in source.gaps(video)]
    chosen_parts = [part for part in parts if not gaps or part[1] in gaps]
    if not chosen_parts:
        stored = sorted({gap for _, gap in parts})
        raise StoreError(f"no flow of gap {', '.join(map(str, gaps))}; there are gaps {stored}")
    return chosen_parts


def to_store(source: Source, parts: Sequence[Part], writer: FlowWriter, threads: int = 1) -> Tally:
    """Convert to a store, pair by pair; pairs that the writer has already are skipped.

    Args:
        source: where flow comes from.
        parts: videos and gaps to convert.
        writer: entered already.
        threads: pairs that are converted at once; the store does not depend on their number.
    """

    def convert(info: FlowInfo, run: Run) -> Iterator[Tally]:
        saturated = _saturated(source, info)
        target = writer.part(info.video, info.gap, info.frames, (info.height, info.width))

        def convert_pair(t: int, flow: np.ndarray) -> Tally:
            steps, lost = quantize(flow, writer.steps_per_pixel)
            lost = max(lost, saturated.get(t, 0))
            target.write(t, steps, lost)
            pair = Tally.of(flow, lost)
            pair.measure(flow, steps, writer.steps_per_pixel)
            return pair

        yield from run(target.missing, convert_pair)

    return _convert(source, parts, convert, threads)


def to_folder(
    source: Source, parts: Sequence[Part], writer: FlowFolderWriter, threads: int = 1
) -> Tally:
    """Convert to a folder, video by video; videos that the folder has already are skipped.

    Args: as `to_store`.
    """

    def convert(info: FlowInfo, run: Run) -> Iterator[Tally]:
        if writer.has(info.video, info.gap) or not info.sources:
            return
        with writer.part(info.video, info.gap) as write:
            yield from run(info.sources, lambda t, flow: Tally.of(flow, write(t, flow)))

    return _convert(source, parts, convert, threads)


def _convert(
    source: Source,
    parts: Sequence[Part],
    convert: Callable[[FlowInfo, Run], Iterator[Tally]],
    threads: int,
) -> Tally:
    tally = Tally()
    infos = []
    for part in parts:
        with _leaving_out(part, tally):
            infos.append(source.info(*part))
    # Stores are read by one thread at a time: most of the time goes into coding of files.
    lock = threading.Lock() if isinstance(source, FlowReader) else nullcontext()

    def work() -> Iterator[None]:
        with ThreadPoolExecutor(threads) as pool:
            for info in infos:

                def run(
                    ts: Sequence[int], convert_pair: ConvertPair, info: FlowInfo = info
                ) -> Iterator[Tally]:
                    return _map(pool, lambda t: convert_pair(t, _read(source, info, t, lock)), ts)

                with _leaving_out((info.video, info.gap), tally):
                    done = Tally(parts=bool(info.sources))
                    for pair in convert(info, run):
                        done.add(pair)
                        yield
                    tally.add(done)

    for _ in track(work(), "pairs converted", sum(len(info.sources) for info in infos)):
        pass
    return tally


def _map(
    pool: ThreadPoolExecutor, function: Callable[[int], Tally], ts: Sequence[int]
) -> Iterator[Tally]:
    """As `pool.map`, but nothing runs any more when the iterator ends, even by an exception."""
    futures = [pool.submit(function, t) for t in ts]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


@contextmanager
def _leaving_out(part: Part, tally: Tally) -> Iterator[None]:
    """Turn the error of a damaged file into an entry of `tally.left_out`."""
    try:
        yield
    except StoreError as error:
        tally.left_out[part] = str(error)


def _read(source: Source, info: FlowInfo, t: int, lock: AbstractContextManager) -> np.ndarray:
    with lock:
        flow = source.read(info.video, info.gap, t)
    if flow.shape != (2, info.height, info.width):
        _, height, width = flow.shape
        raise StoreError(
            f"video {info.video}, gap {info.gap}: flow of frame {t} is {width}x{height}, but that "
            f"of frame {info.sources[0]} {info.width}x{info.height}; a video has one size: put "
            "flow of another size into a folder of its own"
        )
    return flow


def _saturated(source: Source, info: FlowInfo) -> dict[int, int]:
    """Number of saturated pixels by frame, counted when the source was made."""
    if not isinstance(source, FlowReader):
        return {}
    counts = source.pair_counts(info.video, info.gap)["saturated"]
    return dict(zip(info.sources, counts, strict=True))
