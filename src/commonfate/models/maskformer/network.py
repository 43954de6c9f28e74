"""MaskFormer without classes: a backbone, a pixel decoder, and K queries that become masks."""

from math import log2

import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.models.backbones.base import Backbone
from commonfate.models.maskformer import parts
from commonfate.models.maskformer.widths import WIDTHS, Widths


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
            widths: of the head.

        Raises:
            ValueError: the finest stride of the backbone is not a power of two.
        """
        super().__init__()
        finest = backbone.strides[0]
        if finest & (finest - 1):
            raise ValueError(f"the finest stride must be a power of two, found {finest}")
        self.backbone = backbone
        self.pixel_decoder = parts.pixel_decoder(backbone.channels, int(log2(finest)), widths)
        self.query_decoder = parts.query_decoder(backbone.channels[-1], queries, widths)
        self.mask_embedding = parts.mask_embedding(widths)

    def dense_and_logits(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Dense features and logits.

        Args:
            image: (B, 3, H, W) float, RGB in [0, 1], of any size: it is continued by its border at
                the right and the bottom to multiples of what the backbone needs (MaskFormer pads
                there too, with zeros), and what belongs to that margin is cut from the results.

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
