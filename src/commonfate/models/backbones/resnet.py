"""The residual network as a backbone (He et al. 2016)."""

from torch import Tensor, nn

from commonfate.models.backbones.base import Backbone


class ResNetStages(Backbone):
    """Outputs of the four stages, at strides 4, 8, 16 and 32.

    With pre-trained weights, batch norm is to keep their statistics and scales, as in detectron2,
    on which the released code builds; from scratch it has to be trained.
    """

    def __init__(self, network: nn.Module, fixed_norms: bool) -> None:
        """Take over a network's weights.

        Args:
            network: timm's ResNet without a classifier (`num_classes=0`).
            fixed_norms: batch norm is not trained.
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

    def train(self, mode: bool = True) -> "ResNetStages":
        """Set the mode, as any module's; fixed norms stay in evaluation mode."""
        super().train(mode)
        for norm in self._fixed:
            norm.eval()
        return self
