"""Methods, by name."""

from importlib import import_module
from typing import TYPE_CHECKING

from commonfate.base.errors import ConfigError
from commonfate.base.settings import MethodSettings

if TYPE_CHECKING:
    from commonfate.methods.base import Encoding, Method, Segmenting, TrainedMethod


def create(settings: MethodSettings) -> "Method":
    """Make the method of the settings; its module, and with it torch, is imported only now."""
    module = import_module(f"commonfate.methods.{settings.method}.method")
    return module.create(settings)


def create_segmenting(settings: MethodSettings) -> "Segmenting":
    """Make the method of the settings, one that segments frames.

    Raises:
        ConfigError: the method does not.
    """
    from commonfate.methods.base import Segmenting

    method = create(settings)
    if not isinstance(method, Segmenting):
        gives = " and ".join(settings.gives)
        raise ConfigError(f"method {settings.method} predicts no segments, it gives {gives}")
    return method


def create_encoding(settings: MethodSettings) -> "Encoding":
    """Make the method of the settings, one that has an encoder.

    Raises:
        ConfigError: the method has none.
    """
    from commonfate.methods.base import Encoding

    method = create(settings)
    if not isinstance(method, Encoding):
        raise ConfigError(
            f"method {settings.method} has no encoder, it gives {' and '.join(settings.gives)}"
        )
    return method


def create_trained(settings: MethodSettings) -> "TrainedMethod":
    """Make the method of the settings, one that is trained.

    Raises:
        ConfigError: the method is not trained.
    """
    from commonfate.methods.base import TrainedMethod

    method = create(settings)
    if not isinstance(method, TrainedMethod):
        raise ConfigError(f"method {settings.method} is not trained")
    return method
