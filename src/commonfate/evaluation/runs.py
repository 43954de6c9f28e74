"""Methods and their trained weights: settings, networks, the best of a run's snapshots.

Choosing the best snapshot looks at the ground truth, as GWM's released code does to choose its
`checkpoint_best`. What is predicted with it says so.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from torch import nn

from commonfate.config import MethodsConfig
from commonfate.errors import ConfigError, StoreError
from commonfate.evaluation import annotations, foreground
from commonfate.evaluation.crop import central_square
from commonfate.evaluation.protocols import Protocol, score_benchmark
from commonfate.evaluation.score import score_frame, select
from commonfate.evaluation.segmenting import Task, segment
from commonfate.methods.base import TrainedMethod
from commonfate.settings import MethodSettings, from_pairs, parse, to_pairs, unknown
from commonfate.training import checkpoint

log = logging.getLogger(__name__)


def settings_of_method(name: str, pairs: Sequence[str]) -> MethodSettings:
    """Settings of the method called `name`, its defaults changed by `key=value` pairs.

    Raises:
        ConfigError: there is no such method, or a pair is wrong.
    """
    return from_pairs(_settings_class(name, "--method"), pairs)


def settings_of_run(run: Path, name: str | None, pairs: Sequence[str]) -> MethodSettings:
    """Settings with which a run was trained, changed by `key=value` pairs.

    Args:
        run: the run's folder.
        name: the method that it should be of; None takes what it is.
        pairs: changes, e.g. of how components are merged.

    Raises:
        StoreError: the run has no whole checkpoint.
        ConfigError: the run is of another method, or a pair is wrong.
    """
    path = run / "checkpoint.pt"
    state = checkpoint.load(path)
    if name not in (None, state["method"]):
        raise ConfigError(f"{path}: is a run of {state['method']}, not of --method {name}")
    model = _settings_class(state["method"], str(path))
    trained = parse(model, state["settings"], str(path))
    return from_pairs(model, [*to_pairs(trained), *pairs])


def _settings_class(name: str, where: str) -> type[MethodSettings]:
    fields = MethodsConfig.model_fields
    if name not in fields:
        raise ConfigError(f"{where}: method {name!r}{unknown(name, fields)}")
    return fields[name].annotation


@dataclass(frozen=True)
class Network:
    """A trained network, ready to predict; or, for methods without one, nothing.

    Attributes:
        model: on its device; None where nothing is trained.
        weights: the file that its weights were read from.
        facts: what predictions.json says of it.
    """

    model: nn.Module | None
    weights: Path | None
    facts: dict[str, Any]


NO_NETWORK = Network(
    None,
    None,
    {"run": None, "checkpoint": None, "iteration": None}
    | {"checkpoint_looks_at_ground_truth": False, "snapshot_scores": None},
)


def load(
    run: Path,
    which: Literal["last", "best"],
    method: TrainedMethod,
    task: Task,
    protocol: Protocol,
    device: str,
) -> Network:
    """Make a run's network and load its weights.

    Args:
        run: the run's folder.
        which: the weights at the end of the training, or the best snapshot.
        method: the run's method.
        task: what is segmented, to choose the best snapshot by.
        protocol: likewise: which frames count, and how the mean is taken.
        device: torch device.

    Raises:
        StoreError: weights are missing or damaged.
    """
    model, path, scores = method.build(pretrained=False).to(device), run / "checkpoint.pt", None
    if which == "best":
        path, scores = choose_best(run, method, model, task, protocol)
    state = checkpoint.load_weights(path, model)
    facts = {
        "run": run.resolve().name,
        "checkpoint": which,
        "iteration": state["iteration"],
        "checkpoint_looks_at_ground_truth": which == "best",
        "snapshot_scores": scores and {"protocol": protocol.name, "J_oracle": scores},
    }
    return Network(model, path, facts)


def choose_best(
    run: Path, method: TrainedMethod, model: nn.Module, task: Task, protocol: Protocol
) -> tuple[Path, dict[str, float]]:
    """Score every snapshot of a run with the oracle foreground; the earliest of equals wins.

    They are scored as trained, on the annotated frames alone: neither adapted nor by a CRF.

    Args: as for `load`; the weights of `model` are overwritten.

    Returns:
        The best snapshot, and J of every one by its iteration, as in its file name.

    Raises:
        StoreError: the run has no snapshots, or one is damaged.
    """
    snapshots = sorted((run / "snapshots").glob("*.pt"))
    if not snapshots:
        raise StoreError(f"{run}/snapshots: holds no *.pt to choose from; train the run again")
    plain = replace(task, how=replace(task.how, crf=None, frames_of="annotated"))
    scores = {}
    for path in snapshots:
        checkpoint.load_weights(path, model)
        scores[path.stem] = _oracle_score(method, model, plain, protocol, path.stem)
        log.info("%s: J %.4f (oracle, protocol %s)", path, scores[path.stem], protocol.name)
    best = max(snapshots, key=lambda path: scores[path.stem])
    log.info("%s: chosen by looking at the ground truth", best)
    return best, scores


def _oracle_score(
    method: TrainedMethod, model: nn.Module, task: Task, protocol: Protocol, name: str
) -> float:
    oracle = foreground.get("oracle")
    values: dict[str, dict[int, float]] = {}
    for one in segment(method, model, task, f"snapshot {name}"):
        truth, void = annotations.read(one.video.annotations[one.t], one.video.kind)
        if task.how.crop == "square":
            truth, void = central_square(truth), central_square(void)
        _, j = score_frame(one.groups, one.facts.groups, truth, void, oracle)
        values.setdefault(one.video.name, {})[one.t] = j
    return score_benchmark(protocol, select(protocol, task.benchmark, values)).mean
