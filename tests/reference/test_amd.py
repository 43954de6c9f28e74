"""AMD's motion pathway and loss, against what the authors' released network computes."""

import pytest
import torch
from torch import nn

from commonfate.methods.amd.network import AmdNetwork, stretched
from commonfate.methods.amd.objective import RELEASED, released_loss
from commonfate.models.pwc.lite import enlarge
from commonfate.models.pwc.segment_flow import FINEST, MotionPathway, SegmentFlow
from commonfate.models.unet import MEAN, STD

# Differences between float32 and float64 that the recording saw, times ten.
FLOW, LOSS, GRADIENT = 7e-5, 2e-6, 1.5e-7
# Recorded in float32 alone, tolerances as recommended there.
DENSE, PICTURE, HEAD_LOSS, HEAD_GRADIENT = 1e-4, 1e-5, 1e-5, 1e-6
WEIGHTS = (
    "flow_estimators.predict_flow2.0.weight",
    "flow_estimators.predict_flow1.0.bias",
    "conv_1x1.4.0.bias",
)


class Recorded(nn.Module):
    """In place of the appearance pathway: the logits that were recorded."""

    def __init__(self, first, second):
        super().__init__()
        self.logits = nn.ParameterList([first.clone(), second.clone()])

    def forward(self, _images):
        return torch.cat(list(self.logits))


@pytest.fixture(scope="module")
def released(reference):
    arrays = reference("amd_segment_flow.npz")
    return {k: torch.as_tensor(v) for k, v in arrays.items() if v.dtype.kind != "U"}


@pytest.fixture(scope="module")
def motion(released):
    pathway = MotionPathway()
    weights = {k.removeprefix("sd/"): v.float() for k, v in released.items() if k[:3] == "sd/"}
    pathway.load_state_dict(weights, strict=True)
    return pathway


@pytest.fixture
def network(released, motion):
    whole = AmdNetwork(5, "small")
    whole.motion = motion
    whole.appearance = Recorded(*(released[f"mask_logits_frame{i}"] for i in (1, 2)))
    whole.zero_grad()
    return whole


@pytest.fixture
def head(released, motion):
    """A network with the recorded logits, what runs it as the released head does, on images that
    are stretched to 384x640, and those images."""
    whole = AmdNetwork(5, "small")
    whole.motion = motion
    whole.appearance = Recorded(*released["head/mask_logits"].unbind(1))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    first, second = (released["head/images_normalised"] * std + mean).unbind(1)
    seen = [stretched(image, (384, 640)) for image in (first, second)]
    return whole, lambda: whole(first, second, (384, 640)), seen


def same(ours, expected, tolerance):
    torch.testing.assert_close(ours, expected, rtol=0, atol=tolerance)


def pairs_of(network, released):
    return network(released["image1"], released["image2"])


def mean_length(*flows):
    return torch.stack([flow.flows[0].detach().abs().mean() for flow in flows]).mean()


def dense_flow(motion, compute):
    """Flow of both directions by the released read-out without pooling, which serves nothing but
    comparison: at each pixel, of the features of segment flow, which `compute` makes."""
    features = []
    hook = motion.flow_estimators.register_forward_hook(lambda *call: features.append(call[-1]))
    compute()
    hook.remove()
    flow, flows = torch.zeros_like(features[0][:, :2]), []
    for scale, level in enumerate(features):
        flow = (enlarge(flow, 2) if scale else flow) + motion.flow_estimators.read(level)
        flows.append(enlarge(flow, FINEST))
    both = SegmentFlow(flows[::-1], flow.new_zeros(len(flow), 5, 2))
    return both.chunk()


def test_weights_have_the_names_and_shapes_of_the_released_network(released, motion):
    shapes = {k: v.shape for k, v in motion.state_dict().items()}
    assert {k[3:]: v.shape for k, v in released.items() if k.startswith("sd/")} == shapes
    assert sum(p.numel() for p in motion.parameters()) == 1_721_714


def test_segments(released, network):
    found = pairs_of(network, released)
    same(found.backward_masks, released["masks_frame1"], 1e-6)
    same(found.forward_masks, released["masks_frame2"], 1e-6)


