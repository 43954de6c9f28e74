"""ARFlow's network as a model of ptlflow."""

import ptlflow
import pytest
import torch

from commonfate.base.errors import UserError
from commonfate.flow.estimators import weights
from commonfate.flow.estimators.arflow import SCALES, arflow


def network(**arguments):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return arflow(**arguments).eval()


@pytest.fixture(scope="module")
def model():
    return network()


def images(frames=2, height=64, width=128, batch=1):
    shape = (batch, frames, 3, height, width)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_ptlflow_knows_it_by_name():
    reference = ptlflow.get_model_reference("arflow")
    assert issubclass(arflow, reference)
    assert set(reference.pretrained_checkpoints) == {
        "sintel",
        "sintel_raw",
        "kitti15",
        "kitti12",
        "cityscapes",
    }
    assert all(url.endswith(".tar") for url in reference.pretrained_checkpoints.values())


def test_evaluation_gives_forward_flow_of_the_inputs_size(model):
    with torch.inference_mode():
        outputs = model({"images": images(height=50, width=140, batch=2)})
    assert outputs["flows"].shape == (2, 1, 2, 50, 140)
    assert [flow.shape[-2:] for flow in outputs["flows_fw"]] == [
        (64 >> scale, 192 >> scale) for scale in range(5)
    ]
    assert "flows_bw" not in outputs


def test_flow_is_rescaled_with_the_frame(model):
    """A frame of 50x140 is worked on at 64x192: what is found there is that much too long."""
    frames = images(height=50, width=140)
    prepared, _ = model.prepare(frames)
    assert prepared.shape[-2:] == (64, 192)
    with torch.inference_mode():
        inner = model({"images": prepared.flip(2)})["flows"][:, 0]
        outer = model({"images": frames})["flows"][:, 0]
    expected = torch.nn.functional.interpolate(inner, (50, 140), mode="bilinear")
    expected *= torch.tensor([140 / 192, 50 / 64])[:, None, None]
    torch.testing.assert_close(outer, expected, rtol=0, atol=1e-5)


def test_stages_give_what_the_whole_gives(model):
    frames = images(batch=2)
    with torch.inference_mode():
        whole = model({"images": frames})["flows_fw"]
        # Each frame encoded alone, as the extraction does that shares frames among pairs.
        first, second = (
            [model.encode(frame[None]) for frame in frames[:, t].flip(1)] for t in (0, 1)
        )
        for pair in range(2):
            staged = model.decode(first[pair], second[pair])
            for ours, expected in zip(staged, whole, strict=True):
                torch.testing.assert_close(ours[0], expected[pair], rtol=0, atol=1e-5)
    assert [level.shape[1] for level in first[0]] == list(SCALES)


def test_backward_flow_is_forward_flow_of_the_swapped_pair(model):
    frames = images()
    with torch.inference_mode():
        both = model({"images": frames, "both_directions": True})
        swapped = model({"images": frames.flip(1)})
    for backward, forward in zip(both["flows_bw"], swapped["flows_fw"], strict=True):
        torch.testing.assert_close(backward, forward, rtol=0, atol=1e-5)


def test_training_gives_both_directions_and_gradients_everywhere():
    model = network().train()
    outputs = model({"images": images(height=64, width=64)})
    flows = [*outputs["flows_fw"], *outputs["flows_bw"]]
    assert len(flows) == 10
    sum(flow.square().mean() for flow in flows).backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    assert all(g is not None and g.isfinite().all() for g in gradients.values())
    assert all(g.abs().max() > 0 for name, g in gradients.items() if name.endswith("weight"))


def test_three_frames_give_flow_to_both_neighbours():
    model = network(n_frames=3)
    assert model.flow_estimators.conv1[0].in_channels == 32 + 2 * (81 + 2)
    assert model.context_networks.convs[0][0].in_channels == 2 * (32 + 2)
    frames = images(frames=3, height=40)
    with torch.inference_mode():
        outputs = model({"images": frames})
        reversed_in_time = model({"images": frames.flip(1)})
    assert outputs["flows"].shape == (1, 1, 2, 40, 128)
    assert len(outputs["flows_fw"]) == len(outputs["flows_bw"]) == 5
    # The decoder is shared, so that time reversed exchanges the two.
    for ahead, back in zip(outputs["flows_fw"], reversed_in_time["flows_bw"], strict=True):
        torch.testing.assert_close(ahead, back, rtol=0, atol=1e-5)
    assert not torch.allclose(outputs["flows_fw"][0], outputs["flows_bw"][0], atol=1e-3)


def test_wrong_numbers_of_frames_are_refused(model):
    with pytest.raises(ValueError, match="takes 2 frames, found 3"):
        model({"images": images(frames=3)})
    with pytest.raises(ValueError, match="n_frames must be 2 or 3, found 5"):
        arflow(n_frames=5)


def test_a_checkpoint_of_the_authors_form_loads_strictly(tmp_path, model):
    path = tmp_path / "pwclite_ar.tar"
    torch.save({"epoch": 3, "state_dict": model.state_dict()}, path)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        other = arflow()
    weights.load(other, path)
    for ours, theirs in zip(other.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    with pytest.raises(UserError, match="weights of another network"):
        weights.load(arflow(n_frames=3), path)


def test_first_flow_is_small():
    """Damped last layers: training does not start from random motion of many pixels."""
    with torch.inference_mode():
        flow = network()({"images": images()})["flows"]
    assert 0 < flow.abs().mean() < 0.5


def test_autocast_changes_flow_by_little(model):
    frames = images()
    with torch.inference_mode():
        exact = model({"images": frames})["flows"]
        with torch.autocast("cpu", torch.bfloat16):
            half = model({"images": frames})["flows"]
    assert half.dtype == torch.float32
    assert (half - exact).abs().max() < 0.1 * exact.abs().max()
