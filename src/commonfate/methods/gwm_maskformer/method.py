"""Guess What Moves with MaskFormer on a backbone, pre-trained or not."""

from pathlib import Path

from torch import nn

from commonfate import weights
from commonfate.methods.gwm.method import GuessWhatMoves, require_file
from commonfate.methods.gwm_maskformer.settings import GwmMaskFormerSettings
from commonfate.models import backbones, catalogue
from commonfate.models.maskformer import WIDTHS, MaskFormer

BACKBONES = {  # names in tables
    "vit_base_8": "ViT-B/8",
    "vit_small_8": "ViT-S/8",
    "vit_small_16": "ViT-S/16",
    "vit_base_16": "ViT-B/16",
    "swin_tiny": "Swin-tiny",
    "resnet50": "ResNet-50",
}
SMALL = {  # names of their small versions
    "vit_base_8": "ViT/8",
    "vit_small_8": "ViT/8",
    "vit_small_16": "ViT/16",
    "vit_base_16": "ViT/16",
    "swin_tiny": "Swin",
    "resnet50": "ResNet",
}
STARTS = {"dino": "DINO", "moby": "MoBY", "supervised": "CLS"}
"""Names of pre-trainings in tables."""


class MaskFormerMethod(GuessWhatMoves):
    """Guess What Moves with MaskFormer's segmentation head on a backbone."""

    settings: GwmMaskFormerSettings

    @property
    def network(self) -> str:
        settings = self.settings
        small = settings.size == "small"
        backbone = f"small {SMALL[settings.backbone]}" if small else BACKBONES[settings.backbone]
        start = STARTS[settings.pretraining] if settings.pretrained else "from scratch"
        return f"MaskFormer, {backbone}, {start}"

    def build(self, pretrained: bool = True) -> nn.Module:
        """Make MaskFormer on its backbone; published weights are fetched if need be."""
        settings = self.settings
        backbone = backbones.create(
            settings.backbone,
            settings.size,
            self.start_file() if pretrained else None,
            frozen=settings.frozen,
            fixed_norms=settings.pretrained,
            patch_stride=settings.patch_stride,
            hierarchy=settings.hierarchy,
        )
        return MaskFormer(backbone, settings.components, WIDTHS[settings.size])

    def start_file(self) -> Path | None:
        """File of the backbone's pre-trained weights, fetched if need be; None without any."""
        settings = self.settings
        if settings.weights is not None:
            return Path(settings.weights)
        if not settings.pretrained:
            return None
        name = catalogue.published_weights(settings.backbone, settings.pretraining)
        return None if name is None else weights.fetch(weights.published_assets()[name])


def create(settings: GwmMaskFormerSettings) -> MaskFormerMethod:
    """Make the method.

    Raises:
        UserError: `weights` or `merge.weights` names a file that does not exist.
    """
    require_file("weights", settings.weights)
    require_file("merge.weights", settings.merge.weights)
    return MaskFormerMethod(settings)