@pytest.mark.parametrize("direction", ["fw", "bw"])
def test_segment_flow_of_all_scales(released, network, direction):
    found = pairs_of(network, released)
    ours = found.forward if direction == "fw" else found.backward
    assert len(ours.flows) == 5
    for scale, flow in enumerate(ours.flows):
        same(flow, released[f"flows_{direction}/{scale}"], FLOW)
    # Group 0 is no segment but a sum of -1.
    same(ours.vectors, released[f"flows_{direction}_group_first_pixel"][:, 1:], 1e-4)
    maps = ours.vectors[..., None, None].expand(-1, -1, -1, 8, 16)
    same(maps, released[f"flows_{direction}_group"][:, 1:], 1e-4)


def test_one_direction_at_a_time(released, motion):
    images = released["image1"], released["image2"]
    same(motion(*images, released["masks_frame2"]).flows[0], released["flows_fw/0"], FLOW)
    same(motion(*images[::-1], released["masks_frame1"]).flows[0], released["flows_bw/0"], FLOW)


@pytest.mark.parametrize("direction", ["fw", "bw"])
def test_dense_flow_without_pooling(released, network, motion, direction):
    forward, backward = dense_flow(motion, lambda: pairs_of(network, released))
    ours = forward if direction == "fw" else backward
    for scale, flow in enumerate(ours.flows):
        same(flow, released[f"flows_{direction}_all/{scale}"], DENSE)


def test_terms_and_scales_of_the_loss(released):
    assert RELEASED.scales == tuple(released["config/w_scales"].tolist())
    for ours, name in ((RELEASED.l1, "l1"), (RELEASED.ssim, "ssim"), (RELEASED.ternary, "ternary")):
        assert ours == pytest.approx(float(released[f"config/w_{name}"]))


def test_loss_and_its_gradients(released, network):
    found = pairs_of(network, released)
    images = released["image1"], released["image2"]
    loss = released_loss(*images, found.forward, found.backward)
    same(loss, released["loss_seg/total"], LOSS)
    same(loss, released["loss_seg/warp"], LOSS)
    same(mean_length(found.forward, found.backward), released["loss_seg/flow_mean_abs"], 1e-4)
    loss.backward()
    for logits, frame in zip(network.appearance.logits, (1, 2), strict=True):
        same(logits.grad, released[f"grad_mask_logits_frame{frame}"], GRADIENT)
    weights = dict(network.motion.named_parameters())
    for name in WEIGHTS:
        expected = released[f"grad/{name}"]
        same(weights[name].grad, expected, 1e-4 * float(expected.abs().max()))


def test_loss_of_dense_flow(released, network, motion):
    forward, backward = dense_flow(motion, lambda: pairs_of(network, released))
    loss = released_loss(released["image1"], released["image2"], forward, backward)
    same(loss, released["loss_all/total"], 1e-5)
    same(mean_length(forward, backward), released["loss_all/flow_mean_abs"], 1e-4)


def test_whole_flow_head(released, head):
    network, run, images = head
    pairs = run()
    assert pairs.forward.flows[0].shape == (1, 2, 384, 640)
    loss = released_loss(*images, pairs.forward, pairs.backward)
    same(loss, released["head/loss_seg"], HEAD_LOSS)
    loss.backward()
    gradient = torch.stack([logits.grad for logits in network.appearance.logits], 1)
    same(gradient, released["head/grad_mask_logits"], HEAD_GRADIENT)
    same(
        picture(pairs.forward, pairs.backward),
        released["head/flows_seg_normalised_every16"],
        PICTURE,
    )


def test_whole_flow_head_without_pooling(released, head):
    network, run, images = head
    with torch.no_grad():
        flows = dense_flow(network.motion, run)
        loss = released_loss(*images, *flows)
    same(loss, released["head/loss_whole"], HEAD_LOSS)
    same(picture(*flows), released["head/flows_whole_normalised_every16"], PICTURE)


def picture(forward, backward):
    """Flow as the released head shows it: u in half heights, v in half widths."""
    both = torch.cat([forward.flows[0], backward.flows[0]], 1)[:, :, ::16, ::16]
    return both / torch.tensor([192.0, 320, 192, 320]).view(4, 1, 1)
