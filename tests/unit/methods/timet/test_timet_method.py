"""A step of TimeT: against a plain loop, by hand, what it trains, and inputs at the edge."""

import math

import pytest
import torch
from lightning.fabric import Fabric
from torch.nn import functional

from commonfate import methods
from commonfate.base.errors import ConfigError
from commonfate.methods.base import Encoding
from commonfate.methods.timet.settings import TargetSettings, TimetSettings
from commonfate.models.encoders import formats
from commonfate.models.forwarder import forward
from commonfate.models.settings import ForwarderSettings
from commonfate.training.learner import Learner

TOLERANCE = 1e-5


def learner_of(method, seed=0):
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    torch.manual_seed(seed)
    return Learner(method, fabric)


def transport(scores, iterations=10):
    """Sinkhorn-Knopp of (N, K) scores without logarithms, as usually written."""
    masses = (scores.double() / 0.05).exp()
    for _ in range(iterations):
        masses = masses / masses.sum(0, keepdim=True) / masses.shape[1]
        masses = masses / masses.sum(1, keepdim=True) / masses.shape[0]
    return (masses * masses.shape[0]).float()


def plain(model, batch, settings):
    """The loss as released: three passes of the encoder, and a loop over clips.

    One pass with head for source and target, one of the teacher, one without head for affinities.
    """
    clips = batch["clips"].float() / 255
    count, frames = clips.shape[:2]
    images = clips.flatten(0, 1)
    teacher_blocks = model.teacher if model.teacher is not None else model.learning

    def features(blocks):
        backbone = model.backbone
        tokens, grid = backbone.embed((images - backbone.mean) / backbone.std)
        for block in [*backbone.network.blocks[: -len(blocks)], *blocks]:
            tokens = block(tokens)
        tokens = backbone.network.norm(tokens)[:, 1:]
        return tokens.unflatten(1, grid).unflatten(0, (count, frames))

    def cosines(head, prototypes, tokens):
        return functional.normalize(head(tokens), dim=-1) @ prototypes.weight.T

    *blocks, head, prototypes = model.learning
    *slow, slow_head, slow_prototypes = teacher_blocks
    student = cosines(head, prototypes, features(blocks))
    with torch.no_grad():
        teacher = cosines(slow_head, slow_prototypes, features(slow))
        tokens = features(blocks)
    source = teacher[:, settings.source]
    assigned = transport(source.flatten(0, 2)).view_as(source)
    losses = []
    for clip in range(count):
        maps = assigned[clip]
        if settings.forwards == "logits":
            maps = source[clip]
        if settings.forwards in ("logits", "assignments"):
            first = maps.movedim(-1, 0)[None]
            later = forward(tokens[clip : clip + 1], first, settings.forwarder)
            maps = later[0, -1].movedim(0, -1)
        if settings.forwards == "logits":
            maps = (maps / 0.1).softmax(-1)
        if settings.form == "argmax":
            maps = functional.one_hot(maps.argmax(-1), maps.shape[-1]).float()
        logs = (student[clip, -1] / 0.1).log_softmax(-1)
        losses.append(-(maps * logs).sum(-1).mean())
    return torch.stack(losses).mean()


