"""Encoders: features of a ViT against a plain reading of DINO's forward, and bad input."""

import math

import pytest
import torch
from torch.nn import functional

from commonfate.models.encoders import ViTEncoder
from commonfate.models.frame import MEAN, STD


def plain_dino(weights, images, patch, heads):
    """DINO's forward, written down from its parameters: tokens, keys, attention of all pairs."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    embedded = functional.conv2d(
        (images - mean) / std,
        weights["patch_embed.proj.weight"],
        weights["patch_embed.proj.bias"],
        stride=patch,
    )
    rows, columns = embedded.shape[2:]
    x = torch.cat(
        [weights["cls_token"].expand(len(images), -1, -1), embedded.flatten(2).transpose(1, 2)], 1
    )
    place = weights["pos_embed"]
    side = math.isqrt(place.shape[1] - 1)
    if not (rows * columns == side * side and images.shape[2] == images.shape[3]):
        square = place[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        square = functional.interpolate(
            square, scale_factor=((rows + 0.1) / side, (columns + 0.1) / side), mode="bicubic"
        )
        place = torch.cat([place[:, :1], square.permute(0, 2, 3, 1).flatten(1, 2)], 1)
    x = x + place
    width = x.shape[2]
    depth = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))

    def linear(name, value):
        return value @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name, value):
        return functional.layer_norm(
            value, (width,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6
        )

    for number in range(depth):
        block = f"blocks.{number}"
        projected = linear(f"{block}.attn.qkv", norm(f"{block}.norm1", x))
        q, k, v = projected.reshape(*x.shape[:2], 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        attention = (q @ k.transpose(-2, -1) * (width // heads) ** -0.5).softmax(-1)
        mixed = (attention @ v).transpose(1, 2).reshape(x.shape)
        x = x + linear(f"{block}.attn.proj", mixed)
        hidden = functional.gelu(linear(f"{block}.mlp.fc1", norm(f"{block}.norm2", x)))
        x = x + linear(f"{block}.mlp.fc2", hidden)
    keys = k.transpose(1, 2).reshape(x.shape)
    return norm("norm", x), keys, attention


def scattered(encoder, seed):
    """Weights all over, biases, norms and positions included."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in encoder.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data += 0.05 * noise
    return encoder.eval().requires_grad_(False)


@pytest.mark.parametrize("patch", [8, 16])
@pytest.mark.parametrize("size", [(224, 224), (480, 368), (96, 96), (32, 128)])
def test_features_are_those_of_dinos_forward(patch, size):
    depth = 12 if size == (96, 96) else 3
    encoder = scattered(ViTEncoder(48, depth, 6, patch, 224), patch)
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    rows, columns = size[0] // patch, size[1] // patch
    result = encoder(images, ("tokens", "keys", "cls", "attention"))
    tokens, keys, attention = plain_dino(encoder.network.state_dict(), images, patch, 6)
    expected = {
        "tokens": tokens[:, 1:].reshape(2, rows, columns, 48),
        "keys": keys[:, 1:].reshape(2, rows, columns, 48),
        "cls": tokens[:, 0],
        "attention": attention[:, :, 0, 1:].reshape(2, 6, rows, columns),
    }
    for name, value in expected.items():
        torch.testing.assert_close(result[name], value, atol=1e-5, rtol=0)


def test_one_feature_is_the_same_alone():
    encoder = scattered(ViTEncoder(24, 2, 3, 8, 32), 0)
    images = torch.rand(3, 3, 40, 24)
    together = encoder(images, ("tokens", "keys", "cls", "attention"))
    for name, value in together.items():
        torch.testing.assert_close(encoder(images, (name,))[name], value, atol=0, rtol=0)


def test_an_image_has_the_same_features_in_any_batch():
    encoder = scattered(ViTEncoder(24, 2, 3, 8, 32), 0)
    images = torch.rand(3, 3, 40, 24)
    tokens = encoder(images)["tokens"]
    alone = torch.cat([encoder(image[None])["tokens"] for image in images])
    torch.testing.assert_close(alone, tokens, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 32, 32), r"must be \(B, 3, H, W\), found \(3, 32, 32\)"),
        ((1, 1, 32, 32), r"must be \(B, 3, H, W\), found \(1, 1, 32, 32\)"),
        ((1, 3, 36, 32), "multiples of 8, found 36x32"),
        ((1, 3, 0, 32), "multiples of 8, found 0x32"),
    ],
)
def test_images_of_another_shape_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        ViTEncoder(24, 1, 3, 8, 32)(torch.zeros(shape))


def test_it_is_trained_through_tokens_and_class_token():
    encoder = ViTEncoder(24, 2, 3, 8, 32, drop_path=0.5)
    result = encoder(torch.rand(2, 3, 32, 48), ("tokens", "cls"))
    (result["tokens"].square().mean() + result["cls"].sum()).backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_layer_scale_is_a_parameter():
    names = dict(ViTEncoder(24, 1, 3, 14, 518, layer_scale=True).network.named_parameters())
    assert names["blocks.0.ls1.gamma"].shape == (24,)
    assert names["pos_embed"].shape == (1, 1 + 37 * 37, 24)
