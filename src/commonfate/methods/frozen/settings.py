"""Settings of encoders that are measured as they are."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from commonfate.base.settings import MethodSettings
from commonfate.models import catalogue


class FrozenSettings(MethodSettings):
    """An encoder with published, bundled, random or the user's own weights, not trained further."""

    trained: ClassVar[bool] = False
    reads_frame: ClassVar[bool] = True
    gives: ClassVar[tuple[str, ...]] = ("masks", "features")
    named: ClassVar[tuple[str, ...]] = ("encoder", "part", "seed")

    method: Literal["frozen"] = "frozen"
    encoder: str = "dino.vits16"
    """Name of published or bundled weights (`commonfate weights list`), `bundled`, a file of
    weights, or `random.` and an architecture."""
    part: str | None = None
    """Part of a checkpoint of several networks, e.g. `student`; none is the one that its authors
    evaluate."""
    seed: int = Field(0, ge=0)
    """Seed of random weights."""

    @property
    def network(self) -> str:
        """The encoder, for tables."""
        return catalogue.shown(self.encoder)

    @property
    def slug(self) -> tuple[str, ...]:
        """E.g. `("dino.vits16",)`, `("random.vit_small_16", "s0")`, `("mine.pth.c0ffee",)`."""
        parts = [catalogue.encoder_word(self.encoder)]
        parts += [self.part] if self.part else []
        return tuple(parts + ([f"s{self.seed}"] if self.encoder.startswith("random.") else []))

    @field_validator("encoder")
    @classmethod
    def _name_of_the_encoder(cls, encoder: str) -> str:
        return catalogue.encoder_name(encoder)
