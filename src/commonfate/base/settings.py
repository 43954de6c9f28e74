"""Base of all settings: typed, immutable, unknown keys refused, errors a line each."""

import reprlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
)

from commonfate.base.errors import ConfigError, did_you_mean
from commonfate.base.keys import locate

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.]*$", max_length=64)]
"""A name that can be part of a path or a Snakemake wildcard; a hyphen separates parts of a slug."""


class Settings(BaseModel):
    """A group of settings. Every field states its default, its bounds and one sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class MethodSettings(Settings):
    """Settings of a method, with the properties that the plan reads without importing torch."""

    if TYPE_CHECKING:
        method: str  # a Literal in each

    trained: ClassVar[bool]
    """True if the method is trained."""
    reads_frame: ClassVar[bool]
    """True if prediction reads the frame."""
    learns_from: ClassVar[str] = "flow"
    """Kind of its training samples, one of `samples.kinds`."""
    gives: ClassVar[tuple[str, ...]] = ("masks",)
    """Kinds of evaluation that can score it, of `evaluation.kinds`: by soft `masks` of segments, by
    `classes` that have names, by the `features` of its encoder. Or `carried` masks, which
    were given in a first frame; benchmarks of propagation score these."""
    carries_by: ClassVar[Literal["still", "flow"] | None] = None
    """Way of a method without an encoder to carry masks: held still, or moved by flow."""
    not_learnt: ClassVar[tuple[str, ...]] = ()
    """Keys that training does not read; runs that differ only in these share their weights."""
    named: ClassVar[tuple[str, ...]]
    """Keys whose values are part of `slug`."""

    @property
    def reads_flow(self) -> bool:
        """True if prediction reads flow; then there is a `gap`, too."""
        return False

    @property
    def by_video(self) -> bool:
        """True if the frames of a video are segmented together, by their evidence of motion."""
        return False

    def merged_by_motion(self) -> Self | None:
        """The same settings, but components are merged by motion; None if that is not possible."""
        return None

    @property
    def foreground(self) -> str:
        """Rule of `evaluation.masks.foreground` that chooses the foreground without truth."""
        return "unsupervised"

    @property
    def slug(self) -> tuple[str, ...]:
        """Parts of a run's name that distinguish its variant."""
        return tuple(str(getattr(self, key)) for key in self.named)

    def resolved(self, gaps: Collection[int]) -> Self:
        """Settings as a run uses them: values that depend on the data filled in, unused ones reset.

        Args:
            gaps: frame gaps of the stored flow; empty without flow.

        Raises:
            ValueError: settings and data do not go together.
        """
        return self


class TrainedSettings(MethodSettings):
    """Settings of a trained method: those that every training reads."""

    trained: ClassVar[bool] = True
    reads_frame: ClassVar[bool] = True
    batch_size: PositiveInt
    """Samples an iteration."""
    iterations: PositiveInt
    """Optimiser steps."""
    learning_rate: PositiveFloat
    """Largest learning rate of the schedule."""
    flip: bool
    """Mirror half of the samples left-right."""
    clip_norm: PositiveFloat | None
    """Largest 2-norm of the gradient; none: no clipping."""
    snapshots: PositiveInt = 10
    """Number of evenly spaced snapshots of the weights that are kept, for `checkpoint: best`."""
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    """Arithmetic of the network; losses are always float32 or better."""

    @property
    def order(self) -> Literal["samples", "videos", "any_video"]:
        """Order in which samples are drawn, see `samples.sampler.Order`."""
        return "samples"

    @property
    def learns_beside(self) -> str | None:
        """Kind of the samples of a second index, one of which is read beside each; or None."""
        return None


S = TypeVar("S", bound=BaseModel)


