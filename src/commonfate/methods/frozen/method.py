"""Encoders that are measured as they are, as a method for rows of tables."""

from functools import lru_cache
from pathlib import Path

from torch import nn

from commonfate.methods.fiedler import FiedlerMask
from commonfate.methods.frozen.settings import FrozenSettings
from commonfate.models import catalogue
from commonfate.models.encoders import Encoder
from commonfate.models.encoders.create import create as create_encoder
from commonfate.models.encoders.create import locate


class Frozen(FiedlerMask):
    """An encoder with weights from elsewhere."""

    settings: FrozenSettings

    @property
    def description(self) -> dict[str, str]:
        return {"network": self.settings.network}

    def feature_file(self) -> Path | None:
        """The encoder's weights, fetched if they are published; None if they are random."""
        name = self.settings.encoder
        return None if name.startswith(f"{catalogue.RANDOM}.") else locate(name)

    def encoder(self, model: nn.Module | None) -> Encoder:
        """The encoder of the settings; `model` is None."""
        settings = self.settings
        return create_encoder(settings.encoder, settings.seed, settings.part)

    def encoder_in_place(self, model: nn.Module | None) -> Encoder:
        """The encoder of the settings, read once; `model` is None."""
        settings = self.settings
        return _last_used(settings.encoder, settings.seed, settings.part)


@lru_cache(maxsize=1)
def _last_used(name: str, seed: int, part: str | None) -> Encoder:
    return create_encoder(name, seed, part)


def create(settings: FrozenSettings) -> Frozen:
    """Make the method."""
    return Frozen(settings)
