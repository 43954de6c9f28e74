"""A process that segments dies, e.g. for want of memory: one line, and what is done is kept."""

import os

import pytest

from commonfate.base.errors import UserError
from commonfate.prediction import video_workers
from commonfate.prediction.benchmark import AnnotatedVideo, Benchmark
from commonfate.prediction.segmenting import Task
from commonfate.prediction.unfinished import Unfinished


@pytest.fixture
def killed_pool(monkeypatch):
    """Processes that die of whatever they are given to do."""

    class Pool(video_workers.ProcessPoolExecutor):
        def __init__(self, *_, **__):
            super().__init__(1, mp_context=video_workers.multiprocessing.get_context("spawn"))

        def submit(self, *_):
            return super().submit(os.abort)

    monkeypatch.setattr(video_workers, "ProcessPoolExecutor", Pool)


def test_a_killed_process_is_said(tmp_path, killed_pool):
    videos = [AnnotatedVideo(name, 1, "binary", {}) for name in ("cat", "dog")]
    work = video_workers.Work(None, None, Task(Benchmark(videos, {}), None, None), "cpu", 1)
    with pytest.raises(UserError, match="--workers 2: a process died, perhaps for want of memory"):
        list(video_workers.segment_videos(work, Unfinished(tmp_path / "a"), videos, 2, None))
