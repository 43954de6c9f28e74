"""MaskFormer without classes: a backbone, a pixel decoder, and K queries that become masks.

The network of Guess What Moves. The head's parts come from the transformers library, which is
imported when the first is made; no weights of the library are loaded.
"""

from dataclasses import dataclass
from math import log2
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.models.backbones.base import Backbone


@dataclass(frozen=True)
class Widths:
    """Sizes of the head; the defaults are those of MaskFormer and of Guess What Moves."""

    features: int = 256
    """Channels of the pixel decoder and of the queries; a multiple of 32 (groups of its norms)."""
    masks: int = 256
    """Channels of the mask embedding and of the pixel embedding."""
    layers: int = 6
    """Layers of the transformer decoder."""
    heads: int = 8
    """Attention heads of the transformer decoder."""
    feedforward: int = 2048
    """Hidden channels of the transformer decoder's feed-forward networks."""
    dropout: float = 0.1
    """Dropout of the transformer decoder."""


WIDTHS = {
    "full": Widths(),
    "small": Widths(features=32, masks=16, layers=2, heads=4, feedforward=128),
}


class MaskFormer(nn.Module):
    """Image in, a map of logits for each query, at the image's resolution.

    Cheng et al. 2021, with the segmentation head only and the pixel decoder of Guess What Moves,
    supplement A. Every parameter is used in every forward pass, as training on several devices
    requires.
    """

    def __init__(self, backbone: Backbone, queries: int, widths: Widths = WIDTHS["full"]) -> None:
        """Make the network; its head is initialised from torch's global generator.

        Args:
            backbone: from `commonfate.models.backbones.create`.
            queries: K, the number of masks.
            widths: sizes of the head.

        Raises:
            ValueError: the finest stride of the backbone is not a power of two.
        """
        super().__init__()
        finest = backbone.strides[0]
        if finest & (finest - 1):
            raise ValueError(f"the finest stride must be a power of two, found {finest}")
        self.backbone = backbone
        self.pixel_decoder = pixel_decoder(backbone.channels, int(log2(finest)), widths)
        self.query_decoder = query_decoder(backbone.channels[-1], queries, widths)
        self.mask_embedding = mask_embedding(widths)

    def dense_and_logits(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Dense features and logits.

        Args:
            image: (B, 3, H, W) float, RGB in [0, 1], of any size. The image is extended by its
                border pixels at the right and the bottom to the backbone's `multiple` (MaskFormer
                pads there with zeros), and this margin is cut from the results.

        Returns:
            dense: (B, features, h, w), the finest map of the pixel decoder, not negative; a cell
                for each `backbone.strides[0]` pixels, rounded up.
            logits: (B, K, H, W).

        Raises:
            ValueError: image is not (B, 3, H, W).
        """
        height, width = image.shape[-2:]
        maps = self.backbone(self._padded(image))
        decoded = self.pixel_decoder(maps, output_hidden_states=True)
        queries = self.query_decoder(maps[-1]).last_hidden_state
        embeddings = self.mask_embedding(queries)
        logits = torch.einsum("bqc,bchw->bqhw", embeddings, decoded.last_hidden_state)
        stride = self.backbone.strides[0]
        rows, columns = -(-height // stride), -(-width // stride)
        dense = decoded.hidden_states[-1][..., :rows, :columns]
        return dense, logits[..., :height, :width]

    def forward(self, image: Tensor) -> Tensor:
        """Logits.

        Args, raises: as `dense_and_logits`.

        Returns:
            (B, K, H, W).
        """
        return self.dense_and_logits(image)[1]

    def _padded(self, image: Tensor) -> Tensor:
        right, bottom = (-side % self.backbone.multiple for side in image.shape[:-3:-1])
        if not right and not bottom:
            return image
        return functional.pad(image, [0, right, 0, bottom], mode="replicate")


def pixel_decoder(channels: tuple[int, ...], doublings: int, widths: Widths) -> nn.Module:
    """The feature pyramid network, extended to the image's resolution (supplement A).

    [Conv3, UpsampleNN(2), Conv1] stands `doublings` times between the pyramid's finest map and the
    3x3 convolution by which MaskFormer projects that map to the pixel embedding, as in the released
    code. There, the group norms of these convolutions share one set of weights, and the 1x1
    convolutions are padded by a pixel and their result cropped; here neither.

    Args:
        channels: of the backbone's maps, fine to coarse.
        doublings: number of doublings from the finest map's resolution to the image's.
        widths: sizes of the head.

    Returns:
        transformers' MaskFormerPixelDecoder.
    """
    from transformers.models.maskformer import modeling_maskformer as library

    decoder: Any = library.MaskFormerPixelDecoder(
        in_features=channels[-1],
        lateral_widths=list(channels[:-1]),
        feature_size=widths.features,
        mask_feature_size=widths.masks,
    )
    steps: list[nn.Module] = []
    for _ in range(doublings):
        steps += [
            library.MaskFormerFPNConvLayer(widths.features, widths.features),
            library.MaskFormerFPNConvLayer(
                widths.features, widths.features, kernel_size=1, padding=0
            ),
            # Repeating pixels commutes with the layer above, which costs a quarter before it.
            nn.Upsample(scale_factor=2, mode="nearest"),
        ]
    decoder.mask_projection = nn.Sequential(*steps, decoder.mask_projection)
    for part in decoder.modules():
        if isinstance(part, nn.Conv2d):
            _initialise_convolution(part)
    return decoder


def query_decoder(channels: int, queries: int, widths: Widths) -> nn.Module:
    """The transformer decoder, in which queries attend to the backbone's coarsest map.

    Args:
        channels: of that map.
        queries: K.
        widths: sizes of the head.

    Returns:
        transformers' MaskFormerTransformerModule.
    """
    from transformers import MaskFormerConfig
    from transformers.models.maskformer import modeling_maskformer as library

    decoder = {
        "model_type": "detr",
        "num_queries": queries,
        "d_model": widths.features,
        "decoder_layers": widths.layers,
        "decoder_attention_heads": widths.heads,
        "encoder_attention_heads": widths.heads,
        "decoder_ffn_dim": widths.feedforward,
        "dropout": widths.dropout,
    }
    module = library.MaskFormerTransformerModule(channels, MaskFormerConfig(decoder_config=decoder))
    for parameter in module.decoder.parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter)
    if module.input_projection is not None:
        _initialise_convolution(module.input_projection)
    return module


def mask_embedding(widths: Widths) -> nn.Module:
    """The three-layer perceptron from a query to its mask embedding."""
    from transformers.models.maskformer import modeling_maskformer as library

    return library.MaskformerMLPPredictionHead(widths.features, widths.features, widths.masks)


def _initialise_convolution(convolution: nn.Conv2d) -> None:
    """MaskFormer's initialisation (Caffe2's `XavierFill`): uniform, of variance 1 / fan-in."""
    nn.init.kaiming_uniform_(convolution.weight, a=1)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
