"""Keys of DINO's ViT-S/8, the appearance features that Guess What Moves merges segments by."""

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from commonfate.errors import UserError
from commonfate.models.unet import MEAN, STD

ARCHITECTURE = "vit_small_patch8_224.dino"
ADDRESS = (
    "https://dl.fbaipublicfiles.com/dino/dino_deitsmall8_pretrain/dino_deitsmall8_pretrain.pth"
)
PATCH = 8

log = logging.getLogger(__name__)


class DinoKeys:
    """Keys of the last attention layer, 384 channels, one vector for each 8x8 patch.

    Choudhury et al. 2022, Section 3.2; the layer and the size of the network are those of the
    released code's evaluation on videos.
    """

    name = "dino_vits8"

    def __init__(self, weights: str | None, device: str | torch.device) -> None:
        """Load the network.

        Args:
            weights: the authors' backbone file, or timm's (.pth, .bin or .safetensors); None
                downloads timm's copy.
            device: where the network runs.

        Raises:
            UserError: the file is missing or does not fit; the download fails.
        """
        self._network = _load(weights).eval().requires_grad_(False).to(device)
        self._device = torch.device(device)
        self._mean = torch.tensor(MEAN, device=device).view(3, 1, 1)
        self._std = torch.tensor(STD, device=device).view(3, 1, 1)

    @torch.no_grad()
    def __call__(self, frame: np.ndarray) -> Tensor:
        """Keys of a frame.

        Args:
            frame: (H, W, 3) uint8, RGB; H and W multiples of 8.

        Returns:
            (384, H/8, W/8) float32, on the CPU.

        Raises:
            ValueError: H or W is not a multiple of 8.
        """
        height, width = frame.shape[:2]
        if height % PATCH or width % PATCH:
            raise ValueError(f"frame must have sides of multiples of 8, found {frame.shape[:2]}")
        image = torch.from_numpy(np.ascontiguousarray(frame)).to(self._device)
        image = (image.permute(2, 0, 1).float() / 255 - self._mean) / self._std
        keys = self._keys(image[None])[0]
        return keys.mT.unflatten(1, (height // PATCH, width // PATCH)).cpu()

    def _keys(self, images: Tensor) -> Tensor:
        """(B, tokens, C) keys of the last layer, without the class token."""
        attention = self._network.blocks[-1].attn
        seen: list[Tensor] = []
        hook = attention.qkv.register_forward_hook(lambda _, __, output: seen.append(output))
        try:
            self._network.forward_features(images)
        finally:
            hook.remove()
        _, keys, _ = seen[0].chunk(3, dim=-1)
        return keys[:, 1:]


def _load(weights: str | None) -> nn.Module:
    import timm

    options = {"num_classes": 0, "dynamic_img_size": True}
    if weights is None:
        log.info("dino_vits8: fetching the weights of %s, as none are given", ARCHITECTURE)
        try:
            return timm.create_model(ARCHITECTURE, pretrained=True, **options)
        except Exception as error:  # many libraries below, each with its own network errors
            raise UserError(
                f"dino_vits8: the weights could not be downloaded ({type(error).__name__}); fetch "
                f"{ADDRESS} and name the file in the setting `weights`, or choose other features"
            ) from error
    network = timm.create_model(ARCHITECTURE, pretrained=False, **options)
    _fill(network, Path(weights))
    return network


def _fill(network: nn.Module, path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such file; dino_vits8 needs the weights of {ADDRESS} there")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except Exception as error:  # unpickling and shapes fail in many ways, all the file's fault
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{path}: these are not weights of DINO's ViT-S/8 ({reason}); expected {ADDRESS}"
        ) from error
