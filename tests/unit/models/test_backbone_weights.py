"""Published weights load strictly, under the names that their authors give them."""

import pickle
import re
import sys
import types

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from commonfate.base.errors import StoreError, UserError
from commonfate.models import backbones, state_file


def values(shapes):
    """Tensors of these shapes, each of one number of its own; a file of them is tiny."""
    return {
        key: torch.tensor(number / 1000).expand(shape)
        for number, (key, shape) in enumerate(shapes.items())
    }


def dino_shapes(width=384, patch=16):
    """Of facebookresearch/dino's ViT-S/16."""
    block = {
        "norm1.weight": (width,),
        "norm1.bias": (width,),
        "attn.qkv.weight": (3 * width, width),
        "attn.qkv.bias": (3 * width,),
        "attn.proj.weight": (width, width),
        "attn.proj.bias": (width,),
        "norm2.weight": (width,),
        "norm2.bias": (width,),
        "mlp.fc1.weight": (4 * width, width),
        "mlp.fc1.bias": (4 * width,),
        "mlp.fc2.weight": (width, 4 * width),
        "mlp.fc2.bias": (width,),
    }
    return {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + (224 // patch) ** 2, width),
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "patch_embed.proj.bias": (width,),
        **{f"blocks.{b}.{key}": shape for b in range(12) for key, shape in block.items()},
        "norm.weight": (width,),
        "norm.bias": (width,),
    }


def swin_shapes():
    """Of microsoft/Swin-Transformer's Swin-T, whose stages end with their downsampling."""
    shapes = {
        "patch_embed.proj.weight": (96, 3, 4, 4),
        "patch_embed.proj.bias": (96,),
        "patch_embed.norm.weight": (96,),
        "patch_embed.norm.bias": (96,),
    }
    for stage, depth in enumerate((2, 2, 6, 2)):
        width, heads = 96 * 2**stage, 3 * 2**stage
        for block in range(depth):
            start = f"layers.{stage}.blocks.{block}"
            for part, out, inside in (
                ("attn.qkv", 3, 1),
                ("attn.proj", 1, 1),
                ("mlp.fc1", 4, 1),
                ("mlp.fc2", 1, 4),
            ):
                shapes[f"{start}.{part}.weight"] = (out * width, inside * width)
                shapes[f"{start}.{part}.bias"] = (out * width,)
            for norm in ("norm1", "norm2"):
                shapes[f"{start}.{norm}.weight"] = shapes[f"{start}.{norm}.bias"] = (width,)
            shapes[f"{start}.attn.relative_position_bias_table"] = (169, heads)
            shapes[f"{start}.attn.relative_position_index"] = (49, 49)
            if block % 2 and stage < 3:
                shapes[f"{start}.attn_mask"] = (64 // 4**stage, 49, 49)
        if stage < 3:
            shapes[f"layers.{stage}.downsample.reduction.weight"] = (2 * width, 4 * width)
            for kind in ("weight", "bias"):
                shapes[f"layers.{stage}.downsample.norm.{kind}"] = (4 * width,)
    return shapes | {"norm.weight": (768,), "norm.bias": (768,)}


def holds(tensor, value):
    return bool((tensor == value.flatten()[0]).all())


def test_dino(tmp_path):
    state = values(dino_shapes())
    torch.save(state, tmp_path / "dino.pth")
    own = backbones.create("vit_small_16", weights=tmp_path / "dino.pth").state_dict()
    assert holds(own["network.pos_embed"], state["pos_embed"])
    assert holds(own["network.blocks.10.mlp.fc2.weight"], state["blocks.10.mlp.fc2.weight"])
    assert holds(own["last_keys.weight"], state["blocks.11.attn.qkv.weight"])
    assert holds(own["last_norm.bias"], state["blocks.11.norm1.bias"])


def test_moby(tmp_path):
    """Momentum encoder, projectors and queues lie beside the encoder, and are passed over."""
    state = values(swin_shapes())
    model = {f"encoder.{key}": value for key, value in state.items()}
    model |= {f"encoder_k.{key}": value for key, value in state.items()}
    model |= {"projector.linear_out.weight": torch.zeros(2), "queue1": torch.zeros(2)}
    torch.save({"model": model, "epoch": 299}, tmp_path / "moby.pth")
    own = backbones.create("swin_tiny", weights=tmp_path / "moby.pth").state_dict()
    # timm begins a stage with what ends the stage before it here.
    reduction = state["layers.1.downsample.reduction.weight"]
    assert holds(own["network.layers.2.downsample.reduction.weight"], reduction)
    qkv = state["layers.3.blocks.1.attn.qkv.bias"]
    assert holds(own["network.layers.3.blocks.1.attn.qkv.bias"], qkv)


def test_supervised_swin_is_read_without_its_classifier(tmp_path):
    state = values(swin_shapes() | {"head.weight": (1000, 768), "head.bias": (1000,)})
    torch.save({"model": state}, tmp_path / "swin.pth")
    own = backbones.create("swin_tiny", weights=tmp_path / "swin.pth").state_dict()
    assert holds(own["network.patch_embed.norm.bias"], state["patch_embed.norm.bias"])


def test_supervised_resnet_keeps_its_batch_norm(tmp_path):
    with torch.device("meta"):
        theirs = torchvision.models.resnet50().state_dict()
    state = values({key: value.shape for key, value in theirs.items()})
    torch.save(state, tmp_path / "resnet.pth")
    backbone = backbones.create("resnet50", weights=tmp_path / "resnet.pth").train()
    network = backbone.network
    assert holds(network.layer4[2].bn3.running_var, state["layer4.2.bn3.running_var"])
    assert not network.layer4[2].bn3.training
    assert not network.bn1.weight.requires_grad
    assert network.conv1.weight.requires_grad


@pytest.mark.parametrize(("options", "trained"), [({}, True), ({"fixed_norms": True}, False)])
def test_batch_norm_without_weights_is_trained_unless_it_is_said(options, trained):
    network = backbones.create("resnet50", "small", **options).eval().train().network
    assert network.bn1.training == trained
    assert network.bn1.weight.requires_grad == trained


def test_weights_of_another_network(tmp_path):
    torch.save(values(dino_shapes(patch=8)), tmp_path / "dino.pth")
    message = "not the weights of vit_small_16: 0 keys are missing, 0 unknown, 2 of another shape"
    with pytest.raises(UserError, match=rf"dino\.pth: {message}, e\.g\. pos_embed"):
        backbones.create("vit_small_16", weights=tmp_path / "dino.pth")


@pytest.mark.parametrize(
    ("own", "found", "message"),
    [
        ({"weight"}, {}, "1 keys are missing, 0 unknown, 0 of another shape, e.g. weight"),
        ({"weight"}, {"weight": 2, "head": 1}, "0 keys are missing, 1 unknown, 0 of another"),
        ({"weight"}, {"weight": 3}, "0 keys are missing, 0 unknown, 1 of another shape"),
    ],
)
def test_fill_is_strict(tmp_path, own, found, message):
    network = nn.Linear(2, 1, bias=False)
    state = {key: torch.ones(1, size) for key, size in found.items()}
    with pytest.raises(UserError, match=re.escape(f"a.pth: not the weights of it: {message}")):
        state_file.fill(network, state, "a.pth", "it")


def test_safetensors(tmp_path):
    save_file({"weight": torch.full((1, 2), 3.0)}, tmp_path / "a.safetensors")
    network = nn.Linear(2, 1, bias=False)
    path = tmp_path / "a.safetensors"
    state_file.fill(network, state_file.read(path), path, "it")
    assert network.weight.tolist() == [[3.0, 3.0]]


def test_settings_beside_the_weights_run_no_code(tmp_path, monkeypatch):
    """Microsoft's trainings save a yacs.config.CfgNode, a dict; yacs need not be installed."""
    node = type("CfgNode", (dict,), {"__module__": "yacs.config"})
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "yacs", types.ModuleType("yacs"))
        patch.setitem(sys.modules, "yacs.config", types.ModuleType("yacs.config"))
        sys.modules["yacs.config"].CfgNode = node
        settings = node(MODEL=node(TYPE="moby", DEPTHS=[2, 2, 6, 2]))
        torch.save({"model": {"weight": torch.ones(2)}, "config": settings}, tmp_path / "a.pth")
    assert state_file.read(tmp_path / "a.pth")["weight"].tolist() == [1.0, 1.0]


def test_files_that_are_no_weights(tmp_path):
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "code.pth").write_bytes(pickle.dumps(test_safetensors, protocol=2))
    for name, message in {
        "none.pth": "no such file of weights",
        "text.pth": "is no file that torch.save",
        "text.safetensors": "is no whole file of safetensors",
        "list.pth": "holds no state dict",
        "code.pth": "is a checkpoint that holds a ",
    }.items():
        with pytest.raises(StoreError, match=f"{name}: {message}") as caught:
            state_file.read(tmp_path / name)
        assert "\n" not in str(caught.value)
