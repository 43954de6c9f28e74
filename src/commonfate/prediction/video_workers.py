"""Segmentation of videos in this process, or in several that share the videos.

Each process has its own network, and a video's maps do not depend on other videos: the number of
processes changes the time alone (on the CPU to the bit, at equal threads).
"""

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from commonfate.base import processes
from commonfate.base.errors import StoreError, UserError
from commonfate.methods.base import Segmenting, TrainedMethod
from commonfate.prediction import maps
from commonfate.prediction.benchmark import AnnotatedVideo
from commonfate.prediction.segmenting import Segmented, Task, segment_video
from commonfate.prediction.unfinished import Unfinished, VideoReport
from commonfate.training import checkpoint
from commonfate.training.launch import launch

if TYPE_CHECKING:  # Lightning takes seconds, and only adaptation needs it
    from commonfate.prediction.adaptation import AdaptationOptions, Adapter


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """Everything that a process needs to segment videos; can be pickled.

    Attributes:
        method: the method.
        weights: checkpoint or snapshot of its network; None where nothing is trained.
        task: videos, stores and options.
        device: torch device of the network.
        threads: CPU threads of a process; None leaves it to torch.
        adapting: adaptation of the network to each video; None uses the network as it is.
    """

    method: Segmenting
    weights: Path | None
    task: Task
    device: str
    threads: int | None
    adapting: "AdaptationOptions | None" = None


class Segmenter:
    """A process's network, which segments one video after the other.

    Args:
        work: method, weights, videos, options.
        folder: for the maps.
        model: the network with its weights; None makes the network and reads them.
    """

    def __init__(self, work: Work, folder: Unfinished, model: nn.Module | None = None) -> None:
        self._work, self._folder = work, folder
        self._model = model
        self._adapter: Adapter | None = None
        if work.threads:
            torch.set_num_threads(work.threads)
        if work.adapting is not None:
            self._adapter = _adapter(work, work.adapting)
            self._model = self._adapter.network
        elif work.weights is not None and model is None:
            assert isinstance(work.method, TrainedMethod)
            self._model = work.method.build(pretrained=False).to(work.device)
            checkpoint.load_weights(work.weights, self._model, work.method.kept(self._model))

    def video(self, video: AnnotatedVideo) -> Iterator[None]:
        """Adapt to a video if options say so, segment it, write its maps; yields after each frame.

        A video that cannot be read is left out, with the reason.
        """
        try:
            yield from self._video(video)
        except StoreError as error:
            log.warning("%s: left out: %s", video.name, error)
            self._folder.leave_out(video.name, str(error))

    def _video(self, video: AnnotatedVideo) -> Iterator[None]:
        adapted = asdict(self._adapter.adapt(video.name)) if self._adapter else None
        frames = []
        for frame in segment_video(self._work.method, self._model, self._work.task, video):
            _write(self._folder.path, frame)
            frames.append(frame.record)
            yield
        self._folder.finish(video.name, VideoReport(frames, adapted))


def _adapter(work: Work, adapting: "AdaptationOptions") -> "Adapter":
    from commonfate.prediction.adaptation import Adapter

    assert isinstance(work.method, TrainedMethod)
    assert work.weights is not None
    settings = work.method.settings
    fabric = launch(work.device, 1, 1, work.threads, settings.precision, settings.batch_size)
    return Adapter(work.method, work.weights, adapting, fabric)


def _write(folder: Path, frame: Segmented) -> None:
    name = f"{frame.video.name}/{frame.t:05d}.png"
    maps.write_labels(folder / "components" / name, frame.components)
    maps.write_labels(folder / "groups" / name, frame.groups)
    if frame.soft is not None:
        maps.write_probability(folder / "foreground" / name, frame.soft)


def segment_videos(
    work: Work,
    folder: Unfinished,
    videos: Sequence[AnnotatedVideo],
    workers: int,
    model: nn.Module | None,
) -> Iterator[None]:
    """Segment videos; yields for each finished frame.

    Args:
        work: method, weights, videos, options.
        folder: open; gets maps and a report a video.
        videos: some of the task's videos.
        workers: processes; 1 is this one.
        model: the network with its weights, for this process.

    Raises:
        UserError: the settings fit no video, or a process died.
    """
    if workers == 1 or len(videos) < 2:
        segmenter = Segmenter(work, folder, model)
        for video in videos:
            yield from segmenter.video(video)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(videos)),
        mp_context=multiprocessing.get_context("spawn"),  # neither CUDA nor Zarr survives a fork
        initializer=_begin,
        initargs=(work, folder),
    )
    try:
        # The longest first, so that no process is left alone with it at the end.
        longest = sorted(videos, key=lambda video: -len(work.task.times(video)))
        with processes.shielded():
            futures = [pool.submit(_segment, video) for video in longest]
        with processes.interruptible(pool):
            yield from _frames(as_completed(futures))
    except BrokenProcessPool as error:
        raise UserError(
            f"--workers {workers}: a process died, perhaps for want of memory; finished videos are "
            "kept: run the same command again, with fewer"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _frames(finished: Iterator[Future[int]]) -> Iterator[None]:
    for future in finished:
        yield from (None for _ in range(future.result()))


_segmenter: Callable[[], Segmenter]
"""Of a process of the pool; made at the first video, so that its errors are those of a video."""


def _begin(work: Work, folder: Unfinished) -> None:
    global _segmenter
    # After kill -9 of the parent nobody else would end this process.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _segmenter = cache(partial(Segmenter, work, folder))


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)


def _segment(video: AnnotatedVideo) -> int:
    return sum(1 for _ in _segmenter().video(video))
