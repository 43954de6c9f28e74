"""Backbones: shapes, whose keys a ViT's maps are, what is trained."""

import copy

import pytest
import torch
from timm.layers import DropPath
from timm.models.vision_transformer import VisionTransformer

from commonfate.base.errors import ConfigError
from commonfate.models import backbones, catalogue
from commonfate.models.backbones.vit import KeyMaps
from commonfate.models.encoders.positions import positions

IMAGE = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def tiny_vit(depth=12):
    return VisionTransformer(
        img_size=32,
        patch_size=8,
        embed_dim=24,
        depth=depth,
        num_heads=2,
        num_classes=0,
        dynamic_img_size=True,
    ).eval()


@pytest.mark.parametrize("name", catalogue.BACKBONES)
def test_maps_have_the_channels_and_strides_that_are_announced(name):
    backbone = backbones.create(name, "small")
    shapes = [tuple(item.shape) for item in backbone(IMAGE)]
    announced = zip(backbone.channels, backbone.strides, strict=True)
    assert shapes == [(2, width, 64 // stride, 96 // stride) for width, stride in announced]
    assert len(shapes) == 4


def test_swin_drops_paths_at_maskformers_rate():
    """The more, the deeper; a small one drops none."""
    for size, last in (("full", 0.3), ("small", 0.0)):
        with torch.device("meta"):
            backbone = backbones.create("swin_tiny", size)
        rates = [item.drop_prob or 0.0 for item in backbone.modules() if isinstance(item, DropPath)]
        assert max(rates, default=0.0) == pytest.approx(last)


@pytest.mark.parametrize("name", catalogue.BACKBONES)
def test_full_size_channels_and_strides(name):
    with torch.device("meta"):
        backbone = backbones.create(name)
    expected = {
        "vit_base_8": ((768,) * 4, (4,) * 4),
        "vit_small_8": ((384,) * 4, (4,) * 4),
        "vit_small_16": ((384,) * 4, (8,) * 4),
        "vit_base_16": ((768,) * 4, (8,) * 4),
        "swin_tiny": ((96, 192, 384, 768), (4, 8, 16, 32)),
        "resnet50": ((256, 512, 1024, 2048), (4, 8, 16, 32)),
    }
    assert (backbone.channels, backbone.strides) == expected[name]


def test_vit_base_ends_with_the_keys_of_its_twelfth_layer():
    """The network has 85,807,872 parameters; those behind the last keys are gone.

    They are 768^2 + 768 each for queries, values and the projection behind attention, 8 x 768^2 +
    5 x 768 of the perceptron, and two norms of 2 x 768.
    """
    with torch.device("meta"):
        backbone = backbones.create("vit_base_8")
    behind = 3 * (768**2 + 768) + (8 * 768**2 + 5 * 768) + 2 * 1536
    assert sum(p.numel() for p in backbone.parameters()) == 85_807_872 - behind


def test_vit_maps_are_the_keys_of_layers_6_8_10_and_12():
    network = tiny_vit()
    theirs, qkv = copy.deepcopy(network), {}
    for layer in (6, 8, 10, 12):
        theirs.blocks[layer - 1].attn.qkv.register_forward_hook(
            lambda _, __, output, layer=layer: qkv.__setitem__(layer, output)
        )
    ours = KeyMaps(network, patch_stride=8).eval()
    image = IMAGE[..., :32, :32]  # of the size where timm interpolates no positions
    theirs((image - ours.mean) / ours.std)
    for layer, item in zip((6, 8, 10, 12), ours(image), strict=True):
        keys = qkv[layer][:, 1:, 24:48]  # of [queries, keys, values], without the class token
        torch.testing.assert_close(item.flatten(2), keys.mT)


def test_positions_are_dinos_at_every_size():
    """timm's are smoothed; with patches that see nothing, positions alone reach the first keys."""
    network = tiny_vit(depth=1)
    network.patch_embed.proj.weight.data.zero_()
    network.pos_embed.data.normal_()
    backbone = KeyMaps(network, layers=(1,), patch_stride=8)
    (keys,) = backbone(IMAGE)
    patches = network.patch_embed.proj.bias.expand(1, 8 * 12, -1)
    placed = torch.cat([network.cls_token, patches], 1) + positions(network.pos_embed, (8, 12))
    expected = backbone.last_keys(backbone.last_norm(placed))[:, 1:]
    torch.testing.assert_close(keys[:1].flatten(2).mT, expected)


def test_overlapping_patches_are_centred_on_the_cells():
    """Keys of the first layer see one patch: pixels 4 i - 2 to 4 i + 5 for cell i of 4 pixels."""
    backbone = KeyMaps(tiny_vit(depth=1), layers=(1,), patch_stride=4)
    image = IMAGE.clone().requires_grad_()
    (keys,) = backbone(image)
    assert keys.shape == (2, 24, 16, 24)
    keys[0, :, 5, 7].sum().backward()
    rows, columns = (image.grad[0].abs().sum(0) > 0).nonzero().unbind(1)
    assert (rows.min(), rows.max()) == (18, 25)
    assert (columns.min(), columns.max()) == (26, 33)


def test_hierarchy_resizes_the_maps():
    network = tiny_vit()
    same = KeyMaps(copy.deepcopy(network), patch_stride=8)
    pyramid = KeyMaps(network, patch_stride=8, hierarchy=True)
    assert pyramid.strides == (4, 8, 16, 32)
    assert pyramid.multiple == 32
    flat, resized = same(IMAGE), pyramid(IMAGE)
    assert [tuple(item.shape[2:]) for item in resized] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    torch.testing.assert_close(resized[1], flat[1])
    torch.testing.assert_close(resized[3][0, 0, 0, 0], flat[3][0, 0, :4, :4].mean())


@pytest.mark.parametrize(("stride", "allowed"), [(8, True), (4, True), (3, False), (1, False)])
def test_patch_strides(stride, allowed):
    if allowed:
        assert KeyMaps(tiny_vit(), patch_stride=stride).strides == (stride,) * 4
    else:
        with pytest.raises(ValueError, match="must divide the patch's side of 8"):
            KeyMaps(tiny_vit(), patch_stride=stride)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("vit_base_8", (1, 3, 64, 100)),
        ("swin_tiny", (1, 3, 48, 64)),
        ("resnet50", (1, 4, 64, 64)),
        ("resnet50", (3, 64, 64)),
    ],
)
def test_images_that_do_not_fit(name, shape):
    backbone = backbones.create(name, "small")
    with pytest.raises(ValueError, match=rf"multiples of {backbone.multiple}, found \({shape[0]},"):
        backbone(torch.rand(shape))


