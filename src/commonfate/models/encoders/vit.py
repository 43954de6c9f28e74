"""Vision transformers as encoders."""

from typing import Any

import torch
from torch import Tensor

from commonfate.models.encoders.base import Encoder
from commonfate.models.encoders.positions import positions


class ViTEncoder(Encoder):
    """A vision transformer of timm, with DINO's position embedding at every size.

    Its parameters have timm's names, which are DINO's.
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        heads: int,
        patch: int,
        image_size: int = 224,
        drop_path: float = 0.0,
        layer_scale: bool = False,
        fixed_positions: bool = False,
    ) -> None:
        """Make the network with random weights from torch's global generator.

        Args:
            dim: channels C, a multiple of `heads`.
            depth: number of blocks.
            heads: of the attention.
            patch: side of a patch, pixels.
            image_size: side of the square whose positions are learned, pixels; a multiple of
                `patch`.
            drop_path: largest rate of stochastic depth, in the last block; rates grow linearly.
            layer_scale: scale the output of each half of a block by a learned vector, as DINOv2.
            fixed_positions: sines and cosines of the place, which are not trained, instead of
                random positions; `dim` is a multiple of 4.
        """
        from timm.models.vision_transformer import VisionTransformer

        super().__init__(dim, patch)
        self.network = VisionTransformer(
            img_size=image_size,
            patch_size=patch,
            embed_dim=dim,
            depth=depth,
            num_heads=heads,
            num_classes=0,
            global_pool="token",
            class_token=True,
            drop_path_rate=drop_path,
            init_values=1.0 if layer_scale else None,
            dynamic_img_size=True,
        )
        if fixed_positions:
            self._fix_positions(image_size // patch)

    def _fix_positions(self, side: int) -> None:
        """Set positions to those of MAE (He et al. 2022); that of the class token is 0."""
        from timm.layers import build_sincos2d_pos_embed

        embedding = self.network.pos_embed.requires_grad_(False)
        with torch.no_grad():
            embedding.zero_()
            embedding[0, 1:] = build_sincos2d_pos_embed([side, side], self.dim)

    def embed(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Tokens before the first block, and the grid of patches.

        Args:
            images: (B, 3, H, W) float, normalised; H and W multiples of the patch.

        Returns:
            (B, 1 + h * w, C), the class token first; and (h, w).
        """
        network = self.network
        patches = network.patch_embed(images)  # (B, h, w, C)
        grid = (patches.shape[1], patches.shape[2])
        token = network.cls_token.expand(len(images), -1, -1)
        tokens = torch.cat([token, patches.flatten(1, 2)], 1) + positions(network.pos_embed, grid)
        return tokens, grid

    def _features(self, images: Tensor, names: frozenset[str]) -> dict[str, Tensor]:
        network = self.network
        tokens, grid = self.embed(images)
        *earlier, last = network.blocks
        for block in earlier:
            tokens = block(tokens)
        result = {}
        if names & {"keys", "attention"}:
            queries, keys = _queries_and_keys(last, tokens)
            if "keys" in names:
                result["keys"] = keys[:, :, 1:].transpose(1, 2).flatten(2).unflatten(1, grid)
            if "attention" in names:
                # The class token's row alone: all of them would be N x N.
                row = (queries[:, :, :1] * last.attn.scale) @ keys.mT
                result["attention"] = row.softmax(-1)[:, :, 0, 1:].unflatten(2, grid)
        if names & {"tokens", "cls"}:
            tokens = network.norm(last(tokens))
            if "tokens" in names:
                result["tokens"] = tokens[:, 1:].unflatten(1, grid)
            if "cls" in names:
                result["cls"] = tokens[:, 0]
        return result


def _queries_and_keys(block: Any, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Queries and keys of a block's attention, (B, heads, N, C / heads) each."""
    attention = block.attn
    projected = attention.qkv(block.norm1(tokens))
    queries, keys, _ = projected.unflatten(2, (3, attention.num_heads, -1)).permute(2, 0, 3, 1, 4)
    return attention.q_norm(queries), attention.k_norm(keys)
