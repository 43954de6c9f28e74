"""Backbones of four stages, at strides 4, 8, 16 and 32: ResNet and Swin transformer."""

from typing import Any, Self

from torch import Tensor, nn

from commonfate.models.backbones.base import Backbone


class ResNetStages(Backbone):
    """Outputs of the four stages of a residual network (He et al. 2016).

    Pre-trained batch norms should keep their statistics and scales, as in detectron2, on which the
    released code of Guess What Moves builds; from scratch they must be trained.
    """

    network: Any

    def __init__(self, network: Any, fixed_norms: bool) -> None:
        """Take over a network's weights.

        Args:
            network: timm's ResNet without a classifier (`num_classes=0`).
            fixed_norms: True to keep batch norms as they are.
        """
        infos = network.feature_info[1:]  # the first is the stem, before its pooling
        channels = tuple(stage["num_chs"] for stage in infos)
        strides = tuple(stage["reduction"] for stage in infos)
        super().__init__(channels, strides, max(strides))
        self.network = network
        norms = (part for part in network.modules() if isinstance(part, nn.BatchNorm2d))
        self._fixed = tuple(norms) if fixed_norms else ()
        for norm in self._fixed:
            norm.requires_grad_(False)

    def maps(self, image: Tensor) -> list[Tensor]:
        """Four maps; arguments and results as those of `forward`."""
        net = self.network
        level, maps = net.maxpool(net.act1(net.bn1(net.conv1(image)))), []
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            level = stage(level)
            maps.append(level)
        return maps

    def train(self, mode: bool = True) -> Self:
        """Set the mode, as any module's; fixed norms stay in evaluation mode."""
        super().train(mode)
        for norm in self._fixed:
            norm.eval()
        return self


class SwinStages(Backbone):
    """Outputs of the four stages of a Swin transformer (Liu et al. 2021), each with a layer norm.

    The norms are new, as in MaskFormer: the pre-trained network has only one, after the last stage.
    """

    network: Any

    def __init__(self, network: Any) -> None:
        """Take over a network's weights.

        Args:
            network: timm's SwinTransformer with `dynamic_img_size`; its last norm and its head are
                removed, so it must not be used afterwards.
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
