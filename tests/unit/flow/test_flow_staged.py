"""Networks in two stages give what their forward pass gives; tiny frames, random weights."""

import logging
from functools import cache

import ptlflow
import pytest
import torch
from ptlflow.models.raft.raft import RAFT, raft_small
from torch import nn

import commonfate.flow.estimators.arflow  # noqa: F401 - registers the network
from commonfate.base.errors import UserError
from commonfate.flow.estimators.staged import stage

FAMILIES = {
    "raft": "StagedRaft",
    "raft_small": "StagedRaft",
    "pwcnet": "StagedPwcnet",
    "pwcnet_nodc": "StagedPwcnet",
    "arflow": "StagedArflow",
}
# No padding for the RAFTs and for PWC-Net, and odd sizes, which need it on both sides.
SIZES = [(128, 128), (131, 157)]


@cache
def network(name: str) -> nn.Module:
    options = {"iters": 2} if name.startswith("raft") else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ptlflow.get_model_reference(name)(**options).eval()
    # PWC-Net's random weights give flow of half the frame; a few pixels are more like it.
    for key, parameter in model.named_parameters():
        if name.startswith("pwc") and key.startswith("predict_flow"):
            parameter.data *= 0.1
    return model


def frames(size: tuple[int, int]) -> torch.Tensor:
    """Three frames (3, 3, H, W), whole bytes."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 3, *size), generator=generator) / 255


@torch.inference_mode()
def in_stages(model: nn.Module, images: torch.Tensor, pairs: list[tuple[int, int]]):
    """The staged network, and the flow of pairs of frames, each frame encoded once."""
    staged = stage(model).eval()
    prepared, resizer = staged.prepare(images)
    features = staged.encode(prepared)
    first, second = ([f[list(i)] for f in features] for i in zip(*pairs, strict=True))
    return staged, staged.restore(staged.decode(first, second), resizer)


@torch.inference_mode()
def as_a_whole(model: nn.Module, images: torch.Tensor, pairs: list[tuple[int, int]]):
    return torch.cat([model({"images": images[None, list(p)]})["flows"][:, 0] for p in pairs])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FAMILIES)
def test_stages_give_what_the_forward_pass_gives(name, size):
    model, pairs = network(name), [(0, 1), (2, 1)]
    staged, flow = in_stages(model, frames(size), pairs)
    assert type(staged).__name__ == FAMILIES[name]
    assert flow.shape == (2, 2, *size)
    assert flow.abs().max() > 0.1
    expected = as_a_whole(model, frames(size), pairs)
    torch.testing.assert_close(flow, expected, rtol=0, atol=1e-4)


def test_the_flow_is_upsampled_once(monkeypatch):
    model, calls = network("raft"), []

    def upsample_flow(self, flow, mask):
        calls.append(flow)
        return original(self, flow, mask)

    original = RAFT.upsample_flow
    monkeypatch.setattr(RAFT, "upsample_flow", upsample_flow)
    in_stages(model, frames(SIZES[0]), [(0, 1)])
    assert len(calls) == 1


def test_subclasses_are_staged_unless_they_compute_something_else(caplog):
    class Mine(raft_small):
        pass

    class Doubled(raft_small):
        def forward(self, inputs):
            outputs = super().forward(inputs)
            return outputs | {"flows": 2 * outputs["flows"]}

    caplog.set_level(logging.INFO, "commonfate")
    assert type(stage(Mine(iters=1))).__name__ == "StagedRaft"
    assert not caplog.messages
    doubled = Doubled(iters=1).eval()
    staged, flow = in_stages(doubled, frames(SIZES[1]), [(0, 1), (2, 1)])
    assert type(staged).__name__ == "Plain"
    assert caplog.messages == [
        "Doubled: no stages are known; each pair is computed from its images"
    ]
    expected = as_a_whole(doubled, frames(SIZES[1]), [(0, 1), (2, 1)])
    torch.testing.assert_close(flow, expected, rtol=0, atol=1e-4)


def test_an_unknown_update_block_is_left_to_the_forward_pass():
    model = raft_small(iters=1)
    model.update_block = nn.Identity()
    assert type(stage(model)).__name__ == "Plain"


def test_networks_of_several_frames_are_no_two_stage_networks():
    model = ptlflow.get_model_reference("arflow")(n_frames=3)
    assert type(stage(model)).__name__ == "Plain"


def test_a_model_that_gives_several_flows_is_refused():
    class Several(nn.Module):
        def forward(self, inputs):
            return {"flows": torch.zeros(len(inputs["images"]), 2, 2, 8, 8)}

    images = torch.zeros(1, 3, 8, 8)
    with pytest.raises(UserError, match=r"Several gives \(1, 2, 2, 8, 8\); it does not work on"):
        stage(Several()).decode((images,), (images,))
