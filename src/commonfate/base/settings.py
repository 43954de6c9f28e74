"""Base of all settings: typed, immutable, unknown keys refused, errors a line each."""

import reprlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin

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

# What may become part of a path or a Snakemake wildcard. The hyphen separates the parts of a slug.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.]*$", max_length=64)]


class Settings(BaseModel):
    """A group of settings. Every field states its default, its bounds and one sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class MethodSettings(Settings):
    """Settings of a method, with what the plan must know of it before torch is imported."""

    trained: ClassVar[bool]
    """Whether there is anything to train."""
    reads_frame: ClassVar[bool]
    """Whether prediction looks at the frame."""
    reads_flow: ClassVar[bool]
    """Whether prediction looks at flow."""
    learns_from: ClassVar[str] = "flow"
    """Kind of its training samples, one of `samples.kinds`."""
    gives: ClassVar[str] = "masks"
    """Contents of a prediction, one of `evaluation.kinds`: soft `masks` of segments, `classes` that
    have names."""
    foreground: ClassVar[str] = "unsupervised"
    """The rule of `evaluation.masks.foreground` that finds its foreground without ground truth."""
    not_learnt: ClassVar[tuple[str, ...]] = ()
    """Keys that training does not read: runs that differ in nothing else share their weights."""
    named: ClassVar[tuple[str, ...]]
    """Keys whose values `slug` already tells."""

    @property
    def slug(self) -> tuple[str, ...]:
        """Parts of a run's name that tell its variant apart."""
        return tuple(str(getattr(self, key)) for key in self.named)

    def resolved(self, gaps: Collection[int]) -> Self:
        """What a run has of these settings: nothing left to the data, nothing without effect.

        Args:
            gaps: frame gaps of the flow that is there; empty where there is none.

        Raises:
            ValueError: settings and data do not go together.
        """
        return self


class TrainedSettings(MethodSettings):
    """Settings of a method that is trained: what the training itself reads of them."""

    trained: ClassVar[bool] = True
    reads_frame: ClassVar[bool] = True
    reads_flow: ClassVar[bool] = False
    batch_size: PositiveInt
    """Samples an iteration."""
    iterations: PositiveInt
    """Optimiser steps."""
    learning_rate: PositiveFloat
    """The largest of the schedule."""
    flip: bool
    """Mirror half of the samples left-right."""
    clip_norm: PositiveFloat | None
    """Largest 2-norm of the gradient; none does not clip it."""
    snapshots: PositiveInt = 10
    """How many evenly spaced sets of weights are kept, for `checkpoint: best`."""
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    """Arithmetic of the network; losses are always float32 or better."""


S = TypeVar("S", bound=BaseModel)


def parse(model: type[S], values: Any, where: str) -> S:
    """Validate `values` against `model`.

    Args:
        model: the settings class.
        values: what was read from YAML or the command line.
        where: file or option that the values come from; starts every line of the error.

    Raises:
        ConfigError: one line for each mistake: key, value, what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = _of_their_own(error.errors())
        lines = [_line(model, problem, where) for problem in problems]
        raise ConfigError("\n".join(lines)) from None


def unknown(name: str, known: Iterable[str]) -> str:
    """Return ` is unknown; did you mean X? Known: X, Y`, the end of a message that names `name`."""
    known = [str(one) for one in known]
    listed = f" Known: {', '.join(known)}" if known else ""
    return f" is unknown{did_you_mean(name, known) or '.'}{listed}"


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with `changes`, key by key through nested groups."""
    result = dict(values)
    for key, change in changes.items():
        nested = isinstance(change, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], change) if nested else change
    return result


