"""PWC-Net and PWC-Lite, the network of ARFlow.

Sun et al., "PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost Volume", CVPR 2018.
"""

from typing import Any

import torch
from ptlflow.models.pwcnet.pwcnet import PWCDCNet, PWCNet
from torch import Tensor, nn
from torch.nn import functional as F

from commonfate.flow.estimators.arflow import PwcLite
from commonfate.flow.estimators.staged.base import Features, Staged, precisely
from commonfate.models.pwc.correlation import correlation
from commonfate.models.pwc.warp import warp

# Convolutions of the pyramid's levels 1 to 6, in the order of application.
PYRAMID = (
    ("1a", "1aa", "1b"),
    ("2a", "2aa", "2b"),
    ("3a", "3aa", "3b"),
    ("4a", "4aa", "4b"),
    ("5a", "5aa", "5b"),
    ("6aa", "6a", "6b"),
)
COARSEST = 6
# The network estimates flow divided by 20; these factors give pixels of levels 5 to 2.
TO_PIXELS = {5: 0.625, 4: 1.25, 3: 2.5, 2: 5.0}


class StagedPwcnet(Staged):
    """Per frame: the pyramid's levels 2 to 6. Per pair: warping, cost volumes and decoders."""

    @staticmethod
    def fits(model: nn.Module) -> bool:
        return isinstance(model, PWCNet) and type(model).forward in (
            PWCNet.forward,
            PWCDCNet.forward,
        )

    def prepare(self, images: Tensor) -> tuple[Tensor, Any]:
        dilated = isinstance(self.model, PWCDCNet)
        return self.model.preprocess_images(
            images,
            bgr_add=0.0,
            bgr_mult=1.0,
            bgr_to_rgb=dilated,
            resize_mode="interpolation",
            interpolation_mode="bilinear",
            interpolation_align_corners=dilated,
        )

    def encode(self, images: Tensor) -> Features:
        levels = []
        for convolutions in PYRAMID:
            for name in convolutions:
                images = getattr(self.model, f"conv{name}")(images)
            levels.append(images)
        return tuple(levels[1:])

    def decode(self, first: Features, second: Features) -> Tensor:
        model = self.model
        x = self._dense(COARSEST, self._cost(first[-1], second[-1]))
        for level, scale in TO_PIXELS.items():
            above = level + 1
            # Flow stays in float32 under autocast.
            with precisely(x):
                flow = getattr(model, f"predict_flow{above}")(x.float())
                up_flow = getattr(model, f"deconv{above}")(flow)
            warped = _warp(second[level - 2], up_flow * scale)
            up_features = getattr(model, f"upfeat{above}")(x)
            own = first[level - 2]
            evidence = (self._cost(own, warped), own, up_flow.to(own.dtype), up_features)
            x = self._dense(level, torch.cat(evidence, dim=1))
        with precisely(x):
            flow = model.predict_flow2(x.float())
        if isinstance(model, PWCDCNet):
            x = model.dc_conv4(model.dc_conv3(model.dc_conv2(model.dc_conv1(x))))
            flow = flow + model.dc_conv7(model.dc_conv6(model.dc_conv5(x)))
        return model.upsample1(flow * model.div_flow)

    def _cost(self, first: Tensor, second: Tensor) -> Tensor:
        """Cost volume; equal to the model's own, whose sampler interpolates 81 times."""
        return self.model.leakyRELU(correlation(first, second, self.model.md))

    def _dense(self, level: int, x: Tensor) -> Tensor:
        """Apply five densely connected convolutions."""
        for i in range(5):
            x = torch.cat((getattr(self.model, f"conv{level}_{i}")(x), x), dim=1)
        return x


def _warp(features: Tensor, flow: Tensor) -> Tensor:
    """Warp features; zero where a point lies outside, even by a fraction of a pixel."""
    inside = warp(torch.ones_like(flow[:, :1]), flow, padding="zeros") >= 0.9999
    return warp(features, flow, padding="zeros") * inside


class StagedArflow(Staged):
    """ARFlow's PWC-Lite, see `estimators.arflow`. Per frame: the pyramid. Per pair: the decoder."""

    @staticmethod
    def fits(model: nn.Module) -> bool:
        return (
            isinstance(model, PwcLite)
            and type(model).forward is PwcLite.forward
            and model.n_frames == 2
        )

    def prepare(self, images: Tensor) -> tuple[Tensor, Any]:
        return self.model.prepare(images)

    def encode(self, images: Tensor) -> Features:
        return tuple(self.model.encode(images))

    def decode(self, first: Features, second: Features) -> Tensor:
        flow = self.model.decode(list(first), list(second))[0]
        if self.model.upsample:
            return flow
        return F.interpolate(4 * flow, scale_factor=4, mode="bilinear", align_corners=True)
