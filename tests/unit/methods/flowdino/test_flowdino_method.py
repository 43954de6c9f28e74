"""FlowDINO as a method: one step by hand, gradients, variants, and the weights at its start."""

import pytest
import torch
from lightning.fabric import Fabric

from commonfate.base.errors import ConfigError, UserError
from commonfate.base.settings import from_pairs
from commonfate.methods.dino.method import Dino
from commonfate.methods.dino.settings import DinoSettings
from commonfate.methods.distillation.loss import cross_entropy
from commonfate.methods.flowdino.loss import flow_loss
from commonfate.methods.flowdino.settings import FlowDinoSettings
from commonfate.models.encoders import formats
from commonfate.samples.example import Example
from commonfate.training.learner import Learner


def learner_of(method):
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    torch.manual_seed(0)
    return Learner(method, fabric)


def encoded(encoder, crops):
    """Features of crops (B, n, 3, h, w), crop by crop, one image at a time."""
    rows = [encoder(crop[None].float() / 255, ("cls", "tokens", "attention"))
            for views in crops.transpose(0, 1) for crop in views]  # fmt: skip
    return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}


def test_the_loss_is_dinos_on_images_plus_that_of_flow_on_frames(tiny, batch, network):
    """Every crop by itself, in another way: two losses, and the mean over kinds of crops."""
    method = tiny(drop_path=0, flow_weight=0.7)
    model, items = network(method), batch(method)
    with torch.no_grad():
        for parameter in model.student.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    student, teacher = model.student, model.teacher
    of_images = [encoded(student.backbone, items[f"{kind}_crops"]) for kind in ("global", "local")]
    logits = student.head(torch.cat([values["cls"] for values in of_images])).unflatten(0, (5, 4))
    targets = teacher.head(encoded(teacher.backbone, items["global_crops"])["cls"])
    targets = (targets / 0.03).softmax(-1).unflatten(0, (2, 4))
    distilled = cross_entropy(logits, targets, 0.1)
    moved, alike = [], []
    for kind in ("global", "local"):
        values = encoded(student.backbone, items[f"frame_{kind}_crops"])
        flow = items[f"{kind}_flow"].transpose(0, 1).flatten(0, 1)
        salience = values["attention"].sum(1)
        moved.append(flow_loss(values["tokens"], salience, flow, method.settings.flow))
        equal = torch.full_like(values["tokens"], 3.0)
        alike.append(flow_loss(equal, salience, flow, method.settings.flow))
    terms = method.loss(model, items, 0)
    torch.testing.assert_close(terms["dino"], distilled)
    torch.testing.assert_close(terms["flow"], sum(moved) / 2)
    torch.testing.assert_close(terms["flow_alike"], sum(alike) / 2)
    assert not terms["flow_alike"].requires_grad
    torch.testing.assert_close(terms["loss"], distilled + 0.7 * sum(moved) / 2)
    assert terms["flow"] > 0


def test_a_step_by_hand(tiny, batch):
    """Clipping by tensor, AdamW without a past, the teacher's average, the centre's."""
    method = tiny(drop_path=0, clip_norm=0.02)
    learner, items = learner_of(method), batch(method)
    before = {name: value.clone() for name, value in learner.network.state_dict().items()}
    learner.gradient(items, 0)
    gradients = {
        name: parameter.grad.clone()
        for name, parameter in learner.network.named_parameters()
        if parameter.grad is not None
    }
    assert max(gradient.norm() for gradient in gradients.values()) <= 0.02 * 1.001
    rate, decay = method.learning_rate(0), method.weight_decay(0)
    assert (rate, decay) == pytest.approx((1e-3, 0.1))
    learner.update(rate, decay)
    after = learner.network.state_dict()
    name = "student.backbone.network.blocks.0.mlp.fc1.weight"
    gradient = gradients[name]
    moved = rate * gradient / (gradient.abs() + 1e-8)  # Adam's first step, without its memory
    expected = before[name] * (1 - rate * decay) - moved
    torch.testing.assert_close(after[name], expected, atol=1e-6, rtol=0)
    slow = name.replace("student", "teacher")
    expected = before[slow] * 0.996 + after[name] * 0.004
    torch.testing.assert_close(after[slow], expected)
    assert after["centre"].abs().max() > 0


def test_gradients_of_both_losses_reach_the_encoder_and_of_one_the_head(tiny, batch, network):
    method = tiny(flow_head=True)
    model, items = network(method), batch(method)
    terms = method.loss(model, items, 0)
    encoder = model.student.backbone.network.patch_embed.proj.weight
    token = model.student.backbone.network.cls_token
    for term in ("dino", "flow"):
        (gradient,) = torch.autograd.grad(terms[term], encoder, retain_graph=True)
        assert gradient.isfinite().all() and gradient.abs().max() > 0
    assert torch.autograd.grad(terms["dino"], token, retain_graph=True)[0].abs().max() > 0
    head = [p for p in model.student.head.parameters() if p.requires_grad]
    of_head = torch.autograd.grad(terms["flow"], head, retain_graph=True, allow_unused=True)
    assert of_head == (None,) * len(head)
    flow_head = [p for p in model.flow_head.parameters() if p.requires_grad]
    assert all(g.abs().max() > 0 for g in torch.autograd.grad(terms["flow"], flow_head))
    assert not any(p.requires_grad for p in model.teacher.parameters())


