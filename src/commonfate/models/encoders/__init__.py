"""Encoders: networks that give dense features of images."""

from commonfate.models.encoders.base import FEATURES, Encoder, Feature
from commonfate.models.encoders.resnet import ResNetEncoder
from commonfate.models.encoders.vit import ViTEncoder

__all__ = ["FEATURES", "Encoder", "Feature", "ResNetEncoder", "ViTEncoder"]
