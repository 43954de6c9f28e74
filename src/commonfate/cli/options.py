"""Options that several verbs share, and options made from the fields of settings classes."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import click
from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from commonfate.training.launch import Options

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def fields(model: type[BaseModel], *names: str, note: str = "", **changes: Any) -> Decorator:
    """Options `--field-name` with type, bounds, default and help of fields of a settings class.

    Args:
        model: the settings class.
        names: its fields, in the order of the help text.
        note: a sentence to append to the help of each.
        changes: arguments of `click.option` that replace those of the fields.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            arguments = _arguments(model.model_fields[name], note) | changes
            command = click.option(f"--{name.replace('_', '-')}", **arguments)(command)
        return command

    return decorate


def _arguments(field: FieldInfo, note: str) -> dict[str, Any]:
    """Arguments of `click.option` for one field; a bool becomes a flag."""
    text = " ".join(f"{field.description or ''} {note}".split())
    if field.annotation is bool:
        return {"is_flag": True, "default": field.default, "help": text}
    kind = _parameter_type(field.annotation, field.metadata)
    shown = field.default is not None
    return {"type": kind, "default": field.default, "show_default": shown, "help": text}


def _parameter_type(annotation: Any, metadata: list[Any]) -> Any:
    """Click's type for an annotation, with pydantic's bounds; `X | None` is as X."""
    members = [member for member in get_args(annotation) if member is not type(None)]
    if get_origin(annotation) is Literal:
        return click.Choice(members)
    if get_origin(annotation) is Annotated:
        return _parameter_type(members[0], [*metadata, *members[1:]])
    if members:
        return _parameter_type(members[0], metadata)
    if annotation is str:
        return click.STRING
    bounds: dict[str, Any] = {}
    for bound in metadata:
        if isinstance(bound, Gt):
            least: Any = bound.gt
            bounds |= {"min": least + 1} if annotation is int else {"min": least, "min_open": True}
        elif isinstance(bound, Ge):
            bounds |= {"min": bound.ge}
        elif isinstance(bound, Le):
            bounds |= {"max": bound.le}
    return {int: click.IntRange, float: click.FloatRange}[annotation](**bounds)


def training(workers: str, log_every: int) -> Decorator:
    """Options of a training: device, threads, loader, checkpoints and log.

    Args:
        workers: help of `--workers`, with its default.
        log_every: default of `--log-every`.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        # The last decorator is the first in the help text.
        command = fields(Options, "log_every", default=log_every)(command)
        command = fields(Options, "checkpoint_every_s", "checkpoint_every")(command)
        loader = fields(Options, "workers", default=None, show_default=False, help=workers)
        return device()(threads("the processes of a machine")(loader(command)))

    return decorate


def assignments(help: str, flag: str = "--set", name: str = "pairs") -> Decorator:
    """`--set KEY=VALUE`, repeatable, for `commonfate.base.settings.from_pairs`."""
    return click.option(flag, name, multiple=True, metavar="KEY=VALUE", help=f"{help} Repeatable.")


def output(help: str, folder: bool | None = False, **more: Any) -> Decorator:
    """`--output`, `-o`: the product, written under a temporary name until it is whole.

    Args:
        help: the product's description.
        folder: True for a folder, False for a file, None for either.
        more: of `click.option`; the option is required unless `required` or `default` is given.
    """
    kind = click.Path(dir_okay=folder is not False, file_okay=folder is not True, path_type=Path)
    more.setdefault("required", "default" not in more)
    return click.option("--output", "-o", type=kind, help=help, **more)


def device(
    help: str = "Where networks run; auto takes a free GPU where there is one.",
) -> Decorator:
    """`--device`: auto, cpu or cuda."""
    kinds = click.Choice(["auto", "cpu", "cuda"])
    return click.option("--device", type=kinds, default="auto", show_default=True, help=help)


def devices(shared: str) -> Decorator:
    """`--devices`: several devices, see `commonfate.base.devices.listed`.

    Args:
        shared: the work that the devices share.
    """
    return click.option(
        "--devices",
        metavar="LIST",
        help=f"Several devices, a process each, which share {shared}: a number, `all` GPUs, or a "
        "list as cuda:0,cuda:1 or cpu,cpu.",
    )


def threads(shared_by: str = "") -> Decorator:
    """`--threads`: CPU threads of the command as a whole.

    Args:
        shared_by: the processes that share them.
    """
    text = f"CPU threads{f', shared by {shared_by}' if shared_by else ''}.  [default: all cores]"
    return click.option("--threads", type=click.IntRange(min=1), help=text)
