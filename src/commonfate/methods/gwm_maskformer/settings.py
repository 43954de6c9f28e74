"""Hyper-parameters of Guess What Moves with MaskFormer, defaults as in the paper's supplement A.

`GuessWhatMovesSettings` has all that does not depend on the network. Without pre-training the paper
trains for 20,000 iterations (Table 5).
"""

from collections.abc import Collection
from typing import ClassVar, Literal, Self

from pydantic import PositiveFloat, PositiveInt, model_validator

from commonfate.methods.gwm.settings import GuessWhatMovesSettings
from commonfate.models.catalogue import PRETRAININGS

SMALL = {
    "vit_base_8": "vit_8",
    "vit_small_8": "vit_8",
    "vit_small_16": "vit_16",
    "vit_base_16": "vit_16",
    "swin_tiny": "swin",
    "resnet50": "resnet",
}
"""Names of the networks of size `small`, by the backbone that they are a small version of."""


class GwmMaskFormerSettings(GuessWhatMovesSettings):
    """Guess What Moves with MaskFormer, on a backbone that is pre-trained or not."""

    named: ClassVar[tuple[str, ...]] = (
        "backbone",
        "pretraining",
        "size",
        "flow_model",
        "components",
    )

    method: Literal["gwm_maskformer"] = "gwm_maskformer"
    backbone: Literal[
        "vit_base_8", "vit_small_8", "vit_small_16", "vit_base_16", "swin_tiny", "resnet50"
    ] = "vit_base_8"
    """Network whose features MaskFormer's pixel decoder reads (Table 5)."""
    pretraining: Literal["none", "dino", "moby", "supervised"] = "dino"
    """Pre-training on ImageNet: dino (ViT), moby (Swin), supervised (Swin, ResNet), or none."""
    size: Literal["full", "small"] = "full"
    """`small` has few blocks and channels, and random weights for any `pretraining`."""
    weights: str | None = None
    """File with the weights of the pre-trained backbone; none fetches the published ones."""
    freeze_backbone: bool | None = None
    """Train only the head; none does so on DINO's weights, as the released code does."""
    patch_stride: PositiveInt | None = None
    """Pixels between a ViT's patches; none is half a patch, as released (`small`: 8)."""
    hierarchy: bool = False
    """Resize a ViT's four maps to strides 4 to 32 (released: all on the grid of patches)."""
    batch_size: PositiveInt = 8
    """Samples per iteration."""
    learning_rate: PositiveFloat = 1.5e-4
    """AdamW's learning rate after the warm-up."""
    clip_norm: PositiveFloat = 0.01
    """Largest 2-norm of the gradient."""

    @property
    def multiple(self) -> int:
        return 16

    @property
    def pretrained(self) -> bool:
        """True if training starts from pre-trained weights."""
        return self.size == "full" and self.pretraining != "none"

    @property
    def frozen(self) -> bool:
        """True if the backbone is not trained."""
        if self.freeze_backbone is None:
            return self.pretrained and self.pretraining == "dino"
        return self.freeze_backbone

    def resolved(self, gaps: Collection[int]) -> Self:
        """Settings of the run: size `small` has no weights, and one ViT for each size of patch."""
        if self.size == "full":
            return self
        backbone = self.backbone.replace("vit_base", "vit_small")
        return self.model_copy(update={"backbone": backbone, "pretraining": "none"})

    @property
    def slug(self) -> tuple[str, ...]:
        """E.g. `("vit_base_8", "dino", "quadratic", "k4")`, or `("vit_8.small", "none", ...)`."""
        network = self.backbone if self.size == "full" else f"{SMALL[self.backbone]}.small"
        pretraining = self.pretraining if self.pretrained else "none"
        return (network, pretraining, self.flow_model, f"k{self.components}")

    @model_validator(mode="after")
    def _keys_suit_the_backbone(self) -> "GwmMaskFormerSettings":
        pretrainings = PRETRAININGS[self.backbone]
        if self.pretraining not in pretrainings:
            raise ValueError(
                f"pretraining {self.pretraining!r} is not one of {self.backbone}'s: "
                f"{', '.join(pretrainings)}"
            )
        if not self.backbone.startswith("vit") and (self.patch_stride or self.hierarchy):
            raise ValueError(f"patch_stride and hierarchy are a ViT's, not {self.backbone}'s")
        return self

    @model_validator(mode="after")
    def _weights_have_a_use(self) -> "GwmMaskFormerSettings":
        if self.weights is not None and not self.pretrained:
            raise ValueError(
                f"weights {self.weights!r} are not read with size {self.size} and pretraining "
                f"{self.pretraining}; leave them out, or choose size full and a pretraining"
            )
        return self
