"""Encoders from published formats, each with the official names and shapes, on meta tensors.

Sources of the names: facebookresearch/dino vision_transformer.py and main_dino.py;
bytedance/ibot models/vision_transformer.py; facebookresearch/msn src/deit.py and msn_train.py;
facebookresearch/moco-v3 vits.py and moco/builder.py; facebookresearch/swav src/resnet50.py;
facebookresearch/dinov2 dinov2/models/vision_transformer.py; the READMEs of leopart and Timetuning
(one and two leading parts before the keys); mlzxy/flowdino main.py.
"""

import argparse
import io
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from commonfate.base.errors import UserError
from commonfate.models.encoders import ResNetEncoder, ViTEncoder, formats
from commonfate.training import checkpoint
from commonfate.weights import state_dict


def vit(width, patch, side, depth=12, scale=False):
    """Names and shapes of a ViT's parameters, written down."""
    shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + side * side, width),
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    for n in range(depth):
        for name, rows, columns in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", 4 * width, width),
            ("mlp.fc2", width, 4 * width),
        ):
            shapes[f"blocks.{n}.{name}.weight"] = (rows, columns)
            shapes[f"blocks.{n}.{name}.bias"] = (rows,)
        for name in ("norm1", "norm2"):
            shapes[f"blocks.{n}.{name}.weight"] = shapes[f"blocks.{n}.{name}.bias"] = (width,)
        if scale:
            shapes[f"blocks.{n}.ls1.gamma"] = shapes[f"blocks.{n}.ls2.gamma"] = (width,)
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def meta(**shapes):
    tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    return {name.replace("__", "."): tensor for name, tensor in tensors.items()}


