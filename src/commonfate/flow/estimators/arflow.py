"""ARFlow's network PWC-Lite, as a model of ptlflow named `arflow`.

Liu et al., "Learning by Analogy: Reliable Supervision from Transformations for Unsupervised Optical
Flow Estimation", CVPR 2020: PWC-Net with one decoder for all scales. Parameter names are those of
the authors' checkpoints. Importing this module registers the model with ptlflow.
"""

from collections.abc import Mapping
from typing import Any

import torch
from ptlflow.models.base_model.base_model import BaseModel
from ptlflow.utils.registry import register_model
from ptlflow.utils.utils import InputScaler
from torch import Tensor, nn

from commonfate.models.pwc.layers import (
    ContextNetwork,
    FeaturePyramid,
    ReducedDenseEstimator,
    convolution,
    initialise,
)
from commonfate.models.pwc.lite import RADIUS, decode_pair, decode_triple, enlarge

CHANNELS = (3, 16, 32, 64, 96, 128, 192)
# Feature channels at 1/64, 1/32, 1/16, 1/8 and 1/4 of the image, where flow is estimated.
SCALES = (192, 128, 96, 64, 32)
STRIDE = 64
REDUCED = 32
RELEASED = (
    "https://github.com/lliuz/ARFlow/raw/e92a8bbe66f0ced244267f43e3e55ad0fe46ff3e/checkpoints"
)

Pyramid = list[Tensor]
Flows = list[Tensor]


