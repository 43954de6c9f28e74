"""AMD's motion pathway and loss, against what the authors' released network computes."""

import pytest
import torch
from torch import nn

from commonfate.methods.amd.loss import RELEASED, released_loss
from commonfate.methods.amd.network import AmdNetwork, stretched
from commonfate.models.frame import MEAN, STD
from commonfate.models.pwc.lite import enlarge
from commonfate.models.pwc.segment_flow import FINEST, MotionPathway, SegmentFlow

# The size that the released head stretches images to, whatever their own.
HEAD_SIZE = (384, 640)
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
def data(recorded):
    return recorded("amd_segment_flow.npz")


@pytest.fixture(scope="module")
def released(data):
    return data.tensors()


@pytest.fixture(scope="module")
def segments(released):
    """Number of masks."""
    return released["mask_logits_frame1"].shape[1]


@pytest.fixture(scope="module")
def motion(released):
    pathway = MotionPathway()
    weights = {k.removeprefix("sd/"): v.float() for k, v in released.items() if k[:3] == "sd/"}
    pathway.load_state_dict(weights, strict=True)
    return pathway


@pytest.fixture
def network(released, motion, segments):
    whole = AmdNetwork(segments, "small")
    whole.motion = motion
    whole.appearance = Recorded(*(released[f"mask_logits_frame{i}"] for i in (1, 2)))
    whole.zero_grad()
    return whole


@pytest.fixture
def head(released, motion, segments):
    """A network with the recorded logits, what runs it as the released head does, on images that
    are stretched to 384x640, and those images."""
    whole = AmdNetwork(segments, "small")
    whole.motion = motion
    whole.appearance = Recorded(*released["head/mask_logits"].unbind(1))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    first, second = (released["head/images_normalised"] * std + mean).unbind(1)
    seen = [stretched(image, HEAD_SIZE) for image in (first, second)]
    return whole, lambda: whole(first, second, HEAD_SIZE), seen


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
    both = SegmentFlow(flows[::-1], flow.new_zeros(len(flow), 1, 2))
    return both.chunk()


def test_weights_have_the_names_and_shapes_of_the_released_network(released, motion):
    shapes = {k: v.shape for k, v in motion.state_dict().items()}
    assert {k[3:]: v.shape for k, v in released.items() if k.startswith("sd/")} == shapes
    assert sum(p.numel() for p in motion.parameters()) == 1_721_714


def test_segments(data, released, network):
    pairs = pairs_of(network, released)
    data.check("masks_frame1", pairs.backward_masks)
    data.check("masks_frame2", pairs.forward_masks)


@pytest.mark.parametrize("direction", ["fw", "bw"])
def test_segment_flow_of_all_scales(data, released, network, direction):
    pairs = pairs_of(network, released)
    ours = pairs.forward if direction == "fw" else pairs.backward
    assert len(ours.flows) == 5
    for scale, flow in enumerate(ours.flows):
        data.check(f"flows_{direction}/{scale}", flow)
    # Group 0 is no segment but a sum of -1.
    key = f"flows_{direction}_group_first_pixel"
    data.check(key, ours.vectors, data[key][:, 1:])
    key = f"flows_{direction}_group"
    *_, height, width = data[key].shape
    maps = ours.vectors[..., None, None].expand(-1, -1, -1, height, width)
    data.check(key, maps, data[key][:, 1:])


def test_one_direction_at_a_time(data, released, motion):
    images = released["image1"], released["image2"]
    data.check("flows_fw/0", motion(*images, released["masks_frame2"]).flows[0])
    data.check("flows_bw/0", motion(*images[::-1], released["masks_frame1"]).flows[0])


@pytest.mark.parametrize("direction", ["fw", "bw"])
def test_dense_flow_without_pooling(data, released, network, motion, direction):
    forward, backward = dense_flow(motion, lambda: pairs_of(network, released))
    ours = forward if direction == "fw" else backward
    for scale, flow in enumerate(ours.flows):
        data.check(f"flows_{direction}_all/{scale}", flow)


def test_terms_and_scales_of_the_loss(released):
    assert RELEASED.scales == tuple(released["config/w_scales"].tolist())
    for ours, name in ((RELEASED.l1, "l1"), (RELEASED.ssim, "ssim"), (RELEASED.ternary, "ternary")):
        assert ours == pytest.approx(float(released[f"config/w_{name}"]))


def test_loss_and_its_gradients(data, released, network):
    pairs = pairs_of(network, released)
    images = released["image1"], released["image2"]
    loss = released_loss(*images, pairs.forward, pairs.backward)
    data.check("loss_seg/total", loss)
    data.check("loss_seg/warp", loss)
    data.check("loss_seg/flow_mean_abs", mean_length(pairs.forward, pairs.backward))
    loss.backward()
    for logits, frame in zip(network.appearance.logits, (1, 2), strict=True):
        data.check(f"grad_mask_logits_frame{frame}", logits.grad)
    weights = dict(network.motion.named_parameters())
    for name in WEIGHTS:
        data.check(f"grad/{name}", weights[name].grad)


def test_loss_of_dense_flow(data, released, network, motion):
    forward, backward = dense_flow(motion, lambda: pairs_of(network, released))
    loss = released_loss(released["image1"], released["image2"], forward, backward)
    data.check("loss_all/total", loss)
    data.check("loss_all/flow_mean_abs", mean_length(forward, backward))


def test_whole_flow_head(data, released, head):
    network, run, images = head
    pairs = run()
    batch = len(released["head/images_normalised"])
    assert pairs.forward.flows[0].shape == (batch, 2, *HEAD_SIZE)
    loss = released_loss(*images, pairs.forward, pairs.backward)
    data.check("head/loss_seg", loss)
    loss.backward()
    gradient = torch.stack([logits.grad for logits in network.appearance.logits], 1)
    data.check("head/grad_mask_logits", gradient)
    data.check("head/flows_seg_normalised_every16", picture(pairs.forward, pairs.backward))


def test_whole_flow_head_without_pooling(data, released, head):
    network, run, images = head
    with torch.no_grad():
        flows = dense_flow(network.motion, run)
        loss = released_loss(*images, *flows)
    data.check("head/loss_whole", loss)
    data.check("head/flows_whole_normalised_every16", picture(*flows))


def picture(forward, backward):
    """Flow as the released head shows it: u in half heights, v in half widths."""
    both = torch.cat([forward.flows[0], backward.flows[0]], 1)[:, :, ::16, ::16]
    halves = torch.tensor(HEAD_SIZE).repeat(2) / 2
    return both / halves.view(4, 1, 1)
