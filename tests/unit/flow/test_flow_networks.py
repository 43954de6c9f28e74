"""Networks of ptlflow with random weights on tiny frames; importing ptlflow takes seconds, once."""

import hashlib
from urllib.error import URLError

import pytest
import torch

from commonfate.config import FlowSource
from commonfate.errors import StoreError, UserError
from commonfate.flow import estimators, weights

TINY = {"estimator": "raft_small", "weights": "random", "iterations": 2}


@pytest.fixture(scope="module")
def raft_small():
    return estimators.create(FlowSource(**TINY))


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(3, 2, 3, 130, 140, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


def test_random_weights_come_from_the_seed_alone(raft_small, images):
    torch.manual_seed(123)
    state = torch.random.get_rng_state()
    again = estimators.create(FlowSource(**TINY))
    assert torch.equal(torch.random.get_rng_state(), state)
    flow = raft_small.estimate(images)
    assert torch.equal(again.estimate(images), flow)
    other = estimators.create(FlowSource(**TINY, seed=1))
    assert not torch.equal(other.estimate(images), flow)


def test_flow_has_the_frames_size_and_does_not_depend_on_the_batch(raft_small, images):
    flow = raft_small.estimate(images)
    assert flow.shape == (3, 2, 130, 140)
    assert flow.dtype == torch.float32
    singly = torch.cat([raft_small.estimate(image[None]) for image in images])
    torch.testing.assert_close(singly, flow, rtol=1e-4, atol=1e-4)


def test_bytes_are_scaled_and_channels_reach_the_network_as_bgr(raft_small, monkeypatch):
    seen = []

    def forward(inputs):
        seen.append(inputs["images"])
        return {"flows": torch.zeros(1, 1, 2, 8, 8)}

    monkeypatch.setattr(raft_small._model, "forward", forward)
    red = torch.zeros(1, 2, 3, 8, 8, dtype=torch.uint8)
    red[:, :, 0] = 255
    raft_small.estimate(red)
    assert seen[0][0, 0, :, 0, 0].tolist() == [0, 0, 1]


def test_iterations_and_names_are_passed_on(raft_small):
    assert raft_small._model.iters == 2
    assert raft_small.weights_sha256 is None
    assert "raft_small" in raft_small.description
    assert "random weights, seed 0, 2 iterations" in raft_small.description
    with pytest.raises(UserError, match="pwcnet: it has no iterations to set"):
        estimators.create(FlowSource(estimator="pwcnet", weights="random", iterations=2))


def test_unknown_names_get_a_suggestion():
    with pytest.raises(UserError, match=r"'raft_smal' is unknown; did you mean raft_small\?"):
        estimators.create(FlowSource(estimator="raft_smal", weights="random"))
    with pytest.raises(UserError, match=r"'zzz' is unknown; known: dis, farneback, truth, "):
        estimators.create(FlowSource(estimator="zzz"))
    with pytest.raises(UserError, match=r"weights 'thing' are neither.*did you mean things\?"):
        estimators.create(FlowSource(estimator="raft", weights="thing"))
    with pytest.raises(UserError, match="raft: weights are not set; known: chairs, things"):
        estimators.create(FlowSource(estimator="raft"))


def test_frames_too_small_for_the_network_are_refused(raft_small, images):
    with pytest.raises(UserError, match="frames of 60x60 give no finite flow"):
        raft_small.estimate(images[..., :60, :60])
    with pytest.raises(UserError, match="raft_small: frames of 20x20 are too small, or it fails"):
        raft_small.estimate(images[..., :20, :20])


def test_without_network_the_error_says_what_to_put_where(cache, monkeypatch):
    def offline(*_, **__):
        raise URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(UserError) as error:
        estimators.create(FlowSource(estimator="raft", weights="things"))
    assert "raft.things: https://github.com/hmorimitsu/ptlflow/releases/" in str(error.value)
    assert f"put it as raft-things-802bbcfd.ckpt into {cache}" in str(error.value)


def test_published_weights_are_fetched_once_and_verified(cache, raft_small, images, monkeypatch):
    downloads = []

    def download(address, path, progress):
        downloads.append(address.rsplit("/", 1)[1])
        torch.save({"state_dict": raft_small._model.state_dict()}, path)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    source = FlowSource(estimator="raft_small", weights="things", iterations=2)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"raft_small-things-b7d9f997\.ckpt: damaged"):
            estimators.create(source)
    monkeypatch.setattr(weights, "sha256", lambda _: "b7d9f997" + 56 * "0")
    loaded = estimators.create(source)
    assert torch.equal(loaded.estimate(images), raft_small.estimate(images))
    assert loaded.weights_sha256.startswith("b7d9f997")
    assert "raft_small (ptlflow" in loaded.description
    assert ", things, 2 iterations)" in loaded.description
    assert downloads == ["raft_small-things-b7d9f997.ckpt"]


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [True, False])
def test_local_files_are_loaded_as_ptlflow_and_as_authors_save_them(
    tmp_path, raft_small, images, prefix, wrapped
):
    state = {prefix + key: value for key, value in raft_small._model.state_dict().items()}
    path = tmp_path / "mine.pth"
    torch.save({"state_dict": state} if wrapped else state, path)
    source = FlowSource(estimator="raft_small", weights=str(path), iterations=2, seed=5)
    loaded = estimators.create(source)
    assert loaded.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert torch.equal(loaded.estimate(images[:1]), raft_small.estimate(images[:1]))


def test_files_that_do_not_fit_are_named(tmp_path, raft_small):
    def create(path):
        return estimators.create(FlowSource(estimator="raft_small", weights=str(path)))

    text = tmp_path / "text.ckpt"
    text.write_text("not weights")
    with pytest.raises(StoreError, match=r"text\.ckpt: not a checkpoint that torch can load"):
        create(text)
    state = raft_small._model.state_dict()
    key = next(iter(state))
    other = tmp_path / "other.ckpt"
    torch.save({**{k: v for k, v in state.items() if k != key}, "alien": torch.zeros(1)}, other)
    with pytest.raises(UserError, match=rf"other\.ckpt: .* 1 keys are missing, 1 unknown.*{key}"):
        create(other)
    torch.save({**state, key: torch.zeros(1)}, other)
    with pytest.raises(UserError, match="0 keys are missing, 0 unknown, 1 of another shape"):
        create(other)
