"""Keys of a vision transformer's attention as feature maps (Guess What Moves, supplement A)."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.models.backbones.base import Backbone
from commonfate.models.encoders.positions import positions

KEY_LAYERS = (6, 8, 10, 12)
"""Layers whose keys are used, of twelve, counted from 1."""
HIERARCHY = (4, 8, 16, 32)
"""Strides to which `hierarchy` resizes the maps."""


class KeyMaps(Backbone):
    """Four maps: the attention keys of layers 6, 8, 10 and 12 of a ViT, all heads side by side.

    A patch every `patch_stride` pixels. With a stride below the patch's side, patches overlap, and
    the image is extended by its border pixels on all sides, so that patch i is centred on cell i of
    a grid of H / stride x W / stride cells. The released code has stride 4 for patches of 8 pixels
    and no border, so 31 x 55 cells for 128 x 224 pixels, where this class has 32 x 56. Two 1x1
    convolutions padded by one pixel, and a final crop, bring its logits to the same place.

    `hierarchy`: the released code gives all four maps to the pixel decoder on the grid of patches
    (it names strides 4, 8, 16, 32, but resizes nothing): this is False. True resizes the maps to
    these strides, bilinearly to a finer grid and by average pooling to a coarser one.

    Layers after the last keys are removed: of the last layer only the norm and the projection to
    keys remain.
    """

    network: Any

    def __init__(
        self,
        network: Any,
        layers: tuple[int, ...] = KEY_LAYERS,
        patch_stride: int | None = None,
        hierarchy: bool = False,
    ) -> None:
        """Take over a network's weights.

        Args:
            network: timm's VisionTransformer with `dynamic_img_size`, a class token and as many
                blocks as the last of `layers`; it is cut, so it must not be used afterwards.
            layers: layers whose keys are used, counted from 1, ascending.
            patch_stride: pixels between patches; a divisor of their side, the overlap being even.
                None: half the side.
            hierarchy: resize the maps to strides 4, 8, 16, 32.

        Raises:
            ValueError: `patch_stride` does not suit the patches.
        """
        side = network.patch_embed.patch_size[0]
        stride = patch_stride or side // 2
        if side % stride or (side - stride) % 2:
            raise ValueError(
                f"patch_stride must divide the patch's side of {side} with an even rest, "
                f"found {stride}"
            )
        strides = HIERARCHY if hierarchy else (stride,) * len(layers)
        super().__init__((network.embed_dim,) * len(layers), strides, max(stride, *strides))
        network.patch_embed.proj.stride = (stride, stride)
        self._layers, self._border = layers, (side - stride) // 2
        self.last_norm, self.last_keys = _norm_and_keys(network.blocks[layers[-1] - 1])
        network.blocks = network.blocks[: layers[-1] - 1]
        del network.norm, network.head
        self.network = network

    def maps(self, image: Tensor) -> list[Tensor]:
        """Four maps of keys; arguments and results as those of `forward`."""
        tokens, grid = self._tokens(image)
        keys = []
        for number, block in enumerate(self.network.blocks, start=1):
            if number in self._layers:
                keys.append(_keys(block, tokens))
            tokens = block(tokens)
        keys.append(self.last_keys(self.last_norm(tokens)))
        maps = [layer[:, 1:].mT.unflatten(2, grid) for layer in keys]  # without the class token
        height, width = image.shape[2:]
        sizes = [(height // stride, width // stride) for stride in self.strides]
        return [_resize(keys_map, size) for keys_map, size in zip(maps, sizes, strict=True)]

    def _tokens(self, image: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """(B, 1 + h w, C): class token and embedded patches, with positions; and (h, w)."""
        image = functional.pad(image, [self._border] * 4, mode="replicate")
        patches = self.network.patch_embed.proj(image)
        grid = (patches.shape[2], patches.shape[3])
        token = self.network.cls_token.expand(len(image), -1, -1)
        tokens = torch.cat([token, patches.flatten(2).mT], dim=1)
        return tokens + positions(self.network.pos_embed, grid), grid


def _keys(block: Any, tokens: Tensor) -> Tensor:
    """(B, N, C) keys that a block's attention computes from its input.

    The block computes them again: 3 % more work for the three layers concerned, and none of the
    state that a hook would need.
    """
    projection = block.attn.qkv
    _, weight, _ = projection.weight.chunk(3)
    _, bias, _ = projection.bias.chunk(3)
    return functional.linear(block.norm1(tokens), weight, bias)


def _norm_and_keys(block: Any) -> tuple[nn.Module, nn.Linear]:
    """A block's first norm and its projection to keys."""
    projection = block.attn.qkv
    keys = nn.Linear(projection.in_features, projection.out_features // 3, device="meta")
    keys.weight = nn.Parameter(projection.weight.detach().chunk(3)[1].clone())
    keys.bias = nn.Parameter(projection.bias.detach().chunk(3)[1].clone())
    return block.norm1, keys


def _resize(keys: Tensor, size: tuple[int, int]) -> Tensor:
    if keys.shape[2:] == torch.Size(size):
        return keys
    if keys.shape[2] > size[0]:
        return functional.adaptive_avg_pool2d(keys, size)
    return functional.interpolate(keys, size=size, mode="bilinear", align_corners=False)
