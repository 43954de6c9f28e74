"""Choice of the best of a run's snapshots.

The choice looks at the ground truth, like that of `checkpoint_best` in GWM's released code, and the
predictions say so. It uses the frames and the rule by which the predictions will be scored.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from torch import nn

from commonfate.base.errors import StoreError
from commonfate.evaluation import kinds, record
from commonfate.evaluation.protocols import Protocol
from commonfate.methods.base import Segmenting, TrainedMethod
from commonfate.prediction.benchmark import Benchmark
from commonfate.prediction.segmenting import Task, segment
from commonfate.training import checkpoint

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """The way in which snapshots are scored.

    Attributes:
        protocol: the frames that count, and the mean.
        foreground: one of `kinds.rules`; None is that of the method, see `EvaluationKind.rule_of`.
    """

    protocol: Protocol
    foreground: str | None = None


def choose_best(
    run: Path, method: TrainedMethod, model: nn.Module, task: Task, choice: Choice
) -> tuple[Path, dict[str, Any]]:
    """Score every snapshot of a run; the earliest of equals wins.

    They are scored as trained, on the scored frames alone: neither adapted nor by a CRF; by the
    main metric of the evaluation, i.e. J, or the mIoU of classes.

    Args:
        run: the run's folder.
        method: the run's method.
        model: its network; its weights are overwritten.
        task: the segmentation.
        choice: protocol and rule of the scores.

    Returns:
        The best snapshot, and the record of the choice: `protocol`, `foreground`, `metric`,
        `frames` (their number), and `scores`, by the iteration in the snapshot's file name.

    Raises:
        StoreError: the run has no snapshots, or one is damaged, or no frame counts.
        ConfigError: the rule does not fit the method, or the method predicts classes and the
            annotations are none.
    """
    snapshots = sorted((run / "snapshots").glob("*.pt"))
    if not snapshots:
        raise StoreError(f"{run}/snapshots: holds no *.pt to choose from; train the run again")
    kind, protocol = kinds.predicted_by(method.settings), choice.protocol
    rule = choice.foreground or kind.rule_of(method.settings)
    kind.check_rule(rule, method.settings)
    kind.check_benchmark(task.benchmark, "--checkpoint best")
    metric = kind.main_metric
    scored = record.scored_frames(protocol, task.benchmark)
    options = replace(task.options, crf=None, frames_of="annotated")
    plain = replace(task, benchmark=_only(task.benchmark, scored), options=options)
    scores = {}
    for path in snapshots:
        checkpoint.load_weights(path, model, method.kept(model))
        frames = segment(cast(Segmenting, method), model, plain, f"snapshot {path.stem}")
        score = scores[path.stem] = kind.snapshot_score(frames, protocol, rule, task.options.crop)
        log.info("%s: %s %.4f (%s, protocol %s)", path, metric, score, rule, protocol.name)
    best = max(snapshots, key=lambda path: scores[path.stem])
    log.info("%s: chosen by looking at the ground truth", best)
    record_of_choice = {"protocol": protocol.name, "foreground": rule, "metric": metric}
    return best, {**record_of_choice, "scores": scores, "frames": len(plain.benchmark)}


def _only(benchmark: Benchmark, frames: Mapping[str, Sequence[int]]) -> Benchmark:
    """A benchmark of some of its annotated frames, by video."""
    videos = [
        replace(video, annotations={t: video.annotations[t] for t in frames[video.name]})
        for video in benchmark.videos
        if video.name in frames
    ]
    return replace(benchmark, videos=videos)
