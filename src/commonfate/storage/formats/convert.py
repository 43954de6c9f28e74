"""Converting flow between stores and folders, a video at a time; what fails is left out and named.

A source is a `storage.flow.FlowReader` or a `folder.FlowFolder`: they have the same methods.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.base.progress import track
from commonfate.storage.flow_info import FlowInfo
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.flow_writer import FlowWriter
from commonfate.storage.formats.folder import FlowFolder
from commonfate.storage.formats.folder_writer import FlowFolderWriter
from commonfate.storage.formats.tally import Tally
from commonfate.storage.quantize import quantize

Source = FlowReader | FlowFolder
Part = tuple[str, int]
"""Video and gap."""
One = Callable[[int, np.ndarray], Tally]
"""Converts the flow of a frame."""
Run = Callable[[Sequence[int], One], Iterator[Tally]]
"""Does that for some frames, in threads; yields in order."""


def parts_of(source: Source, videos: Sequence[str] = (), gaps: Sequence[int] = ()) -> list[Part]:
    """Videos and gaps of a source, only the named ones where some are named.

    Raises:
        StoreError: the source does not hold one that is named.
    """
    unknown = [video for video in videos if video not in source.videos]
    if unknown:
        known = ", ".join(source.videos[:8]) + (", ..." if len(source.videos) > 8 else "")
        raise StoreError(f"video {unknown[0]!r} is not there; there are {known}")
    chosen = [video for video in source.videos if not videos or video in videos]
    parts = [(video, gap) for video in chosen for gap in source.gaps(video)]
    found = [part for part in parts if not gaps or part[1] in gaps]
    if not found:
        known = sorted({gap for _, gap in parts})
        raise StoreError(f"no flow of gap {', '.join(map(str, gaps))}; there are gaps {known}")
    return found


def to_store(source: Source, parts: Sequence[Part], writer: FlowWriter, threads: int = 1) -> Tally:
    """Convert to a store, pair by pair; pairs that the writer has are not converted again.

    Args:
        source: where flow comes from.
        parts: what of it.
        writer: entered already.
        threads: pairs that are converted at once; the store does not depend on it.
    """

    def convert(info: FlowInfo, run: Run) -> Iterator[Tally]:
        saturated = _saturated(source, info)
        target = writer.part(info.video, info.gap, info.frames, (info.height, info.width))

        def one(t: int, flow: np.ndarray) -> Tally:
            steps, lost = quantize(flow, writer.steps_per_pixel)
            lost = max(lost, saturated.get(t, 0))
            target.write(t, steps, lost)
            pair = Tally.of(flow, lost)
            pair.measure(flow, steps, writer.steps_per_pixel)
            return pair

        yield from run(target.missing, one)

    return _convert(source, parts, convert, threads)


def to_folder(
    source: Source, parts: Sequence[Part], writer: FlowFolderWriter, threads: int = 1
) -> Tally:
    """Convert to a folder, video by video; videos that are there are not converted again.

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
    # Stores are read by one thread at a time; what takes long is decoding and encoding of files.
    lock = threading.Lock() if isinstance(source, FlowReader) else nullcontext()

    def work() -> Iterator[None]:
        with ThreadPoolExecutor(threads) as pool:
            for info in infos:

                def run(ts: Sequence[int], one: One, info: FlowInfo = info) -> Iterator[Tally]:
                    return _map(pool, lambda t: one(t, _read(source, info, t, lock)), ts)

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
    """As `pool.map`, but nothing runs any more when it ends, however it ends."""
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
    """Go on after a damaged file, and note it."""
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
    """Pixels of each pair that saturated when the source was made."""
    if not isinstance(source, FlowReader):
        return {}
    counts = source.pair_counts(info.video, info.gap)["saturated"]
    return dict(zip(info.sources, counts, strict=True))