class PwcLite(BaseModel):
    """PWC-Lite of two frames, or of three with flow from the middle one to both others.

    Attributes:
        normalise: strength of the normalisation of features before correlation, see
            `models.pwc.correlation`; 0, as published, except in the first part of training.
    """

    pretrained_checkpoints = {  # noqa: RUF012  (as ptlflow declares it)
        "sintel": f"{RELEASED}/Sintel/pwclite_ar.tar",
        "sintel_raw": f"{RELEASED}/Sintel/pwclite_raw.tar",
        "kitti15": f"{RELEASED}/KITTI15/pwclite_ar.tar",
        "kitti12": f"{RELEASED}/KITTI12/pwclite_ar.tar",
        "cityscapes": f"{RELEASED}/CityScapes/pwclite_ar.tar",
    }

    def __init__(self, n_frames: int = 2, upsample: bool = True, **kwargs: Any) -> None:
        """Build the network with random weights from torch's global generator.

        Args:
            n_frames: 2, or 3 for the multi-frame variant, whose weights differ in shape.
            upsample: enlarge the flow of every scale four times; the finest then has the size of
                the image.
            kwargs: arguments of ptlflow's `BaseModel`.

        Raises:
            ValueError: `n_frames` is another number.
        """
        if n_frames not in (2, 3):
            raise ValueError(f"n_frames must be 2 or 3, found {n_frames}")
        super().__init__(output_stride=STRIDE, **kwargs)
        self.n_frames, self.upsample = n_frames, upsample
        self.normalise = 0.0
        others = n_frames - 1
        self.feature_pyramid_extractor = FeaturePyramid(CHANNELS)
        self.flow_estimators = ReducedDenseEstimator(REDUCED + ((2 * RADIUS + 1) ** 2 + 2) * others)
        self.context_networks = ContextNetwork((ReducedDenseEstimator.width + 2) * others)
        self.conv_1x1 = nn.ModuleList(convolution(width, REDUCED, kernel=1) for width in SCALES)
        initialise(self, [self.flow_estimators.predict_flow, self.context_networks.convs[-1]])

    def prepare(self, images: Tensor) -> tuple[Tensor, InputScaler]:
        """Turn images as ptlflow gives them into the network's input.

        Args:
            images: (B, N, 3, H, W) float, BGR in [0, 1].

        Returns:
            RGB images, resized bilinearly to the next multiples of 64; and ptlflow's scaler, with
            which `postprocess_predictions` undoes the resizing.
        """
        return self.preprocess_images(
            images,
            bgr_to_rgb=True,
            resize_mode="interpolation",
            interpolation_mode="bilinear",
            interpolation_align_corners=False,
        )

    def encode(self, image: Tensor) -> Pyramid:
        """Features of each frame on its own.

        Args:
            image: (B, 3, H, W) float, RGB in [0, 1], sides multiples of 64.

        Returns:
            (B, C, H / s, W / s) for s = 64, 32, 16, 8, 4 with the channels of `SCALES`.
        """
        return self.feature_pyramid_extractor(image)[: len(SCALES)]

    def decode(self, first: Pyramid, second: Pyramid) -> Flows:
        """Flow from the first frame to the second, of the two-frame variant.

        Args:
            first: of `encode`.
            second: of `encode`, the same shapes.

        Returns:
            (B, 2, h, w) float32 per scale, in pixels of that scale, finest first; the first has the
            image's size with `upsample`, else a quarter of it.
        """
        layers = self.conv_1x1, self.flow_estimators, self.context_networks
        return self._finish(decode_pair(first, second, *layers, self.normalise))

    def decode_three(
        self, previous: Pyramid, middle: Pyramid, following: Pyramid
    ) -> tuple[Flows, Flows]:
        """Flow from the middle frame to the following and to the previous one.

        Args:
            previous: of `encode`.
            middle: of `encode`.
            following: of `encode`.

        Returns:
            Flows to the following, and flows to the previous frame, each as of `decode`.
        """
        layers = self.conv_1x1, self.flow_estimators, self.context_networks
        both = self._finish(decode_triple(previous, middle, following, *layers, self.normalise))
        ahead, back = zip(*(flow.chunk(2) for flow in both), strict=True)
        return list(ahead), list(back)

    def forward(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Flow of a batch, in the form that ptlflow's tools expect.

        Args:
            inputs: `images` (B, N, 3, H, W) float, BGR in [0, 1], N frames of any size; and
                optionally `both_directions`: True if two frames give backward flow, too; by
                default they do in training mode. Three frames always give both.

        Returns:
            `flows` (B, 1, 2, H, W): from the first of two frames to the second, or from the middle
            of three to the last. `flows_fw`: the same at all scales and at the network's own size,
            as `decode` returns it. With both directions also `flows_bw`: from the second frame of
            two to the first, or from the middle of three to the first.
        """
        images, resizer = self.prepare(inputs["images"])
        if images.shape[1] != self.n_frames:
            raise ValueError(f"this network takes {self.n_frames} frames, found {images.shape[1]}")
        stacked = self.encode(images.transpose(0, 1).flatten(0, 1))
        frames = list(zip(*(level.chunk(self.n_frames) for level in stacked), strict=True))
        if self.n_frames == 3:
            forward, backward = self.decode_three(*frames)
        elif inputs.get("both_directions", self.training):
            first, second = frames
            pairs = zip(first, second, strict=True)
            swapped = zip(second, first, strict=True)
            both = self.decode([torch.cat(p) for p in pairs], [torch.cat(p) for p in swapped])
            forward, backward = zip(*(flow.chunk(2) for flow in both), strict=True)
        else:
            forward, backward = self.decode(*frames), None
        finest = forward[0] if self.upsample else enlarge(forward[0], 4)
        flow = self.postprocess_predictions(finest, resizer, is_flow=True)
        outputs = {"flows": flow[:, None], "flows_fw": list(forward)}
        return outputs if backward is None else outputs | {"flows_bw": list(backward)}

    def _finish(self, flows: Flows) -> Flows:
        """Enlarge with `upsample`, and put the finest scale first."""
        return [enlarge(flow, 4) if self.upsample else flow for flow in reversed(flows)]


@register_model
class arflow(PwcLite):  # ptlflow names a model by its class
    pass
