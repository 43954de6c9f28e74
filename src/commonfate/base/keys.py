"""Keys of a configuration file, from the locations that pydantic gives for mistakes."""

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel


def locate(model: type[BaseModel], location: Sequence[int | str]) -> tuple[str, list[str]]:
    """Translate a pydantic location to a key of the configuration file.

    Pydantic puts the chosen member of a union and `[key]` between the keys; neither is in the file.

    Returns:
        The key as in the file, and the names allowed in the last part's place (of the group itself
        if the location ends at one).
    """
    current: Any = model
    keys: list[str] = []
    siblings: list[str] = []
    for part in location:
        members = _union_members(current)
        if members:
            current = next((member for member in members if _has_tag(member, part)), None)
            continue
        if part == "[key]":
            continue
        keys.append(str(part))
        current, siblings = _step(current, part)
    if isinstance(current, type) and issubclass(current, BaseModel):
        siblings = list(current.model_fields)
    return ".".join(keys), siblings


def _step(current: Any, part: int | str) -> tuple[Any, list[str]]:
    """Type one key further down, and the names of all keys beside that key."""
    if isinstance(current, type) and issubclass(current, BaseModel):
        field = current.model_fields.get(str(part))
        return _bare(field.annotation) if field else None, list(current.model_fields)
    items = [item for item in get_args(current) if item is not Ellipsis]
    return _bare(items[-1]) if items else None, []


def _bare(annotation: Any) -> Any:
    """Strip `Annotated` and `| None`, which pydantic's locations do not show."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = _union_members(annotation)
    rest = [member for member in members if member is not type(None)]
    return _bare(rest[0]) if members and len(rest) == 1 else annotation


def _union_members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()


def _has_tag(member: Any, tag: int | str) -> bool:
    """True if some field of a union's member, e.g. `adapter`, can only be `tag`."""
    fields = getattr(member, "model_fields", {})
    return any(field.annotation == Literal[tag] for field in fields.values())
