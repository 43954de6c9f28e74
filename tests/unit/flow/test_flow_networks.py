"""Networks as estimators: random weights, tiny frames. Importing ptlflow takes seconds, once.

What the stages compute is tested in test_flow_staged.py, weights in test_flow_weights.py.
"""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from commonfate.base.errors import UserError
from commonfate.flow.estimators import registry as estimators
from commonfate.flow.settings import FlowSource

TINY = {"estimator": "raft_small", "weights": "random", "iterations": 2}
SIZE = (130, 140)


def create(**settings):
    return estimators.create(FlowSource(**TINY | settings))


@pytest.fixture(scope="module")
def raft_small():
    return create()


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (4, *SIZE, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def images(frames) -> torch.Tensor:
    """Pairs of frames 0 1, 1 2 and 2 3."""
    whole = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)
    return torch.stack([whole[:-1], whole[1:]], dim=1)


def flow_of(network, frames, pairs):
    encoded = network.encode(frames)
    return network.estimate_pairs([(encoded[first], encoded[second]) for first, second in pairs])


def test_random_weights_come_from_the_seed_alone(raft_small, images):
    torch.manual_seed(123)
    state = torch.random.get_rng_state()
    again = create()
    assert torch.equal(torch.random.get_rng_state(), state)
    flow = raft_small.estimate(images)
    assert torch.equal(again.estimate(images), flow)
    assert not torch.equal(create(seed=1).estimate(images), flow)


def test_flow_does_not_depend_on_the_batch_nor_on_what_a_frame_was_encoded_with(raft_small, frames):
    pairs = [(0, 1), (1, 0), (1, 3)]
    flow = flow_of(raft_small, frames, pairs)
    assert (flow.shape, flow.dtype) == ((3, 2, *SIZE), torch.float32)
    singly = [flow_of(raft_small, [frames[a], frames[b]], [(0, 1)]) for a, b in pairs]
    torch.testing.assert_close(torch.cat(singly), flow, rtol=0, atol=1e-4)


def test_floats_are_rounded_to_bytes(raft_small, images):
    flow = raft_small.estimate(images[:1])
    noise = 0.4 * torch.rand(images[:1].shape)
    assert torch.equal(raft_small.estimate((images[:1] + noise) / 255), flow)
    assert flow.device.type == "cpu"


def test_a_frame_is_encoded_once_for_all_its_pairs(raft_small, frames):
    seen = []
    hook = raft_small.model.fnet.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    try:
        pairs = [(t, t + gap) for t in range(4) for gap in (-2, -1, 1, 2) if 0 <= t + gap < 4]
        flow_of(raft_small, frames, pairs)
    finally:
        hook.remove()
    assert sum(map(len, seen)) == 4


def test_channels_reach_the_network_as_bgr_in_0_to_1(monkeypatch):
    network, seen = create(), []
    monkeypatch.setattr(network.model, "preprocess_images", lambda x, **_: (seen.append(x), 1 / 0))
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    with pytest.raises(UserError):
        network.encode([red])
    assert seen[0].shape == (1, 3, 8, 8)
    assert seen[0][0, :, 0, 0].tolist() == [0, 0, 1]


def test_settings_are_passed_on_and_described(raft_small):
    assert raft_small.model.iters == 2
    assert raft_small.weights_sha256 is None
    described = raft_small.description
    assert described.startswith("raft_small (ptlflow ")
    assert described.endswith(", random weights, seed 0, 2 iterations)")
    narrow = create(precision="bfloat16", channels_last=True).description
    assert narrow.endswith(", 2 iterations, bfloat16, channels-last)")
    with pytest.raises(UserError, match="pwcnet: it has no iterations to set"):
        create(estimator="pwcnet")


def test_weights_of_a_file_are_named_and_hashed(tmp_path, raft_small, images):
    path = tmp_path / "mine.pth"
    torch.save(raft_small.model.state_dict(), path)
    loaded = create(weights=str(path), seed=5)
    assert loaded.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.description.endswith(", mine.pth, 2 iterations)")
    assert torch.equal(loaded.estimate(images[:1]), raft_small.estimate(images[:1]))


def test_unknown_names_get_a_suggestion():
    with pytest.raises(UserError, match=r"'raft_smal' is unknown; did you mean raft_small\?"):
        create(estimator="raft_smal")
    with pytest.raises(UserError, match=r"'zzz' is unknown; known: dis, farneback, truth, "):
        create(estimator="zzz")
    with pytest.raises(UserError, match=r"weights 'thing' are neither.*did you mean things\?"):
        create(estimator="raft", weights="thing")
    with pytest.raises(
        UserError, match=r"raft: weights are not set; known: .*things, .*random, or"
    ):
        create(estimator="raft", weights=None)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("weights", "things"), ("iterations", 3), ("precision", "bfloat16"), ("compile", True)],
)
def test_classical_estimators_refuse_settings_of_networks(setting, value):
    with pytest.raises(UserError, match=f"flow estimator dis: it has no {setting}; leave it out"):
        estimators.create(FlowSource(estimator="dis", **{setting: value}))