def parse(model: type[S], values: Any, where: str) -> S:
    """Validate `values` against `model`.

    Args:
        model: the settings class.
        values: keys and values from YAML or the command line.
        where: file or option that the values come from; every line of the error starts with it.

    Raises:
        ConfigError: one line for each mistake: key, value, what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = _without_follow_ups(error.errors())
        lines = [_line(model, problem, where) for problem in problems]
        raise ConfigError("\n".join(lines)) from None


def unknown(name: str, names: Iterable[str]) -> str:
    """Return ` is unknown; did you mean X? Known: X, Y`, the end of a message that names `name`."""
    names = [str(allowed) for allowed in names]
    listing = f" Known: {', '.join(names)}" if names else ""
    return f" is unknown{did_you_mean(name, names) or '.'}{listing}"


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with `changes`, key by key through nested groups."""
    result = dict(values)
    for key, change in changes.items():
        nested = isinstance(change, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], change) if nested else change
    return result


def from_pairs(model: type[S], pairs: Sequence[str], where: str = "--set") -> S:
    """Make settings from `key=value` texts, e.g. `["iterations=400", "merge.features=pixels"]`.

    Values are read as YAML; a dot in the key goes one level down.

    Raises:
        ConfigError: a pair has no `=`, a key is unknown, or a value is not allowed.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not (key and equals):
            raise ConfigError(f"{where} {pair!r}: expected key=value, e.g. iterations=400")
        try:
            change = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"{where} {pair!r}: the value is not valid YAML") from error
        for part in reversed(key.split(".")):
            change = {part: change}
        values = merged(values, change)
    return parse(model, values, where)


def to_pairs(settings: BaseModel) -> list[str]:
    """Invert `from_pairs`: every value as `key=value`, nested keys with dots."""
    pairs: list[str] = []

    def walk(value: Any, key: str) -> None:
        if isinstance(value, dict) and value:
            for name, item in value.items():
                walk(item, f"{key}.{name}" if key else name)
        else:
            text = yaml.safe_dump(value, default_flow_style=True, width=10**6)
            pairs.append(f"{key}={text.strip().removesuffix('...').strip()}")

    walk(settings.model_dump(mode="json"), "")
    return pairs


def _without_follow_ups(problems: Sequence[Any]) -> list[Any]:
    """Drop lists that are too short only because pydantic has dropped their bad items."""
    places = [problem["loc"] for problem in problems]
    return [
        problem
        for problem, place in zip(problems, places, strict=True)
        if problem["type"] != "too_short"
        or not any(other[: len(place)] == place != other for other in places)
    ]


def _line(model: type[BaseModel], problem: Any, where: str) -> str:
    """Message for one mistake that pydantic reports."""
    key, siblings = locate(model, problem["loc"])
    context, name = problem.get("ctx", {}), str(problem["loc"][-1]) if problem["loc"] else ""
    start = f"{where}: {key}" if key else where
    match problem["type"]:
        case "extra_forbidden":
            return f"{start}{unknown(name, siblings)}"
        case "missing":
            return f"{start} is required but missing"
        case "union_tag_not_found":
            return f"{start}.{context['discriminator'].strip(chr(39))} is required but missing"
        case "union_tag_invalid":
            tags = context["expected_tags"].replace("'", "").split(", ")
            tag = f"{context['discriminator'].strip(chr(39))} {context['tag']!r}"
            return f"{start}.{tag}{unknown(context['tag'], tags)}"
        case "model_type":
            value = reprlib.repr(problem["input"])
            return f"{start} = {value}: expected a group of the keys {', '.join(siblings)}"
        case "value_error" if isinstance(problem["input"], Mapping):
            return f"{start}: {context['error']}"  # about a whole group; names the keys itself
    if name == "[key]":
        allowed = "64 lower-case letters, digits, '_' and '.' at most"
        return f"{start}: a name has {allowed}, e.g. davis2016"
    # Settings hold YAML's lists as tuples.
    message = problem["msg"].removeprefix("Value error, ").replace("valid tuple", "valid list")
    message = message.replace("Tuple should", "List should")
    return f"{start} = {reprlib.repr(problem['input'])}: {message}"
