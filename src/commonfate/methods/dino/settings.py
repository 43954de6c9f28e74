"""Hyper-parameters of DINO; docs/dino.md compares them with paper and released code."""

from typing import Literal

from commonfate.methods.distillation.settings import DistillationSettings


class DinoSettings(DistillationSettings):
    """DINO, trained from scratch on frames or still images."""

    method: Literal["dino"] = "dino"
