"""Kinds of evaluation, by the contents of the predictions that they score (`gives` of a method).

A new kind is a subclass of `EvaluationKind` in a module of its own, and a line in `KINDS`. Nothing
here imports numpy or torch: configuration and plan ask the kinds every time Snakemake starts.
"""

from collections.abc import Mapping

from commonfate.base.errors import ConfigError
from commonfate.base.settings import unknown
from commonfate.evaluation.kinds.base import EvaluationKind, Metric, Scoring
from commonfate.evaluation.kinds.classes import Classes
from commonfate.evaluation.kinds.masks import Masks

__all__ = ["KINDS", "EvaluationKind", "Metric", "Scoring", "metric", "metrics", "of_rule"]
__all__ += ["of_scoring", "rules", "scorings"]

KINDS: Mapping[str, EvaluationKind] = {kind.name: kind for kind in (Masks(), Classes())}


def metrics() -> dict[str, Metric]:
    """Metrics of all kinds, by name."""
    return {metric.name: metric for kind in KINDS.values() for metric in kind.metrics}


def metric(name: str) -> Metric:
    """A metric; those of a sequence, e.g. `J_decay`, are in percent, too."""
    return metrics().get(name, Metric(name))


def scorings() -> dict[str, Scoring]:
    """Scorings of all kinds, by name."""
    return {name: scoring for kind in KINDS.values() for name, scoring in kind.scorings.items()}


def rules() -> tuple[str, ...]:
    """Rules of all kinds: the names that `--foreground` may have."""
    return tuple(rule for kind in KINDS.values() for rule in kind.rules)


def of_scoring(name: str) -> EvaluationKind:
    """The kind that has a scoring of this name."""
    return next(kind for kind in KINDS.values() if name in kind.scorings)


def of_rule(name: str) -> EvaluationKind:
    """The kind that has a rule of this name.

    Raises:
        ConfigError: there is no such rule.
    """
    for kind in KINDS.values():
        if name in kind.rules:
            return kind
    raise ConfigError(f"foreground {name!r}{unknown(name, rules())}")