def test_frames_too_small_for_the_network_are_refused(raft_small, images):
    with pytest.raises(UserError, match="frames of 60x60 give no finite flow; RAFT and its kin"):
        raft_small.estimate(images[..., :60, :60])
    with pytest.raises(UserError, match="raft_small: frames of 20x20 are too small, or it fails"):
        raft_small.estimate(images[..., :20, :20])


def test_frames_of_one_call_have_one_size(raft_small, frames):
    with pytest.raises(ValueError, match="frames of different sizes: 130x130, 130x140"):
        raft_small.encode([frames[0], frames[1][:, :130]])
    with pytest.raises(ValueError, match=r"must be \(H, W, 3\) uint8, found .* float32"):
        raft_small.encode([frames[0].astype(np.float32)])
    with pytest.raises(ValueError, match="no frames"):
        raft_small.encode([])
    first, second = raft_small.encode(frames[:1]) + raft_small.encode([frames[0][:, :130]])
    with pytest.raises(ValueError, match="one size, found 130x130, 130x140"):
        raft_small.estimate_pairs([(first, second)])
    with pytest.raises(ValueError, match="found no pairs"):
        raft_small.estimate_pairs([])


@pytest.mark.parametrize("name", ["raft_small", "arflow"])
def test_narrow_types_and_layouts_change_flow_by_little(name, frames):
    settings = {"estimator": name, "iterations": 2 if name == "raft_small" else None}
    flow = flow_of(create(**settings), frames[:2], [(0, 1)])
    other = flow_of(create(**settings, channels_last=True), frames[:2], [(0, 1)])
    torch.testing.assert_close(other, flow, rtol=0, atol=1e-4)
    narrow = flow_of(create(**settings, precision="bfloat16"), frames[:2], [(0, 1)])
    assert narrow.dtype == torch.float32
    assert 1e-4 < (narrow - flow).abs().mean() < 0.05


def test_float16_on_the_cpu_is_warned_of(caplog):
    create(precision="float16")
    assert caplog.messages == [
        "precision float16: CPUs are up to a hundred times slower; use bfloat16"
    ]


def test_compiled_batches_are_filled_to_powers_of_two(raft_small, frames, monkeypatch):
    batches = []

    def compile_(function, dynamic):
        assert dynamic is False

        def compiled(first, *others):
            batches.append((function.__name__, len(first)))
            return function(first, *others)

        return compiled

    monkeypatch.setattr(torch, "compile", compile_)
    network = create(compile=True)
    assert network.description.endswith(", compiled)")
    pairs = [(0, 1), (1, 2), (2, 3)]
    torch.testing.assert_close(
        flow_of(network, frames, pairs), flow_of(raft_small, frames, pairs), rtol=0, atol=1e-4
    )
    # A frame at a time on the CPU, and the update, which is not unrolled, for all pairs.
    assert batches == [("encode", 1)] * 4 + [("update", 4)] * 2


def test_a_failing_compiler_is_told_with_the_setting(frames, monkeypatch):
    def compile_(function, dynamic):
        def fails(*_):
            raise torch._dynamo.exc.TorchDynamoException("no C++ compiler\nand a long story")

        return fails

    monkeypatch.setattr(torch, "compile", compile_)
    with pytest.raises(UserError) as error:
        create(compile=True).encode(frames)
    assert str(error.value) == (
        "flow estimator raft_small: frames of 130x140: compile: torch.compile fails "
        "(no C++ compiler); set compile to false"
    )


def test_on_the_cpu_pairs_are_estimated_singly(raft_small):
    assert (raft_small.batch_size, raft_small.suitable_batch(480, 854)) == (1, 1)
    assert (raft_small.workers, raft_small.device) == (1, "cpu")


@pytest.mark.parametrize(
    ("compiled", "needed", "pairs"), [(False, 75, 13), (True, 75, 8), (False, 1, 32), (True, 1, 32)]
)
def test_on_a_gpu_the_batch_fills_its_memory(compiled, needed, pairs, monkeypatch):
    """1000 bytes are free and 400 kept by torch for reuse: 0.7 of 1400 are used."""
    monkeypatch.setattr(torch, "compile", lambda function, dynamic: function)
    network = create(compile=compiled)
    network._runner.device = SimpleNamespace(type="cuda")
    monkeypatch.setattr(network, "_memory_of_a_pair", lambda size: needed)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1000, 5000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 900)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 500)
    assert network.suitable_batch(480, 854) == pairs


def test_a_gpu_that_is_full_gets_one_pair(monkeypatch):
    def full(size):
        raise torch.OutOfMemoryError

    network = create()
    network._runner.device = SimpleNamespace(type="cuda")
    monkeypatch.setattr(network, "_memory_of_a_pair", full)
    assert network.suitable_batch(480, 854) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_gpu_gives_what_the_cpu_gives(raft_small, frames, precision):
    network = estimators.create(FlowSource(**TINY, precision=precision), "cuda")
    pairs = [(0, 1), (1, 0), (2, 3)]
    flow = flow_of(network, frames, pairs)
    assert flow.device.type == "cuda"
    assert 1 <= network.suitable_batch(*SIZE) <= 32
    # TF32 convolutions have the mantissa of float16.
    error = (flow.cpu() - flow_of(raft_small, frames, pairs)).abs().mean()
    assert error < (0.05 if precision == "bfloat16" else 0.01)
