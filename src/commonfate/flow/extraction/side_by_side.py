"""Pairs side by side: every thread does all that is to be done of one pair, from frames to file."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import cv2
import numpy as np

from commonfate.base.errors import UserError
from commonfate.flow.estimators.provider import FlowProvider, Frames
from commonfate.flow.extraction.overlap import Workers
from commonfate.flow.extraction.work import Ready, VideoWork, Window, frames_of
from commonfate.storage.quantize import quantize

IN_FLIGHT = 3
"""Pairs, for each thread, that may be unfinished: enough that none waits for a frame."""


def run(works: Iterable[VideoWork], provider: FlowProvider, frames: Frames) -> Iterator[int]:
    """Estimate and stage; frames are read in the calling thread, ahead of the others.

    No thread waits for another, not even at the end of a video.

    Yields:
        Numbers of pairs that have been staged since the last one.

    Raises:
        OSError: a pair could not be staged.
    """
    threads = provider.estimator.workers
    window, of_work = Window(), None
    with _one_thread_each(provider), Workers(threads, IN_FLIGHT * threads) as workers:
        for work, step, frame in frames_of(works, provider, frames):
            if of_work is not work:
                window, of_work = Window(), work
            try:
                (encoded,) = provider.estimator.encode([frame])
            except UserError as error:
                work.give_up(error)
                continue
            for ready in window.add(step, encoded):
                yield from workers.submit(_whole_chain, provider, work, ready)
        yield from workers.finish()


def _whole_chain(provider: FlowProvider, work: VideoWork, ready: Ready) -> int:
    unit, pairs = ready
    if work.failure is not None:
        return 0
    try:
        flows = [provider.estimator.estimate_pairs([pair])[0] for pair in pairs]
    except UserError as error:
        work.give_up(error)
        return 0
    staged = 0
    for direction, flow in zip(unit, _checked(flows), strict=True):
        if direction.wanted:
            part = work.parts[direction.gap]
            # OpenCV lays u and v of a pixel side by side.
            planes = np.ascontiguousarray(flow)
            part.write(direction.t, *quantize(planes, part.info.steps_per_pixel))
            staged += 1
    return staged


def _checked(flows: list[np.ndarray]) -> list[np.ndarray]:
    """Both directions of a pair of frames without what they disagree about; one, as it is."""
    if len(flows) == 1:
        return flows
    from commonfate.flow.consistency import consistent

    forward, backward = (flow[None] for flow in flows)
    agreed = consistent(forward, backward)[0], consistent(backward, forward)[0]
    nothing = np.float32(np.nan)
    return [np.where(known, flow, nothing) for known, flow in zip(agreed, flows, strict=True)]


@contextmanager
def _one_thread_each(provider: FlowProvider) -> Iterator[None]:
    """Keep libraries from starting threads of their own inside of ours."""
    with ExitStack() as restored:
        restored.callback(cv2.setNumThreads, cv2.getNumThreads())
        cv2.setNumThreads(1)
        if provider.consistency:  # it is computed by torch, which nothing else needs here
            import torch

            restored.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        yield
