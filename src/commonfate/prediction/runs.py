"""Methods and their trained weights: settings and networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from commonfate.base.errors import ConfigError
from commonfate.base.settings import MethodSettings, from_pairs, parse, to_pairs, unknown
from commonfate.methods.base import TrainedMethod
from commonfate.methods.settings import MethodsConfig, class_of
from commonfate.training import checkpoint

ChooseSnapshot = Callable[[Path, TrainedMethod, nn.Module], tuple[Path, dict[str, Any]]]
"""From a run's folder, its method and its network to a file of weights, and the scores of all."""


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
        name: the method that the run must be of; None allows any.
        pairs: changes, e.g. `merge.features=pixels`.

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
    names = MethodsConfig.model_fields
    if name not in names:
        raise ConfigError(f"{where}: method {name!r}{unknown(name, names)}")
    return class_of(name)


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network, ready to predict; or, for methods without one, nothing.

    Attributes:
        model: on its device; None where nothing is trained.
        weights: file of its weights.
        metadata: for predictions.json.
    """

    model: nn.Module | None
    weights: Path | None
    metadata: dict[str, Any]


NO_NETWORK = TrainedNetwork(
    None,
    None,
    {"run": None, "checkpoint": None, "iteration": None}
    | {"checkpoint_looks_at_ground_truth": False, "snapshot_scores": None},
)


def load(
    run: Path, method: TrainedMethod, device: str, choose: ChooseSnapshot | None = None
) -> TrainedNetwork:
    """Make a run's network and load its weights.

    Args:
        run: the run's folder.
        method: the run's method.
        device: torch device.
        choose: chooses a snapshot by looking at the ground truth; None takes the weights at the end
            of the training.

    Raises:
        StoreError: weights are missing or damaged.
        ConfigError: snapshots cannot be scored on this benchmark.
    """
    model, path, scores = method.build(pretrained=False).to(device), run / "checkpoint.pt", None
    if choose is not None:
        path, scores = choose(run, method, model)
    state = checkpoint.load_weights(path, model, method.kept(model))
    metadata = {
        "run": run.resolve().name,
        "checkpoint": "last" if choose is None else "best",
        "iteration": state["iteration"],
        "checkpoint_looks_at_ground_truth": choose is not None,
        "snapshot_scores": scores,
    }
    return TrainedNetwork(model, path, metadata)
