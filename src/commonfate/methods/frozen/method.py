"""Encoders that are measured as they are, as a method for rows of tables."""

from torch import nn

from commonfate.methods.base import Encoding
from commonfate.methods.frozen.settings import FrozenSettings
from commonfate.models.encoders import Encoder
from commonfate.models.encoders.create import create as create_encoder


class Frozen(Encoding):
    """An encoder with weights from elsewhere."""

    settings: FrozenSettings

    @property
    def description(self) -> dict[str, str]:
        return {"network": self.settings.encoder}

    def encoder(self, model: nn.Module | None) -> Encoder:
        """The encoder of the settings; `model` is None."""
        settings = self.settings
        return create_encoder(settings.encoder, settings.seed, settings.part)


def create(settings: FrozenSettings) -> Frozen:
    """Make the method."""
    return Frozen(settings)