def test_every_trained_tensor_has_a_gradient_so_that_processes_can_share(tiny, batch, network):
    for changes in ({}, {"flow_head": True}, {"distils": "frames"}, {"distils": "both"}):
        method = tiny(**changes)
        model = network(method)
        method.loss(model, batch(method), 0)["loss"].backward()
        without = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
        assert without == []


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_without_images_dinos_loss_sees_the_frames(tiny, batch, network, weight):
    method = tiny(distils="frames", flow_weight=weight, drop_path=0)
    assert (method.settings.learns_beside, method.settings.order) == (None, "videos")
    items = batch(method)
    flows = {"global_flow", "local_flow"} if weight else set()
    assert set(items) == {"frame_global_crops", "frame_local_crops"} | flows
    model = network(method)
    terms = method.loss(model, items, 0)
    model = network(method)
    alone = dino(method).loss(Alone(model), renamed(items, "frame_"), 0)
    torch.testing.assert_close(terms["dino" if weight else "loss"], alone["loss"])
    assert ("flow" in terms) == bool(weight)


class Alone(torch.nn.Module):
    """The network in DINO's form."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *crops):
        return self.model(crops)[0]


def dino(method):
    """DINO with the same settings, as far as it has them."""
    own = method.settings.model_dump(include=DinoSettings.model_fields.keys() - {"method"})
    return Dino(DinoSettings(**own))


def renamed(items, start):
    return {name.removeprefix(start): value for name, value in items.items()}


def test_only_frames_are_added_to_dinos_batch(tiny, batch, network):
    """Table III: DINO's loss on both halves, no flow loss."""
    method = tiny(distils="both", flow_weight=0, drop_path=0)
    assert method.settings.learns_beside == "frames"
    items = batch(method)
    assert not any("flow" in name for name in items)
    joined = {
        name: torch.cat([items[name], items[f"frame_{name}"]])
        for name in ("global_crops", "local_crops")
    }
    terms = method.loss(network(method), items, 0)
    alone = dino(method).loss(Alone(network(method)), joined, 0)
    torch.testing.assert_close(terms["loss"], alone["loss"])
    assert "flow" not in terms


def test_both_halves_and_flow_pass_through_the_student_once(tiny, batch, network):
    """The flow loss of frames is the same whichever loss else sees them."""
    items = batch(tiny())
    terms = [
        tiny(distils=name, drop_path=0).loss(network(tiny(drop_path=0)), items, 0)["flow"]
        for name in ("images", "both")
    ]
    torch.testing.assert_close(*terms)


def test_without_a_flow_loss_frames_beside_images_are_not_even_cropped(tiny, batch, network):
    method = tiny(flow_weight=0)
    items = batch(method)
    assert set(items) == {"global_crops", "local_crops"}
    assert set(method.loss(network(method), items, 0)) == {"loss", "entropy", "entropy_of_mean"}


@pytest.mark.parametrize(
    "loss",
    [
        {"remove_background": False},
        {"weights": "equal"},
        {"remove_background": False, "weights": "equal"},
        {"window": 5, "stride": 1},
        {"still_below": 0.1, "divergence": "cross_entropy", "weights": "similarity"},
    ],
)
def test_variants_of_the_loss(tiny, batch, network, loss):
    method = tiny(flow=loss, local_crop=20, local_scale=(0.2, 0.5))
    model = network(method)
    terms = method.loss(model, batch(method), 0)
    terms["loss"].backward()
    assert terms["flow"] > 0
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_a_batch_without_motion_still_learns_from_images(tiny, network):
    import numpy as np
    from torch.utils.data import default_collate

    method, model = tiny(), network(tiny())
    frame, flow = np.zeros((24, 24, 3), np.uint8), np.full((2, 24, 24), np.nan, np.float32)
    flow[:, :4] = 0
    examples = [Example(frame, flow=flow, seed=n, beside=Example(frame, seed=n)) for n in (1, 2)]
    terms = method.loss(model, default_collate([method.prepare(e) for e in examples]), 0)
    assert terms["flow"] == 0
    assert terms["loss"] == terms["dino"]
    terms["loss"].backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_no_local_crops(tiny, batch, network):
    method = tiny(local_crops=0)
    assert method.loss(network(method), batch(method), 0)["flow"] > 0


