"""Base of all settings: typed, immutable, unknown keys refused, errors a line each."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from commonfate.errors import ConfigError, did_you_mean

# What may become part of a path or a Snakemake wildcard. The hyphen separates the parts of a slug.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.]*$")]


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
    named: ClassVar[tuple[str, ...]]
    """Keys whose values `slug` already tells."""

    @property
    def slug(self) -> tuple[str, ...]:
        """Parts of a run's name that tell its variant apart."""
        return tuple(str(getattr(self, key)) for key in self.named)


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
        lines = [_line(model, problem, where) for problem in error.errors()]
        raise ConfigError("\n".join(lines)) from None


def from_pairs(model: type[S], pairs: Sequence[str], where: str = "--set") -> S:
    """Make settings of `key=value` texts, e.g. `["iterations=400", "merge.features=pixels"]`.

    Values are read as YAML; a dot in the key goes one level down.

    Raises:
        ConfigError: a pair has no `=`, a key is unknown, or a value is not allowed.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, found, text = pair.partition("=")
        if not found:
            raise ConfigError(f"{where} {pair!r}: expected key=value, e.g. iterations=400")
        *parents, last = key.split(".")
        level = values
        for parent in parents:
            level = level.setdefault(parent, {})
        try:
            level[last] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"{where} {pair!r}: the value is not valid YAML") from error
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


def _line(model: type[BaseModel], problem: Any, where: str) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(model, problem["loc"])
        return f"{where}: {key} is unknown{did_you_mean(str(problem['loc'][-1]), known)}" + (
            f" Known: {', '.join(known)}" if known else ""
        )
    if problem["type"] == "missing":
        return f"{where}: {key} is required but missing"
    return f"{where}: {key} = {problem['input']!r}: {problem['msg'].removeprefix('Value error, ')}"


def _keys_beside(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Names of the fields that stand where an unknown key was found."""
    current: Any = model
    for part in location[:-1]:
        current = _step(current, part)
        if current is None:
            return []
    return sorted(getattr(current, "model_fields", {}))


def _step(current: Any, part: int | str) -> Any:
    """The model one key further down, through dict[str, Model], list[Model] and unions."""
    fields = getattr(current, "model_fields", None)
    candidates = [fields[part].annotation] if fields and part in fields else [current]
    while candidates:
        candidate = candidates.pop()
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            tags = {
                field.default
                for name, field in candidate.model_fields.items()
                if name in ("adapter", "method")
            }
            if fields or not tags or part in tags:
                return candidate
        candidates.extend(getattr(candidate, "__args__", ()))
    return None
