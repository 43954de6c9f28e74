"""Backbones: image in, feature maps at several strides out, with or without pre-training.

`create` and `Backbone` are fetched on first use: planning only needs the names, and not torch.
"""

from commonfate.models.backbones.catalogue import NAMES, PRETRAININGS, published

__all__ = ["NAMES", "PRETRAININGS", "Backbone", "create", "published"]


def __getattr__(name: str):
    if name == "create":
        from commonfate.models.backbones.factory import create

        return create
    if name == "Backbone":
        from commonfate.models.backbones.base import Backbone

        return Backbone
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