@pytest.mark.parametrize("name", ["vit_small_8", "swin_tiny", "resnet50"])
def test_equal_seeds_equal_weights(name):
    def made(seed):
        torch.manual_seed(seed)
        return backbones.create(name, "small").state_dict()

    first, again, other = made(0), made(0), made(1)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", ["vit_small_8", "swin_tiny", "resnet50"])
def test_a_frozen_backbone_stays_as_it_is(name):
    backbone = backbones.create(name, "small", frozen=True)
    before = copy.deepcopy(backbone.state_dict())
    maps = backbone.train()(IMAGE)
    assert not any(item.requires_grad for item in maps)
    assert not any(p.requires_grad for p in backbone.parameters())
    assert not any(part.training for part in backbone.modules())
    assert all(torch.equal(before[key], value) for key, value in backbone.state_dict().items())


def test_published_weights_by_name():
    assert catalogue.published_weights("vit_base_8", "dino") == "dino.vitb8"
    assert catalogue.published_weights("swin_tiny", "moby") == "moby.swin_tiny"
    assert catalogue.published_weights("resnet50", "none") is None
    with pytest.raises(ConfigError, match="pretraining 'dion' is unknown; did you mean dino"):
        catalogue.published_weights("vit_base_8", "dion")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "vit_base8"}, "backbone 'vit_base8' is unknown; did you mean vit_base_8"),
        ({"name": "resnet50", "size": "tiny"}, "size 'tiny' is unknown; known: full, small"),
        ({"name": "swin_tiny", "patch_stride": 4}, "patch_stride and hierarchy are a ViT's"),
        ({"name": "swin_tiny", "size": "small", "weights": "x.pth"}, "are of size full, not small"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ConfigError, match=message):
        backbones.create(**arguments)