def from_pairs(model: type[S], pairs: Sequence[str], where: str = "--set") -> S:
    """Make settings of `key=value` texts, e.g. `["iterations=400", "merge.features=pixels"]`.

    Values are read as YAML; a dot in the key goes one level down.

    Raises:
        ConfigError: a pair has no `=`, a key is unknown, or a value is not allowed.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, found, text = pair.partition("=")
        if not (key and found):
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
    """The inverse of `from_pairs`: every value as `key=value`, nested keys with dots."""
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


def _of_their_own(problems: Sequence[Any]) -> list[Any]:
    """Without lists that are too short only since pydantic has dropped their bad items."""
    places = [problem["loc"] for problem in problems]
    return [
        problem
        for problem, place in zip(problems, places, strict=True)
        if problem["type"] != "too_short"
        or not any(other[: len(place)] == place != other for other in places)
    ]


def _line(model: type[BaseModel], problem: Any, where: str) -> str:
    """One mistake that pydantic found, as a line for the reader."""
    key, known = _locate(model, problem["loc"])
    facts, name = problem.get("ctx", {}), str(problem["loc"][-1]) if problem["loc"] else ""
    start = f"{where}: {key}" if key else where
    match problem["type"]:
        case "extra_forbidden":
            return f"{start}{unknown(name, known)}"
        case "missing":
            return f"{start} is required but missing"
        case "union_tag_not_found":
            return f"{start}.{facts['discriminator'].strip(chr(39))} is required but missing"
        case "union_tag_invalid":
            tags = facts["expected_tags"].replace("'", "").split(", ")
            tag = f"{facts['discriminator'].strip(chr(39))} {facts['tag']!r}"
            return f"{start}.{tag}{unknown(facts['tag'], tags)}"
        case "model_type":
            found = reprlib.repr(problem["input"])
            return f"{start} = {found}: expected a group of the keys {', '.join(known)}"
        case "value_error" if isinstance(problem["input"], Mapping):
            return f"{start}: {facts['error']}"  # of a whole group: it names the keys itself
    if name == "[key]":
        allowed = "64 lower-case letters, digits, '_' and '.' at most"
        return f"{start}: a name has {allowed}, e.g. davis2016"
    # YAML's lists are tuples here.
    message = problem["msg"].removeprefix("Value error, ").replace("valid tuple", "valid list")
    message = message.replace("Tuple should", "List should")
    return f"{start} = {reprlib.repr(problem['input'])}: {message}"


def _locate(model: type[BaseModel], location: Sequence[int | str]) -> tuple[str, list[str]]:
    """Find what a pydantic location means in the configuration file.

    Pydantic puts the chosen member of a union and `[key]` between the keys; neither stands in the
    file.

    Returns:
        The key as its reader wrote it, and the names that are known where the last part stands
        (of the group itself if the location ends at one).
    """
    current: Any = model
    shown: list[str] = []
    known: list[str] = []
    for part in location:
        members = _union_members(current)
        if members:
            current = next((member for member in members if _is_called(member, part)), None)
            continue
        if part == "[key]":
            continue
        shown.append(str(part))
        current, known = _step(current, part)
    if isinstance(current, type) and issubclass(current, BaseModel):
        known = list(current.model_fields)
    return ".".join(shown), known


def _step(current: Any, part: int | str) -> tuple[Any, list[str]]:
    """The type one key further down, and the names of all keys that stand beside it."""
    if isinstance(current, type) and issubclass(current, BaseModel):
        field = current.model_fields.get(str(part))
        return _bare(field.annotation) if field else None, list(current.model_fields)
    items = [one for one in get_args(current) if one is not Ellipsis]
    return _bare(items[-1]) if items else None, []


def _bare(annotation: Any) -> Any:
    """A type without `Annotated` and `| None`, which pydantic's locations pass over in silence."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = _union_members(annotation)
    rest = [one for one in members if one is not type(None)]
    return _bare(rest[0]) if members and len(rest) == 1 else annotation


def _union_members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()


def _is_called(member: Any, tag: int | str) -> bool:
    """Whether a field of this union's member, e.g. `adapter`, can only be `tag`."""
    fields = getattr(member, "model_fields", {})
    return any(field.annotation == Literal[tag] for field in fields.values())