VARIANTS = {
    "paper": {},
    "listing": {"targets": {"forwarder": ForwarderSettings.listing()}},
    "released": {"targets": TargetSettings.released(), "teacher": "inverted"},
    "average": {"teacher": "average"},
    "nothing": {"targets": {"forwards": "none"}},
    "identity": {"targets": {"forwards": "identity"}},
    "logits": {"targets": {"forwards": "logits"}},
    "both blocks": {"trained_blocks": 2},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_loss_and_gradient_are_those_of_a_plain_loop(tiny, batch, name):
    """After two steps, so that a teacher differs from its student."""
    method = tiny(**VARIANTS[name])
    learner = learner_of(method)
    for iteration in range(2):
        learner.gradient(batch(method, seed=iteration), iteration)
        learner.update(0.01, 0.1)
    model, sample = learner.network, batch(method, seed=5)
    gradients = []
    for loss in (
        method.loss(model, sample, 2)["loss"],
        plain(model, sample, method.settings.targets),
    ):
        model.zero_grad()
        loss.backward()
        gradients.append(
            (loss.item(), {n: p.grad for n, p in model.named_parameters() if p.requires_grad})
        )
    (ours, own), (expected, theirs) = gradients
    assert ours == pytest.approx(expected, abs=TOLERANCE)
    for key, gradient in theirs.items():
        torch.testing.assert_close(own[key], gradient, rtol=1e-4, atol=TOLERANCE, msg=key)


def test_a_first_step_by_hand(tiny, batch, network):
    """AdamW's first step is lr * g / (|g| + eps), after a decay by lr * wd; none of biases.

    The encoder's block takes a tenth of it; prototypes have unit length afterwards.
    """
    method, rate, decay = tiny(), 0.01, 0.5
    learner = learner_of(method)
    before = {name: value.clone() for name, value in learner.network.state_dict().items()}
    learner.gradient(batch(method), 0)
    gradients = {
        n: p.grad.clone() for n, p in learner.network.named_parameters() if p.requires_grad
    }
    learner.update(rate, decay)
    after = learner.network.state_dict()
    cases = {
        "head.0.weight": (rate, decay),
        "head.0.bias": (rate, 0),
        "backbone.network.blocks.1.mlp.fc1.weight": (rate / 10, decay),
        "backbone.network.blocks.1.norm2.weight": (rate / 10, 0),
        "prototypes.weight": (rate, decay),
    }
    for name, (own_rate, own_decay) in cases.items():
        gradient = gradients[name]
        expected = before[name] * (1 - own_rate * own_decay)
        expected -= own_rate * gradient / (gradient.abs() + 1e-8)
        if name == "prototypes.weight":
            expected = expected / expected.norm(dim=1, keepdim=True)
        torch.testing.assert_close(after[name], expected, rtol=1e-5, atol=1e-6, msg=name)


def test_only_the_last_blocks_head_and_prototypes_learn(tiny, batch):
    method = tiny()
    learner = learner_of(method)
    before = {name: value.clone() for name, value in learner.network.state_dict().items()}
    learner.gradient(batch(method), 0)
    learner.update(0.01, 0.1)
    changed = {n for n, value in learner.network.state_dict().items() if not value.equal(before[n])}
    learning = ("backbone.network.blocks.1.", "head.", "prototypes.")
    assert {name for name in before if name.startswith(learning)} == changed


def test_frozen_blocks_make_no_graph(tiny, batch, network):
    method = tiny()
    model = network(method)
    seen = []
    for block in model.backbone.network.blocks:
        block.register_forward_hook(lambda _m, _i, output: seen.append(output.requires_grad))
    method.loss(model, batch(method), 0)
    assert seen == [False, True, False]  # the last block: last frames, then the others


@pytest.mark.parametrize(("forwards", "images"), [("none", 4), ("identity", 8), ("logits", 12)])
def test_frames_that_do_not_matter_are_not_encoded(tiny, batch, network, forwards, images):
    method = tiny(targets={"forwards": forwards})
    model, seen = network(method), []
    model.backbone.network.blocks[0].register_forward_hook(lambda _m, i, _o: seen.append(len(i[0])))
    method.loss(model, batch(method), 0)
    assert seen == [images]


@pytest.mark.parametrize(("teacher", "share"), [("average", 0.1), ("inverted", 0.9)])
def test_the_teacher_follows(tiny, batch, teacher, share):
    """Momentum 0.9 at the first step: the share of the teacher, or of the student as released."""
    method = tiny(teacher=teacher, momentum=0.9)
    learner = learner_of(method)
    before = [p.clone() for p in learner.network.teacher.parameters()]
    learner.gradient(batch(method), 0)
    learner.update(0.01, 0.1)
    model = learner.network
    for old, slow, fast in zip(
        before[:-1], model.teacher.parameters(), model.learning.parameters(), strict=False
    ):
        torch.testing.assert_close(slow, old + share * (fast - old))
    norms = model.teacher[-1].weight.norm(dim=1)
    torch.testing.assert_close(norms, torch.ones_like(norms))


def test_a_queue_adds_features_of_earlier_steps(tiny, batch):
    method = tiny(queue=20, queued_patches=5)
    learner, plain_learner = learner_of(method), learner_of(tiny())
    for iteration in range(3):
        sample = batch(method, seed=iteration)
        with_queue = learner.gradient(sample, iteration)["loss"]
        without = plain_learner.gradient(sample, iteration)["loss"]
        assert (with_queue == pytest.approx(without)) == (iteration == 0)
        filled = learner.network.queue.filled
        assert filled == 20
        learner.update(0.01)
        plain_learner.update(0.01)


def test_it_learns(tiny, batch):
    method = tiny(trained_blocks=2)
    learner, losses = learner_of(method), []
    for iteration in range(40):
        losses.append(learner.gradient(batch(method, seed=0), iteration)["loss"])
        learner.update(3e-3, 0.04)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_the_encoder_is_a_plain_vision_transformer(tiny, batch, tmp_path):
    """Of the network, of a checkpoint and of a snapshot."""
    method = tiny()
    learner = learner_of(method)
    learner.gradient(batch(method), 0)
    learner.update(0.01)
    model, images = learner.network, torch.rand(2, 3, 16, 24)
    expected = model.backbone(images)["tokens"]
    assert isinstance(method, Encoding)
    encoders = [method.encoder(model)]
    kept = method.kept(model)
    assert not any(name.startswith(("head.", "prototypes.")) for name in kept)
    for number, weights in enumerate((model.state_dict(), kept)):
        path = tmp_path / f"{number}.pt"
        torch.save({"model": weights, "settings": method.settings.model_dump(mode="json")}, path)
        encoders.append(formats.load(path))
    for encoder in encoders:
        assert not encoder.training
        assert not any(p.requires_grad for p in encoder.parameters())
        torch.testing.assert_close(encoder(images)["tokens"], expected, rtol=0, atol=0)


@pytest.fixture
def dino_run(tmp_path):
    """The checkpoint of a run of DINO with two heads of 16 channels, whose student counts."""
    from commonfate.methods.dino.method import Dino
    from commonfate.methods.dino.settings import DinoSettings

    sizes = {"dim": 32, "depth": 2, "heads": 2, "patch": 8, "global_crop": 24, "local_crop": 16}
    settings = DinoSettings(**sizes, outputs=8, hidden=8, bottleneck=4, weights_of="student")
    model = Dino(settings).build()
    with torch.no_grad():
        model.student.backbone.network.norm.bias.add_(1)
    path = tmp_path / "checkpoint.pt"
    torch.save({"model": model.state_dict(), "settings": settings.model_dump(mode="json")}, path)
    return path, model.student.backbone.eval()


def test_it_starts_from_a_run_of_dino(tiny, dino_run, tmp_path):
    """With its heads, which a checkpoint of TimeT tells, too."""
    path, student = dino_run
    method = tiny(start=str(path))
    assert method.start_file() == path
    assert method.settings.slug == ("p6",)
    model, images = method.build(), torch.rand(1, 3, 24, 16)
    expected = student(images)["tokens"]
    torch.testing.assert_close(model.backbone(images)["tokens"], expected)
    own = tmp_path / "timet.pt"
    torch.save(
        {"model": model.state_dict(), "settings": method.settings.model_dump(mode="json")}, own
    )
    again = formats.load(own)
    assert again.network.blocks[0].attn.num_heads == 2
    torch.testing.assert_close(again(images)["tokens"], expected)
    named = TimetSettings(encoder=str(path))
    assert named.slug[0].startswith("checkpoint.pt.")
    torch.testing.assert_close(tiny(encoder=str(path)).build().backbone(images)["tokens"], expected)


def test_it_starts_from_the_bundled_encoder(tiny):
    method = tiny(encoder="bundled")
    assert method.settings.encoder == "vit_demo_8.photos"
    assert method.start_file().name.startswith("vit_demo_8.photos")
    assert int(method.build().heads) == 3
    assert tiny().start_file() is None


@pytest.mark.parametrize(
    "changes",
    [
        {"frames": 1},
        {"frames": 1, "targets": {"forwards": "identity"}},
        {"frames": 2, "targets": {"forwards": "identity"}},
        {"prototypes": 100},  # nine patches in a clip, 36 in a batch
        {"crop": 8},  # one patch
        {"teacher": "inverted", "queue": 7, "frames": 1},
    ],
)
def test_small_clips(tiny, batch, changes):
    method = tiny(**changes)
    learner = learner_of(method)
    for iteration in range(2):
        values = learner.gradient(batch(method, size=2, seed=iteration), iteration)
        assert all(math.isfinite(value) for value in values.values())
        learner.update(0.01, 0.1)


def test_clips_of_one_repeated_frame_and_of_one_colour(tiny):
    """A video of one frame; its patches are its own nearest ones."""
    method = tiny()
    for value in (0, 128):
        sample = {"clips": torch.full((2, 3, 3, 24, 24), value, dtype=torch.uint8)}
        values = learner_of(method).gradient(sample, 0)
        assert all(math.isfinite(each) for each in values.values())
        # All patches of one content but not of one place; assignments use all prototypes alike.
        assert values["entropy_of_mean"] == pytest.approx(math.log(6), abs=0.02)


def test_16_bit_arithmetic(tiny, batch):
    method = tiny(precision="bf16-mixed")
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    fabric.launch()
    torch.manual_seed(0)
    values = Learner(method, fabric).gradient(batch(method), 0)
    exact = learner_of(tiny()).gradient(batch(method), 0)
    assert values["loss"] == pytest.approx(exact["loss"], rel=0.05)


def test_schedules(tiny):
    method = tiny(iterations=4, learning_rate=1.0)
    assert [method.learning_rate(i) for i in (0, 2)] == pytest.approx([1, 0.5])
    assert [method.weight_decay(i) for i in (0, 2)] == pytest.approx([0.04, 0.22])
    assert [method.momentum(i) for i in (0, 2)] == pytest.approx([0.995, 0.9975])
    assert tiny(schedule="constant", learning_rate=1.0).learning_rate(5) == 1.0


def test_it_is_a_method():
    method = methods.create_trained(TimetSettings(encoder="random.vit_smoke_8", crop=32))
    assert method.description == {"network": "random.vit_smoke_8, last 2 blocks trained"}
    assert isinstance(methods.create_encoding(method.settings), Encoding)


def test_encoders_that_do_not_fit(tiny, dino_run):
    with pytest.raises(ConfigError, match="trained_blocks 3: the encoder has only 2 blocks"):
        tiny(trained_blocks=3).build()
    with pytest.raises(ConfigError, match="crop 20 must be a multiple of the encoder's patch 8"):
        tiny(start=str(dino_run[0]), crop=20).build()
    with pytest.raises(ValueError, match="crop 20 must be a multiple of the patch 8 of encoder"):
        tiny(crop=20)
    with pytest.raises(ValueError, match=r"encoder random\.resnet50 is no vision transformer"):
        tiny(encoder="random.resnet50")
