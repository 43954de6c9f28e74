"""Keys of DINO's vision transformers, by which Guess What Moves compares segments."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from commonfate.base.errors import UserError
from commonfate.models import state_file
from commonfate.models.encoders.positions import positions
from commonfate.models.frame import MEAN, STD, to_image
from commonfate.weights import fetch, published_assets

ARCHITECTURES = {
    "dino_vits8": "vit_small_patch8_224",
    "dino_vitb8": "vit_base_patch8_224",
    "dino_vits16": "vit_small_patch16_224",
    "dino_vitb16": "vit_base_patch16_224",
}
"""timm's names of the networks."""


class DinoKeys:
    """Keys of the last attention layer, one vector of 384 (S) or 768 (B) channels for each patch.

    Choudhury et al. 2022, Section 3.2. The released code merges by ViT-S/8 on videos and by ViT-B/8
    on images.
    """

    def __init__(self, name: str, weights: str | None, device: str | torch.device) -> None:
        """Load the network.

        Args:
            name: a key of `ARCHITECTURES`.
            weights: the authors' backbone file (.pth), or timm's copy (.safetensors); None fetches
                the authors'.
            device: device of the network.

        Raises:
            UserError: the file is missing or does not fit; it cannot be fetched.
        """
        self.name = name
        self._network = _load(name, weights).eval().requires_grad_(False).to(device)
        self._patch = int(self._network.patch_embed.patch_size[0])
        self._device = torch.device(device)
        self._mean, self._std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))

    @torch.no_grad()
    def __call__(self, frame: np.ndarray) -> Tensor:
        """Keys of a frame.

        Args:
            frame: (H, W, 3) uint8, RGB; H and W multiples of the patch's side P.

        Returns:
            (C, H/P, W/P) float32, on the CPU.

        Raises:
            ValueError: H or W is not a multiple of P.
        """
        height, width = frame.shape[:2]
        if height % self._patch or width % self._patch:
            raise ValueError(
                f"frame must have sides of multiples of {self._patch} for {self.name}, found "
                f"{height}x{width}"
            )
        image = (to_image(frame) - self._mean) / self._std
        keys = self._keys(image[None].to(self._device))[0]
        return keys.mT.unflatten(1, (height // self._patch, width // self._patch)).cpu()

    def _keys(self, images: Tensor) -> Tensor:
        """(B, tokens, C) keys of the last layer, without the class token."""
        network = self._network
        patches = network.patch_embed(images)  # (B, h, w, C)
        token = network.cls_token.expand(len(images), -1, -1)
        embedding = positions(network.pos_embed, (patches.shape[1], patches.shape[2]))
        tokens = torch.cat([token, patches.flatten(1, 2)], dim=1) + embedding
        *earlier, last = network.blocks
        for block in earlier:
            tokens = block(tokens)
        _, keys, _ = last.attn.qkv(last.norm1(tokens)).chunk(3, dim=-1)
        return keys[:, 1:]


def weights_file(name: str, weights: str | None) -> Path:
    """File with a network's weights.

    Args, raises: as `DinoKeys`.
    """
    asset = published_assets()[name.replace("_", ".")]
    path = fetch(asset) if weights is None else Path(weights)
    if not path.is_file():
        raise UserError(f"{path}: no such file; {name} needs the weights of {asset.urls[0]} there")
    return path


def _load(name: str, weights: str | None) -> Any:
    """timm's VisionTransformer with the weights."""
    import timm

    path = weights_file(name, weights)
    network = timm.create_model(
        ARCHITECTURES[name], pretrained=False, num_classes=0, dynamic_img_size=True
    )
    state_file.fill(network, state_file.read(path), path, name)
    return network
