"""Backbones: image in, feature maps at several strides out, with or without pre-training."""

from commonfate.models.backbones.base import Backbone
from commonfate.models.backbones.factory import create

__all__ = ["Backbone", "create"]
