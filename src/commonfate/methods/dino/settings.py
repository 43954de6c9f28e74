"""Hyper-parameters of DINO; docs/dino.md compares them with paper and released code."""

from typing import Literal

from commonfate.methods.distillation.settings import DistillationSettings


class DinoSettings(DistillationSettings):
    """DINO on frames or still images, from random weights or further from others."""

    method: Literal["dino"] = "dino"
