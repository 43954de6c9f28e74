"""The methods, by name."""

from importlib import import_module
from typing import TYPE_CHECKING

from commonfate.base.settings import Settings

if TYPE_CHECKING:
    from commonfate.methods.base import Method


def create(settings: Settings) -> "Method":
    """Make the method that `settings` describe; its module is imported only now."""
    module = import_module(f"commonfate.methods.{settings.method}.method")
    return module.create(settings)
