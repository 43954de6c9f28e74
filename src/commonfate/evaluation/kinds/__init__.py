"""Kinds of evaluation, by what a method gives (`gives` of its settings).

A new kind is a subclass of `EvaluationKind` in a module of its own, and a line in `KINDS`. Nothing
here imports numpy or torch: configuration and plan ask the kinds every time Snakemake starts.
"""

from collections.abc import Mapping

from commonfate.base.errors import ConfigError
from commonfate.base.settings import MethodSettings, unknown
from commonfate.evaluation.kinds.base import EvaluationKind, Metric, PredictionKind, Scoring
from commonfate.evaluation.kinds.classes import Classes
from commonfate.evaluation.kinds.features import Features
from commonfate.evaluation.kinds.masks import Masks

__all__ = ["KINDS", "EvaluationKind", "Metric", "PredictionKind", "Scoring", "metric", "metrics"]
__all__ += ["of_predictions", "of_rule", "predicted_by", "rules", "scoring_predictions", "scorings"]
__all__ += ["with_scoring"]

KINDS: Mapping[str, EvaluationKind] = {kind.name: kind for kind in (Masks(), Classes(), Features())}


def metrics() -> dict[str, Metric]:
    """Metrics of all kinds, by name."""
    return {metric.name: metric for kind in KINDS.values() for metric in kind.metrics}


def metric(name: str) -> Metric:
    """A metric; those of a sequence, e.g. `J_decay`, are in percent, too."""
    return metrics().get(name, Metric(name))


def scorings() -> tuple[str, ...]:
    """Names of the scorings of all kinds."""
    return tuple(dict.fromkeys(name for kind in KINDS.values() for name in kind.scorings))


def with_scoring(name: str) -> list[EvaluationKind]:
    """The kinds that have a scoring of this name."""
    return [kind for kind in KINDS.values() if name in kind.scorings]


def of_rule(name: str) -> EvaluationKind:
    """The kind that has a rule of this name.

    Raises:
        KeyError: there is no such rule.
    """
    return {rule: kind for kind in KINDS.values() for rule in kind.rules}[name]


def of_predictions() -> tuple[PredictionKind, ...]:
    """The kinds that score predictions."""
    return tuple(kind for kind in KINDS.values() if isinstance(kind, PredictionKind))


def predicted_by(settings: MethodSettings) -> PredictionKind:
    """The kind that scores the predictions of a method.

    Raises:
        ConfigError: the method predicts nothing; it only has features.
    """
    for kind in of_predictions():
        if kind.name in settings.gives:
            return kind
    raise ConfigError(
        f"method {settings.method} predicts no segments, it gives {' and '.join(settings.gives)}"
    )


def rules() -> tuple[str, ...]:
    """The names that `--foreground` may have: rules of the kinds that score predictions."""
    return tuple(rule for kind in of_predictions() for rule in kind.rules)


def scoring_predictions(rule: str) -> PredictionKind:
    """The kind that scores predictions by a rule of this name.

    Raises:
        ConfigError: there is no such rule.
    """
    for kind in of_predictions():
        if rule in kind.rules:
            return kind
    raise ConfigError(f"foreground {rule!r}{unknown(rule, rules())}")
