"""Predictions of a benchmark: label maps of its frames, with the time they took."""

import logging
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from commonfate.base.errors import StoreError
from commonfate.base.files import exclusive
from commonfate.base.progress import track
from commonfate.prediction import crew, replaceable
from commonfate.prediction.crew import Work
from commonfate.prediction.unfinished import Report, Unfinished, key_of

log = logging.getLogger(__name__)


def device_name(device: str) -> str:
    """What a reader of a runtime must know, e.g. `NVIDIA H200` or `CPU, 2 threads`."""
    if device == "cpu":
        return f"CPU, {torch.get_num_threads()} threads"
    return torch.cuda.get_device_name(device)


def check_output(output: str | Path) -> None:
    """Refuse to replace a folder that is not one of predictions.

    Raises:
        ConfigError: `output` is a folder that this program did not make.
    """
    replaceable.check(Path(output), Path(output, "predictions.json"), "segments")


def write(
    output: str | Path,
    work: Work,
    facts: Mapping[str, Any],
    workers: int = 1,
    model: nn.Module | None = None,
) -> None:
    """Segment a benchmark and write its maps and `predictions.json` into a new folder.

    Finished videos survive a kill: with equal `facts["provenance"]` the next call goes on.

    Args:
        output: folder that is made, or replaced, in one step.
        work: what to segment, with which network.
        facts: what else `predictions.json` should hold: run, checkpoint, split, device,
            provenance, with the keys `settings`, `inputs`, `code_sha256` and `device`.
        workers: processes; more than one share the videos.
        model: the network with its weights where this process has it already.

    Raises:
        ConfigError: `output` is a folder that this program did not make, or the CRF does not fit.
        StoreError: of every video a frame, flow or annotation is missing or broken; `output` stays
            as it was. Where it is so of some, they are left out, with the reason.
    """
    check_output(output)
    output, videos = Path(output), work.task.benchmark.videos
    with exclusive(output):
        folder = Unfinished(output)
        folder.open(key_of(facts["provenance"]))
        remaining = [video for video in videos if not _is_finished(folder, video.name)]
        total, left = (
            sum(len(work.task.times(one)) for one in some) for some in (videos, remaining)
        )
        if left < total:
            log.info("%d of %d frames are there already, from a run before", total - left, total)
        done = crew.run(work, folder, remaining, workers, model)
        for _ in track(done, "segmenting", total, start=total - left):
            pass
        reports = {video.name: folder.report(video.name) for video in videos}
        left_out = {name: one.problem for name, one in reports.items() if one.problem is not None}
        if len(left_out) == len(videos):
            problem = next(iter(left_out.values()))
            raise StoreError(f"{output}: none of {len(videos)} videos could be read; {problem}")
        if left_out:
            log.warning(
                "%s: %d of %d videos left out, see left_out in predictions.json",
                *(output, len(left_out), len(videos)),
            )
        finished = {name: one for name, one in reports.items() if name not in left_out}
        found = _summary(work, finished, facts["device"], workers)
        found["left_out"] |= left_out
        folder.publish({**found, **facts})


def _is_finished(folder: Unfinished, video: str) -> bool:
    """Whether a video is segmented; what was left out by a run before is tried again."""
    report = folder.report(video)
    return report is not None and report.problem is None


def _summary(
    work: Work, reports: Mapping[str, Report], device: str, workers: int
) -> dict[str, Any]:
    done = [frame for report in reports.values() for frame in report.frames]
    seconds = [one.seconds for one in done]
    how, adapting = work.task.how, work.adapting
    return {
        "method": work.method.settings.method,
        "description": work.method.description,
        "foreground": work.method.settings.foreground,
        "learns_from": work.method.settings.learns_from,
        "gives": work.method.settings.gives,
        "segments": {
            "components": max(one.components for one in done),
            "groups": max(one.groups for one in done),
        },
        "soft": all(one.groups == 2 for one in done),
        "frames": {name: len(report.frames) for name, report in reports.items()},
        "frames_of": how.frames_of,
        "n_frames": len(done),
        "left_out": dict(work.task.benchmark.left_out),
        "seconds_per_frame": {
            "median": statistics.median(seconds),
            "mean": statistics.fmean(seconds),
            "device": device,
            "processes": workers,
        },
        "frames_with_flow_of_opposite_gap": sum(one.opposite_gap for one in done),
        "resolution": how.resolution,
        "crop": how.crop,
        "crf": how.crf and how.crf.model_dump(mode="json"),
        "adapt_steps": adapting.steps if adapting else 0,
        "seed": adapting and adapting.seed,
        "adaptation": adapting and _adaptation(reports),
    }


def _adaptation(reports: Mapping[str, Report]) -> dict[str, Any]:
    """What became of the adaptation to each video; failures are logged."""
    adapted = {name: report.adapted for name, report in reports.items()}
    for name, facts in adapted.items():
        if facts["problem"] is not None:
            log.warning("%s: segmented without adaptation: %s", name, facts["problem"])
    return adapted
