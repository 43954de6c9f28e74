"""Methods, by name."""

from importlib import import_module
from typing import TYPE_CHECKING

from commonfate.base.settings import MethodSettings

if TYPE_CHECKING:
    from commonfate.methods.base import Method


def create(settings: MethodSettings) -> "Method":
    """Make the method of the settings; its module, and with it torch, is imported only now."""
    module = import_module(f"commonfate.methods.{settings.method}.method")
    return module.create(settings)
