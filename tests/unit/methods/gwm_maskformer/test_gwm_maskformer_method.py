"""Guess What Moves with MaskFormer: networks, weights, training, prediction."""

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from commonfate import weights
from commonfate.base.errors import UserError
from commonfate.methods import create
from commonfate.methods.gwm.settings import MergeSettings
from commonfate.methods.gwm_maskformer.settings import GwmMaskFormerSettings
from commonfate.models import backbones, dino_keys
from commonfate.samples.example import Example

SMALL = {
    "backbone": "vit_small_8",
    "pretraining": "none",
    "size": "small",
    "components": 3,
    "image_size": (32, 48),
    "flow_size": (40, 57),
    "merge": MergeSettings(features="network"),
}
BACKBONES = [("vit_small_8", "dino"), ("swin_tiny", "moby"), ("resnet50", "supervised")]


def method(**settings):
    return create(GwmMaskFormerSettings(**(SMALL | settings)))


def sample(seed=0):
    """A frame and a flow of which the left half looks and moves otherwise than the right."""
    generator = np.random.default_rng(seed)
    frame = generator.integers(0, 256, (32, 48, 3), dtype=np.uint8)
    frame[:, 24:] //= 4
    flow = generator.normal(0, 0.1, (2, 40, 57)).astype(np.float32)
    flow[0, :, :28] += 5
    return frame, flow


def batch_of(subject):
    return default_collate([subject.prepare(Example(*sample(seed))) for seed in range(2)])


@pytest.mark.parametrize(("backbone", "pretraining"), BACKBONES)
@pytest.mark.parametrize("variant", ["paper", "released"])
def test_every_trained_parameter_has_a_finite_gradient(backbone, pretraining, variant):
    subject = method(backbone=backbone, pretraining=pretraining, variant=variant)
    model = subject.build()
    subject.loss(model, batch_of(subject), 0)["loss"].backward()
    groups = subject.optimiser(model).param_groups
    grouped = {id(item) for group in groups for item in group["params"]}
    assert grouped == {id(item) for item in model.parameters()}
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("backbone", "embeddings"),
    [("swin_tiny", "relative_position_bias_table"), ("vit_small_8", "pos_embed cls_token")],
)
def test_embeddings_of_the_backbone_have_no_weight_decay(backbone, embeddings):
    """Released: detectron2's groups leave out norms and embeddings, by these names too."""
    subject = method(backbone=backbone)
    model = subject.build()
    decayed, others = (
        {id(parameter) for parameter in group["params"]}
        for group in subject.optimiser(model).param_groups
    )
    for name in embeddings.split():
        own = [value for key, value in model.named_parameters() if key.endswith(name)]
        assert own and {id(value) for value in own} <= others, name
    kernels = [v for k, v in model.named_parameters() if k.endswith(("qkv.weight", "fc1.weight"))]
    assert kernels and {id(value) for value in kernels} <= decayed


def test_training_separates_two_motions():
    torch.manual_seed(0)
    subject = method(components=2, learning_rate=3e-3, warmup_iterations=0)
    model, batch = subject.build(), batch_of(subject)
    optimiser = subject.optimiser(model)
    losses = []
    for _ in range(15):
        optimiser.zero_grad()
        losses.append(subject.loss(model, batch, 0)["loss"])
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


def test_a_frozen_backbone_is_not_trained():
    subject = method(freeze_backbone=True, learning_rate=0.1, warmup_iterations=0)
    model = subject.build().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimiser = subject.optimiser(model)
    subject.loss(model, batch_of(subject), 0)["loss"].backward()
    optimiser.step()
    changed = {key for key, value in model.state_dict().items() if not value.equal(before[key])}
    assert changed
    assert not any(key.startswith("backbone.") for key in changed)


@pytest.mark.parametrize("size", [None, (40, 71)])
def test_prediction_sums_to_one(size):
    subject = method()
    result = subject.predict(subject.build().eval(), sample()[0], None, size=size)
    shape = (32, 48) if size is None else (48, 64)
    assert result.components.shape == (3, *shape)
    for masks in (result.components, result.groups):
        torch.testing.assert_close(masks.sum(0), torch.ones(shape))


@pytest.fixture
def made(monkeypatch):
    """What backbones were made of, and which assets were fetched, without doing either."""
    seen, small = [], backbones.create

    def create_backbone(name, size, path, **options):
        seen.append((name, size, path, options["frozen"]))
        return small(name, "small", None, **options)

    monkeypatch.setattr(backbones, "create", create_backbone, raising=False)
    monkeypatch.setattr(weights, "fetch", lambda asset: f"cache/{asset.name}")
    return seen


def test_published_weights_are_fetched_for_training_alone(made):
    subject = create(GwmMaskFormerSettings())
    subject.build()
    subject.build(pretrained=False)
    create(GwmMaskFormerSettings(pretraining="none")).build()
    assert made == [
        ("vit_base_8", "full", "cache/dino.vitb8", True),
        ("vit_base_8", "full", None, True),
        ("vit_base_8", "full", None, False),
    ]


def test_a_file_of_weights_comes_before_the_published_one(made, tmp_path):
    path = tmp_path / "swin.pth"
    settings = {"backbone": "swin_tiny", "pretraining": "moby", "weights": str(path)}
    with pytest.raises(UserError, match=r"weights: .*swin\.pth: no such file"):
        create(GwmMaskFormerSettings(**settings))
    path.touch()
    create(GwmMaskFormerSettings(**settings)).build()
    assert made == [("swin_tiny", "full", path, False)]


def test_what_is_read_beside_checkpoints_is_named_for_provenance(made, tmp_path, monkeypatch):
    path = tmp_path / "dino.pth"
    path.touch()
    monkeypatch.setattr(dino_keys, "fetch", lambda asset: path)
    subject = create(GwmMaskFormerSettings())
    assert (subject.start_file(), subject.feature_file()) == ("cache/dino.vitb8", path)
    subject = method(merge=MergeSettings(features="network"))
    assert (subject.start_file(), subject.feature_file()) == (None, None)


def test_the_description_says_what_the_network_is():
    assert method().description == {
        "network": "MaskFormer, small ViT/8, from scratch",
        "features": "network",
        "resolution": "32x48",
    }
    assert create(GwmMaskFormerSettings()).network == "MaskFormer, ViT-B/8, DINO"
    small = method(backbone="swin_tiny", pretraining="moby")  # `small` has no published weights
    assert small.network == "MaskFormer, small Swin, from scratch"
