"""Settings of the protocols from the command line, and what each protocol reads."""

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel

from commonfate.base.errors import ConfigError
from commonfate.base.settings import Settings, from_pairs, to_pairs, unknown
from commonfate.evaluation.features.benchmarks import AnyFeatureBenchmark, FeatureBenchmark
from commonfate.evaluation.features.settings import ProbeSettings

PROTOCOLS: dict[str, type[FeatureBenchmark]] = {
    get_args(cls.model_fields["kind"].annotation)[0]: cls for cls in get_args(AnyFeatureBenchmark)
}
"""Kinds of benchmark by protocol: truth, features, default view and settings."""


def get(name: str) -> type[FeatureBenchmark]:
    """The kind of benchmark of a protocol.

    Raises:
        ConfigError: there is no such protocol.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"--protocol {name!r}{unknown(name, PROTOCOLS)}")
    return PROTOCOLS[name]


def view_of(name: str) -> str:
    """View that a protocol reads unless another is chosen."""
    fields = PROTOCOLS[name].model_fields["view"]
    return str(get_args(fields.annotation)[0] if fields.is_required() else fields.default)


def default(name: str) -> Settings | None:
    """Settings of a protocol as published; None where it has none."""
    fields = PROTOCOLS[name].model_fields
    return fields["settings"].default if "settings" in fields else None


def of_pairs(names: Sequence[str], pairs: Sequence[str]) -> dict[str, Settings | None]:
    """Settings of some protocols, from texts `key=value` or `protocol.key=value`.

    A key without a protocol is for every protocol that has it.

    Raises:
        ConfigError: a key is of none of the protocols, or a value is not allowed.
    """
    defaults = {name: default(name) for name in names}
    own: dict[str, list[str]] = {name: [] for name in names}
    for pair in pairs:
        first = pair.partition("=")[0].partition(".")[0]
        if first in PROTOCOLS:
            if first not in names:
                raise ConfigError(f"--set {pair}: protocol {first} is not asked for")
            own[first].append(pair.partition(".")[2])
            continue
        having = [name for name, settings in defaults.items() if first in _keys(settings)]
        if not having:
            keys = {key for settings in defaults.values() for key in _keys(settings)}
            raise ConfigError(f"--set {pair}: key {first!r}{unknown(first, sorted(keys))}")
        for name in having:
            own[name].append(pair)
    return {name: _changed(settings, own[name]) for name, settings in defaults.items()}


def names_classes(name: str, pairs: Sequence[str]) -> bool:
    """True if the user states the number of classes of a protocol."""
    keys = {pair.partition("=")[0] for pair in pairs}
    return bool(keys & {"classes", f"{name}.classes"})


def augments(settings: Settings | None) -> bool:
    """True if a head's training images are cropped and flipped anew in each epoch."""
    return isinstance(settings, ProbeSettings) and settings.augmented


def as_scored(settings: Settings | None, released: bool) -> Any:
    """Settings of a scoring."""
    if released and settings is not None and hasattr(settings, "as_released"):
        return settings.as_released()
    return settings


def _keys(settings: BaseModel | None) -> tuple[str, ...]:
    return () if settings is None else tuple(type(settings).model_fields)


def _changed(settings: Settings | None, pairs: Sequence[str]) -> Settings | None:
    if settings is None or not pairs:
        return settings
    return from_pairs(type(settings), [*to_pairs(settings), *pairs])
