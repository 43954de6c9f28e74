"""Options that mean the same in every verb that has them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def output(help: str, folder: bool | None = False, **more: Any) -> Decorator:
    """`--output`, `-o`: what is written, under a temporary name until it is whole.

    Args:
        help: what it is.
        folder: whether it is a folder; None where it can be either.
        more: of `click.option`; it is required unless `required` or `default` says otherwise.
    """
    kind = click.Path(dir_okay=folder is not False, file_okay=folder is not True, path_type=Path)
    more.setdefault("required", "default" not in more)
    return click.option("--output", "-o", type=kind, help=help, **more)


def device(
    help: str = "Where networks run; auto takes a free GPU where there is one.",
) -> Decorator:
    """`--device`: what kind of device."""
    kinds = click.Choice(["auto", "cpu", "cuda"])
    return click.option("--device", type=kinds, default="auto", show_default=True, help=help)


def devices(help: str) -> Decorator:
    """`--devices`: several of them, see `commonfate.base.devices.listed`.

    Args:
        help: what they share.
    """
    return click.option(
        "--devices",
        metavar="LIST",
        help=f"Several devices, a process each, which share {help}: how many, or all GPUs, or a "
        "list as cuda:0,cuda:1 or cpu,cpu.",
    )


def threads(help: str = "") -> Decorator:
    """`--threads`: of this command as a whole.

    Args:
        help: what shares them.
    """
    text = f"CPU threads{f', shared by {help}' if help else ''}.  [default: all cores]"
    return click.option("--threads", type=click.IntRange(min=1), help=text)
