"""The Swin transformer as a backbone (Liu et al. 2021), as MaskFormer uses it."""

from torch import Tensor, nn

from commonfate.models.backbones.base import Backbone


class SwinStages(Backbone):
    """Outputs of the four stages, at strides 4, 8, 16 and 32, each with a layer norm of its own.

    The norms are new, as in MaskFormer: pre-training has one, behind the last stage.
    """

    def __init__(self, network: nn.Module) -> None:
        """Take over a network's weights.

        Args:
            network: timm's SwinTransformer with `dynamic_img_size`; it is cut here, and not to be
                used afterwards.
        """
        channels = tuple(stage["num_chs"] for stage in network.feature_info)
        strides = tuple(stage["reduction"] for stage in network.feature_info)
        super().__init__(channels, strides, max(strides))
        del network.norm, network.head
        self.network = network
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in channels)

    def maps(self, image: Tensor) -> list[Tensor]:
        """Four maps; arguments and results as those of `forward`."""
        level, maps = self.network.patch_embed(image), []
        for stage, norm in zip(self.network.layers, self.norms, strict=True):
            level = stage(level)  # (B, h, w, C)
            maps.append(norm(level).permute(0, 3, 1, 2))
        return maps