def saved(path, method, network, change=lambda state: state):
    model = network(method, seed=5)
    with torch.no_grad():  # so that the two differ
        for parameter in model.student.parameters():
            parameter.add_(1)
    state = {"model": change(model.state_dict()), "settings": method.settings.model_dump()}
    torch.save({**state, "iteration": 1}, path)
    return model


def test_both_networks_start_from_the_teacher_of_a_run(tiny, network, tmp_path):
    run = saved(tmp_path / "checkpoint.pt", tiny(), network)
    method = tiny(start=str(tmp_path / "checkpoint.pt"))
    assert method.start_file() == tmp_path / "checkpoint.pt"
    model = network(method)
    for name, weights in run.teacher.state_dict().items():
        assert torch.equal(model.student.state_dict()[name], weights)
        assert torch.equal(model.teacher.state_dict()[name], weights)
    assert model.centre.abs().max() == 0
    fresh = network(method, pretrained=False)
    assert not torch.equal(fresh.student.head.mlp[0].weight, model.student.head.mlp[0].weight)
    assert "from checkpoint.pt" in method.description["network"]


def test_a_full_checkpoint_of_dino(tiny, network, tmp_path):
    """Names as DINO's authors save them; the student's have `module.` before them."""

    def published(state):
        parts = {"student": "module.", "teacher": ""}
        return {
            part: {
                start
                + name.removeprefix(f"{part}.").replace("backbone.network.", "backbone."): value
                for name, value in state.items()
                if name.startswith(f"{part}.")
            }
            for part, start in parts.items()
        }

    model = network(tiny(), seed=5)
    torch.save(published(model.state_dict()), tmp_path / "full.pth")
    encoder, head = formats.load_with_head(tmp_path / "full.pth")
    assert head.keys() == model.teacher.head.state_dict().keys()
    # One of 16 channels is read as having a single head of attention.
    with pytest.raises(UserError, match="has 1 heads of attention, the settings 2"):
        network(tiny(start=str(tmp_path / "full.pth")))
    started = network(tiny(start=str(tmp_path / "full.pth"), heads=1))
    assert torch.equal(
        started.student.head.last_layer.weight_v, model.teacher.head.last_layer.weight_v
    )
    assert torch.equal(started.teacher.backbone.network.pos_embed, encoder.network.pos_embed)


@pytest.mark.parametrize(
    ("run", "changes", "message"),
    [
        (
            {"outputs": 8},
            {},
            "not the weights of DINO's head with the sizes of the settings: .* 2 of",
        ),
        ({"dim": 24}, {}, "not the weights of ViT of width 16, depth 2, patches of 4"),
        ({"global_crop": 40}, {}, "positions are those of the settings: .* e.g. pos_embed"),
        (None, {}, "holds an encoder without DINO's head; take a full checkpoint"),
    ],
)
def test_weights_that_do_not_fit(tiny, network, tmp_path, run, changes, message):
    def bare(state):
        return {n: v for n, v in state.items() if "head" not in n}

    saved(tmp_path / "a.pt", tiny(**(run or {})), network, *([bare] if run is None else []))
    with pytest.raises(UserError, match=message):
        network(tiny(start=str(tmp_path / "a.pt"), **changes))


def test_a_new_head_and_positions_of_another_size(tiny, network, tmp_path):
    saved(tmp_path / "a.pt", tiny(outputs=8, global_crop=40), network)
    method = tiny(start=str(tmp_path / "a.pt"), head="new", positions=40)
    model = network(method)
    assert model.student.backbone.network.pos_embed.shape == (1, 101, 16)
    assert model.student.head.last_layer.weight_v.shape == (12, 8)
    encoder = method.encoder_of(model.state_dict())
    assert encoder(torch.rand(1, 3, 20, 24))["tokens"].shape == (1, 5, 6, 16)
    kept = method.kept(model)
    assert set(kept) == {n for n in model.state_dict() if ".backbone." in n}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["start=random.vit_small_16"], "start = 'random.vit_small_16': random weights are what"),
        (["local_crop=32"], "local_crop 32 has 2 patches a side, fewer than flow.window 3"),
        (["flow.window=15"], "global_crop 224 has 14 patches a side, fewer than flow.window 15"),
        (["positions=230"], "positions 230 must be a multiple of patch 16"),
        (["distils=image"], "distils = 'image': Input should be 'images', 'frames' or 'both'"),
    ],
)
def test_settings_that_are_refused(pairs, message):
    with pytest.raises(ConfigError) as error:
        from_pairs(FlowDinoSettings, pairs)
    assert message in str(error.value)


def test_windows_need_not_fit_where_no_flow_is_compared():
    assert FlowDinoSettings(local_crop=32, flow_weight=0).local_crop == 32
    assert FlowDinoSettings(local_crop=32, local_crops=0).local_crops == 0
