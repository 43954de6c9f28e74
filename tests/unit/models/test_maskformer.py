"""MaskFormer: shapes, sizes, what is trained, and where its parts come from."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from commonfate.models import backbones, catalogue
from commonfate.models.maskformer import WIDTHS, MaskFormer, Widths

IMAGE = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
ONE_OF_EACH = ["vit_small_8", "swin_tiny", "resnet50"]


def network(name="resnet50", queries=4, **options):
    backbone = backbones.create(name, "small", **options)
    return MaskFormer(backbone, queries, WIDTHS["small"])


@pytest.mark.parametrize("name", catalogue.BACKBONES)
@pytest.mark.parametrize("queries", [1, 4])
def test_logits_have_the_resolution_of_the_image(name, queries):
    model = network(name, queries).eval()
    dense, logits = model.dense_and_logits(IMAGE)
    stride = model.backbone.strides[0]
    assert logits.shape == (2, queries, 64, 96)
    assert dense.shape == (2, WIDTHS["small"].features, 64 // stride, 96 // stride)
    assert dense.min() >= 0
    torch.testing.assert_close(model(IMAGE), logits)


@pytest.mark.parametrize("options", [{"hierarchy": True}, {"patch_stride": 4}])
def test_logits_of_other_grids(options):
    assert network("vit_small_8", **options)(IMAGE).shape == (2, 4, 64, 96)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_any_size_is_continued_by_its_border(name):
    model = network(name).eval()
    image = IMAGE[..., :50, :71]
    dense, logits = model.dense_and_logits(image)
    assert logits.shape == (2, 4, 50, 71)
    stride = model.backbone.strides[0]
    assert dense.shape[2:] == (-(-50 // stride), -(-71 // stride))
    multiple = model.backbone.multiple
    more = [0, -71 % multiple, 0, -50 % multiple]
    continued = nn.functional.pad(image, more, mode="replicate")
    torch.testing.assert_close(logits, model(continued)[..., :50, :71])


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_parameter_is_used_and_learns(name):
    """In the decoder's first self-attention all queries are zero, as DETR begins: it has none."""
    torch.manual_seed(0)
    model = network(name)
    for parameter in model.parameters():  # leave initialisations by zero, at which gradients vanish
        nn.init.normal_(parameter, std=0.3) if parameter.ndim < 2 else None
    logits = model(IMAGE)
    (logits * torch.randn(logits.shape)).sum().backward()
    unused = [key for key, p in model.named_parameters() if p.grad is None]
    assert unused == []
    still = {key for key, p in model.named_parameters() if p.ndim > 1 and not p.grad.any()}
    first = {f"query_decoder.decoder.layers.0.self_attn.{p}_proj.weight" for p in "qkv"}
    assert still <= first


def test_a_frozen_backbone_leaves_the_head_to_be_trained():
    model = network("vit_small_8", frozen=True)
    model(IMAGE).logsumexp(1).sum().backward()
    assert {key.split(".")[0] for key, p in model.named_parameters() if p.grad is None} == {
        "backbone"
    }


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_state_comes_back(name):
    torch.manual_seed(0)
    model, other = network(name).eval(), network(name).eval()
    assert not torch.equal(model(IMAGE), other(IMAGE))
    other.load_state_dict(model.state_dict())
    assert torch.equal(model(IMAGE), other(IMAGE))


def test_equal_seeds_equal_weights():
    def made(seed):
        torch.manual_seed(seed)
        return network().state_dict()

    first, again, other = made(0), made(0), made(1)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(
        first["query_decoder.queries_embedder.weight"],
        other["query_decoder.queries_embedder.weight"],
    )


def test_full_size_is_maskformers():
    """256 channels, six layers of eight heads; the head has 15,485,696 parameters on Swin-tiny."""
    with torch.device("meta"):
        model = MaskFormer(backbones.create("swin_tiny"), queries=4)
    head = [p for key, p in model.named_parameters() if not key.startswith("backbone.")]
    norms, conv3, conv1 = 2 * 256, 9 * 256**2, 256**2
    pyramid = (
        (9 * 768 * 256 + norms)  # stem
        + sum(width * 256 + norms + conv3 + norms for width in (96, 192, 384))
        + 2 * (conv3 + norms + conv1 + norms)  # supplement A
        + (conv3 + 256)  # projection
    )
    linear = 256**2 + 256
    layer = 8 * linear + (2 * 256 * 2048 + 2048 + 256) + 3 * norms
    decoder = 4 * 256 + (768 * 256 + 256) + 6 * layer + norms
    assert sum(p.numel() for p in head) == pyramid + decoder + 3 * linear == 15_485_696


@pytest.mark.parametrize("options", [{}, {"patch_stride": 4}, {"patch_stride": 2}])
def test_extension_doubles_until_the_image(options):
    model = network("vit_small_8", **options)
    doublings = sum(isinstance(p, nn.Upsample) for p in model.pixel_decoder.mask_projection)
    assert 2**doublings == model.backbone.strides[0] == options.get("patch_stride", 8)


def test_stride_that_is_no_power_of_two():
    backbone = backbones.create("resnet50", "small")
    backbone.strides = (6, 12, 24, 48)
    with pytest.raises(ValueError, match="must be a power of two, found 6"):
        MaskFormer(backbone, 4, Widths(features=32, masks=8, layers=1, heads=2, feedforward=32))


@pytest.mark.slow
def test_transformers_is_imported_late_and_quietly():
    """A warning would be an error, a connection too; and nothing is printed."""
    code = """
import socket, sys
def refuse(*_, **__): raise AssertionError("a connection")
socket.socket.connect = socket.create_connection = refuse
from commonfate.models import catalogue
assert "torch" not in sys.modules
from commonfate.models import backbones
from commonfate.models.maskformer import MaskFormer
assert "transformers" not in sys.modules
MaskFormer(backbones.create("vit_small_8", "small"), 4)
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