def under(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


def dino_head(prefix="head."):
    hidden = meta(mlp__0__weight=(2048, 384), mlp__4__bias=(256,))
    last = meta(last_layer__weight_g=(65536, 1), last_layer__weight_v=(65536, 256))
    return under(prefix, hidden | last)


def resnet50():
    """torchvision's ResNet-50."""
    from torchvision.models import resnet50

    with torch.device("meta"):
        return resnet50().state_dict()


S8, S16 = vit(384, 8, 28), vit(384, 16, 14)
FORMATS = {
    "DINO backbone": (S8, (384, 8, 6, 12)),
    "DINO backbone, ViT-B/16": (vit(768, 16, 14), (768, 16, 12, 12)),
    "DINO full": (
        {
            "student": under("module.backbone.", S16) | dino_head("module.head."),
            "teacher": under("backbone.", S16) | dino_head(),
            "optimizer": {"state": {0: {"step": 1, "exp_avg": torch.empty(3, device="meta")}}},
            "epoch": 100,
            "dino_loss": {"center": torch.empty(1, 65536, device="meta")},
        },
        (384, 16, 6, 12),
    ),
    "iBOT": ({"state_dict": S16}, (384, 16, 6, 12)),
    "iBOT full": (
        {
            "student": under("module.backbone.", S16 | meta(masked_embed=(1, 384))),
            "teacher": under("backbone.", S16) | dino_head(),
        },
        (384, 16, 6, 12),
    ),
    "MSN": (
        {
            "encoder": under("module.", S16 | meta(fc__fc1__weight=(2048, 384))),
            "target_encoder": under(
                "module.", S16 | meta(fc__fc1__weight=(2048, 384), fc__bn1__running_mean=(2048,))
            ),
            "prototypes": torch.empty(1024, 256, device="meta"),
        },
        (384, 16, 6, 12),
    ),
    "MoCo v3": (
        {
            "arch": "vit_small",
            "state_dict": under("module.base_encoder.", S16 | meta(head__0__weight=(4096, 384)))
            | under("module.momentum_encoder.", S16 | meta(head__0__weight=(4096, 384)))
            | under("module.predictor.", meta(**{"0__weight": (4096, 256)})),
        },
        (384, 16, 12, 12),
    ),
    "Leopart": (
        under("model.", S16 | meta(projection_head__0__weight=(2048, 384)))
        | under("model.", meta(prototypes__weight=(300, 256))),
        (384, 16, 6, 12),
    ),
    "Leopart, Lightning": ({"state_dict": under("teacher.", S16) | under("model.", S16)},
                           (384, 16, 6, 12)),
    "FlowDINO": (
        {
            "teacher": under("backbone.", S8) | dino_head() | dino_head("flow_head."),
            "student": under("module.backbone.", S8) | dino_head("module.head."),
        },
        (384, 8, 6, 12),
    ),
    "TimeT": (
        under("feature_extractor.model.", S16)
        | meta(mlp_head__0__weight=(1024, 384), prototypes=(200, 256)),
        (384, 16, 6, 12),
    ),
    "DINOv2": (vit(384, 14, 37, scale=True) | meta(mask_token=(1, 384)), (384, 14, 6, 12)),
    "plain": ({"model": S16}, (384, 16, 6, 12)),
    "plain, DataParallel": (under("module.", S16), (384, 16, 6, 12)),
}  # fmt: skip


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Load an encoder from a checkpoint of meta tensors, as if it lay in a file."""
    path = tmp_path / "weights.pth"
    path.touch()

    def load(content, part=None):
        monkeypatch.setattr(state_dict, "load", lambda *_: content)
        with torch.device("meta"):
            return formats.load(path, part)

    return load


@pytest.mark.parametrize("name", FORMATS)
def test_published_vits_are_read(read, name):
    content, (width, patch, heads, depth) = FORMATS[name]
    encoder = read(content)
    assert isinstance(encoder, ViTEncoder)
    attention = encoder.network.blocks[0].attn
    sizes = encoder.dim, encoder.patch, attention.num_heads, len(encoder.network.blocks)
    assert sizes == (width, patch, heads, depth)
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


@pytest.mark.parametrize("prefix", ["", "module."])
def test_resnets_are_read(read, prefix):
    """torchvision's, and SwAV's, which has heads and no classifier."""
    plain = {key: value for key, value in resnet50().items() if not key.startswith("fc.")}
    swav = meta(projection_head__0__weight=(2048, 2048), prototypes__weight=(3000, 128))
    content = under(prefix, plain | swav) if prefix else resnet50()
    encoder = read(content)
    assert isinstance(encoder, ResNetEncoder)
    assert (encoder.dim, encoder.patch) == (2048, 8)


def test_a_part_is_chosen_by_name(read, tmp_path):
    teacher, student = vit(24, 8, 2, depth=1), vit(24, 8, 3, depth=1)
    content = {
        "teacher": under("backbone.", teacher),
        "student": under("module.backbone.", student),
    }
    assert read(content).network.pos_embed.shape[1] == 5
    assert read(content, "student").network.pos_embed.shape[1] == 10
    with pytest.raises(UserError, match=r"no single part 'ema'; its networks are student.module.b"):
        read(content, "ema")


@pytest.mark.parametrize("names", [("feature_extractor.model.", "teacher.model."),
                                   ("model.", "teacher.")])  # fmt: skip
def test_of_timet_and_leopart_the_student_is_evaluated(read, names):
    """TimeT's time_tuning.py: `forward` uses `feature_extractor`, of which the teacher is a copy.
    Leopart's experiments/utils.py: `get_backbone_weights` takes what begins with `model`."""
    student, teacher = vit(24, 8, 2, depth=1), vit(24, 8, 3, depth=1)
    content = under(names[0], student) | under(names[1], teacher)
    assert read(content).network.pos_embed.shape[1] == 5
    assert read(content, "teacher").network.pos_embed.shape[1] == 10


def test_a_run_of_this_project_is_read(tmp_path):
    torch.manual_seed(0)
    student, teacher = (ViTEncoder(64, 1, 1, 8, 16) for _ in range(2))
    model = nn.ModuleDict({"student": student, "teacher": teacher, "head": nn.Linear(64, 4)})
    optimiser = torch.optim.AdamW(student.parameters())
    student(torch.rand(1, 3, 16, 16))["tokens"].sum().backward()
    optimiser.step()
    path = tmp_path / "checkpoint.pt"
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
    checkpoint.save(path, {**state, "settings": {"method": "dino"}, "iteration": 1})
    images = torch.rand(1, 3, 24, 16)
    tokens = formats.load(path)(images)["tokens"]
    torch.testing.assert_close(tokens, teacher.eval()(images)["tokens"].detach())


@pytest.mark.parametrize("numpy_module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_what_dino_saves_beside_its_networks_is_read(tmp_path, monkeypatch, numpy_module):
    """main_dino.py saves its arguments, and an optimiser whose rates come from NumPy's arrays."""
    torch.manual_seed(0)
    teacher = ViTEncoder(64, 1, 1, 8, 16).network
    content = {
        "teacher": under("backbone.", teacher.state_dict()),
        "optimizer": {"state": {}, "param_groups": [{"lr": np.linspace(0, 1, 3)[1]}]},
        "epoch": 100,
        "args": argparse.Namespace(arch="vit_small", patch_size=16, local_crops_scale=(0.05, 0.25)),
    }
    old = io.BytesIO()
    # The format before torch 1.6 is no zip, so that the name of the module can be replaced.
    torch.save(content, old, _use_new_zipfile_serialization=False)
    assert b"numpy._core.multiarray" in old.getvalue()
    path = tmp_path / "full_checkpoint.pth"
    path.write_bytes(old.getvalue().replace(b"numpy._core.multiarray", numpy_module))
    loaded = formats.load(path).network
    torch.testing.assert_close(loaded.state_dict(), teacher.state_dict())


@pytest.mark.parametrize("kind", ["run", "packed"])
def test_heads_of_ones_own_encoder_are_those_of_its_settings(tmp_path, kind):
    """The shapes of the weights do not say how many heads there are."""
    encoder = ViTEncoder(64, 1, 4, 8, 16)
    settings = {"method": "maskfeat", "heads": 4}
    if kind == "run":
        path = tmp_path / "checkpoint.pt"
        model = under("backbone.network.", encoder.network.state_dict())
        checkpoint.save(path, {"model": model, "settings": settings, "iteration": 1})
    else:
        path = tmp_path / "mine.safetensors"
        recipe = {"commonfate": "0.1.0", "recipe": json.dumps(settings)}
        state_dict.write(path, encoder.network.state_dict(), recipe)
    assert formats.load(path).network.blocks[0].attn.num_heads == 4


def test_heads_that_do_not_divide_the_width_are_refused(read):
    with pytest.raises(UserError, match="ViT of width 100, which 64 channels a head do not divide"):
        read(vit(100, 8, 2, depth=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("blocks.3.attn.qkv.bias"), "1 keys are missing, 0 unknown"),
        (lambda state: state.update(rope=torch.empty(3)), "0 keys are missing, 1 unknown.*rope"),
        (lambda state: state.update(register_tokens=torch.empty(1, 4, 384)), "with registers"),
        (lambda state: state.pop("patch_embed.proj.weight"), "not the weights of a ViT"),
        (lambda state: state.clear(), "holds no ViT and no ResNet-50 of a known format"),
    ],
)
def test_other_keys_are_refused_by_name(read, change, message):
    state = dict(S16)
    change(state)
    with pytest.raises(UserError, match=message):
        read(state)


def test_several_networks_of_no_preference_are_refused(read):
    state = vit(24, 8, 2, depth=1)
    with pytest.raises(UserError, match="several networks, first, second; save the state_dict"):
        read({"first": state, "second": state})


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_of_a_file_give_their_features(tmp_path, suffix):
    torch.manual_seed(0)
    encoder = ViTEncoder(128, 2, 2, 8, 32).eval()
    path = tmp_path / f"weights{suffix}"
    state = encoder.network.state_dict()
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    images = torch.rand(1, 3, 40, 48)
    loaded = formats.load(path)
    names = ("tokens", "keys", "cls", "attention")
    expected = encoder(images, names)
    for name, value in loaded(images, names).items():
        torch.testing.assert_close(value, expected[name].detach())


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.pth: no such file of weights"):
        formats.load(tmp_path / "nothing.pth")


def test_a_resnets_features(tmp_path):
    torch.manual_seed(0)
    encoder = ResNetEncoder().train()
    result = encoder(torch.rand(1, 3, 64, 96), ("tokens", "cls"))
    assert result["tokens"].shape == (1, 8, 12, 2048)
    torch.testing.assert_close(result["cls"], result["tokens"].mean((1, 2)))
    assert not encoder.network.bn1.training
    with pytest.raises(ValueError, match="ResNetEncoder has no attention, only tokens, cls"):
        encoder(torch.rand(1, 3, 64, 96), ("attention",))
