"""Predictions of a benchmark: maps of its frames, and their times."""

import logging
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from commonfate.base.errors import StoreError
from commonfate.base.files import check_replaceable, exclusive
from commonfate.base.progress import track
from commonfate.prediction.benchmark import AnnotatedVideo
from commonfate.prediction.unfinished import Unfinished, VideoReport, key_of
from commonfate.prediction.video_workers import Work, segment_videos

log = logging.getLogger(__name__)


def device_name(device: str) -> str:
    """Device that runtimes are measured on, e.g. `NVIDIA H200` or `CPU, 2 threads`."""
    if device == "cpu":
        return f"CPU, {torch.get_num_threads()} threads"
    return torch.cuda.get_device_name(device)


def check_output(output: str | Path) -> None:
    """Refuse to replace a folder that is not one of predictions.

    Raises:
        ConfigError: `output` is a folder that this program did not make.
    """
    check_replaceable(Path(output), Path(output, "predictions.json"), "segments")


def write(
    output: str | Path,
    work: Work,
    metadata: Mapping[str, Any],
    workers: int = 1,
    model: nn.Module | None = None,
) -> None:
    """Segment a benchmark and write its maps and `predictions.json` into a new folder.

    Finished videos survive a kill: with equal `metadata["provenance"]` the next call goes on.

    Args:
        output: folder that is made, or replaced, in one step.
        work: method, weights, videos, options.
        metadata: further keys of `predictions.json`: run, checkpoint, split, device, provenance,
            the latter with the keys `settings`, `inputs`, `code_sha256` and `device`.
        workers: processes; more than one share the videos.
        model: the network with its weights, if this process has it already.

    Raises:
        ConfigError: `output` is a folder that this program did not make, or the CRF does not fit.
        StoreError: no video can be read; `output` stays as it was. If some videos can, the others
            are left out, with the reason.
    """
    check_output(output)
    output, videos = Path(output), work.task.benchmark.videos
    with exclusive(output):
        folder = Unfinished(output)
        folder.open(key_of(metadata["provenance"]))
        remaining = [video for video in videos if not _is_finished(folder, video.name)]
        total, left = _count_frames(work, videos), _count_frames(work, remaining)
        if left < total:
            log.info("%d of %d frames are there already, from a run before", total - left, total)
        finished_frames = segment_videos(work, folder, remaining, workers, model)
        for _ in track(finished_frames, "segmenting", total, start=total - left):
            pass
        reports = {video.name: folder.report(video.name) for video in videos}
        segmented, left_out = {}, {}
        for name, report in reports.items():
            assert report is not None  # every video is finished now
            if report.problem is None:
                segmented[name] = report
            else:
                left_out[name] = report.problem
        if not segmented:
            problem = next(iter(left_out.values()))
            raise StoreError(f"{output}: none of {len(videos)} videos could be read; {problem}")
        if left_out:
            log.warning(
                "%s: %d of %d videos left out, see left_out in predictions.json",
                *(output, len(left_out), len(videos)),
            )
        summary = _summary(work, segmented, metadata["device"], workers)
        summary["left_out"] |= left_out
        folder.publish({**summary, **metadata})


def _count_frames(work: Work, videos: Sequence[AnnotatedVideo]) -> int:
    return sum(len(work.task.times(video)) for video in videos)


def _is_finished(folder: Unfinished, video: str) -> bool:
    """True if a video is segmented; one that an earlier run left out is tried again."""
    report = folder.report(video)
    return report is not None and report.problem is None


def _summary(
    work: Work, reports: Mapping[str, VideoReport], device: str, workers: int
) -> dict[str, Any]:
    frames = [frame for report in reports.values() for frame in report.frames]
    seconds = [frame.seconds for frame in frames]
    options, adapting = work.task.options, work.adapting
    return {
        "method": work.method.settings.method,
        "description": work.method.description,
        "foreground": work.method.settings.foreground,
        "learns_from": work.method.settings.learns_from,
        "gives": work.method.settings.gives[0],
        "segments": {
            "components": max(frame.components for frame in frames),
            "groups": max(frame.groups for frame in frames),
        },
        "soft": all(frame.groups == 2 for frame in frames),
        "frames": {name: len(report.frames) for name, report in reports.items()},
        "frames_of": options.frames_of,
        "n_frames": len(frames),
        "left_out": dict(work.task.benchmark.left_out),
        "seconds_per_frame": {
            "median": statistics.median(seconds),
            "mean": statistics.fmean(seconds),
            "device": device,
            "processes": workers,
        },
        "frames_with_flow_of_opposite_gap": sum(frame.opposite_gap for frame in frames),
        "resolution": options.resolution,
        "crop": options.crop,
        "crf": options.crf and options.crf.model_dump(mode="json"),
        "adapt_steps": adapting.steps if adapting else 0,
        "seed": adapting and adapting.seed,
        "adaptation": adapting and _adaptation(reports),
    }


def _adaptation(reports: Mapping[str, VideoReport]) -> dict[str, Any]:
    """Outcome of the adaptation to each video; failures are logged."""
    outcomes = {name: report.adapted for name, report in reports.items()}
    for name, outcome in outcomes.items():
        assert outcome is not None  # adaptation was asked for
        if outcome["problem"] is not None:
            log.warning("%s: segmented without adaptation: %s", name, outcome["problem"])
    return outcomes
