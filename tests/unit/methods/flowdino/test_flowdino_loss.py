"""The flow loss by hand: distributions, divergence, weights, and frames that say nothing."""

import math

import pytest
import torch

from commonfate.methods.flowdino import loss
from commonfate.methods.flowdino.flow import stabilised
from commonfate.methods.flowdino.settings import RELEASED_LOSS, FlowLossSettings

NAN = math.nan
ALL_WEIGHTS = ("motion", "similarity", "entropy", "equal")


def row(*values: float) -> torch.Tensor:
    """(1, 1, n): a window of n places."""
    return torch.tensor(values)[None, None]


def known(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.bool)[None, None]


def sample(height: int = 8, width: int = 9, batch: int = 2, seed: int = 0):
    """Random features, saliency and flow of frames."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, height, width, 6, generator=generator)
    salience = torch.rand(batch, height, width, generator=generator)
    flow = torch.randn(batch, 2, height, width, generator=generator)
    return features.requires_grad_(), salience, stabilised(flow)


def test_saliency_is_the_sum_over_heads():
    attention = torch.tensor([[[[0.1, 0.4]], [[0.3, 0.1]]]], requires_grad=True)
    summed = loss.saliency(attention)
    torch.testing.assert_close(summed, torch.tensor([[[0.4, 0.5]]]))
    assert not summed.requires_grad


def test_distribution_by_hand():
    """exp(z / tau) is 1, 2 and 4; unknown places have no part in it."""
    similarity = row(0, math.log(2) / 2, math.log(4) / 2, NAN)
    logs = loss.log_distribution(similarity, known(1, 1, 1, 0), 0.5)
    torch.testing.assert_close(logs.exp(), row(1 / 7, 2 / 7, 4 / 7, 0))
    assert logs[0, 0, 3] == -math.inf


def test_distribution_over_nothing_is_uniform():
    logs = loss.log_distribution(row(NAN, NAN), known(0, 0), 0.1)
    torch.testing.assert_close(logs.exp(), row(0.5, 0.5))


def test_divergence_by_hand():
    """KL((1/2, 1/2, 0) || (1/4, 3/4, 0)) = log(2) / 2 + log(2 / 3) / 2."""
    of_flow, of_features = row(0.5, 0.5, 0).log(), row(0.25, 0.75, 0).log()
    kl = math.log(2) / 2 + math.log(2 / 3) / 2
    value = loss.divergence(of_flow, of_features, "kl")
    assert value.item() == pytest.approx(kl, rel=1e-6)
    value = loss.divergence(of_flow, of_features, "cross_entropy")
    assert value.item() == pytest.approx(kl + math.log(2), rel=1e-6)
    assert loss.divergence(of_flow, of_flow, "kl").item() == pytest.approx(0, abs=1e-6)


def test_motion_of_a_window():
    """The norm of all its vectors: sqrt(3^2 + 4^2 + 12^2)."""
    flow = torch.tensor([[3.0, 4], [0, 12], [NAN, 9]])[None, None]
    flow[..., 2, 1] = NAN
    assert loss.motion(flow).item() == pytest.approx(13)


def test_mean_similarity_of_a_window():
    values = torch.tensor([[[0.2, 0.4, NAN], [0.01, 0.03, 0.05], [NAN, NAN, NAN]]])
    expected = torch.tensor([[0.25, 0, 0]])
    torch.testing.assert_close(loss.mean_similarity(values, 0.05), expected)


def test_missing_entropy_of_a_window():
    """Probabilities 1/3 and 2/3 of two known places against log 2; equal ones miss nothing."""
    similarity = torch.tensor([[[0.0, math.log(2), NAN], [0.3, 0.3, 0.3]]])
    entropy = math.log(3) - 2 / 3 * math.log(2)
    values = loss.missing_entropy(similarity, similarity.isfinite())
    assert values[0, 0].item() == pytest.approx(math.log(2) - entropy, abs=1e-6)
    assert values[0, 1].item() == 0


def test_shares_by_hand():
    amounts = torch.tensor([[1.0, 3.0], [0.0, 0.0]])
    assert loss.shares(amounts).tolist() == [[0.25, 0.75], [0, 0]]
    assert loss.shares(amounts, 4.0).tolist() == [[0.125, 0.375], [0, 0]]


def test_the_loss_of_two_windows_by_hand():
    """Three cells in two rows, windows of two; Eq. 2 to 8 written down with plain numbers."""
    features = torch.tensor([[[1.0, 0], [0, 1], [1, 0]], [[1, 0], [1, 0], [0, 1]]])[None]
    salience = torch.tensor([[[4.0, 1, 2], [0, 0, 3]]])  # upper left, then lower right
    flow = torch.zeros(1, 2, 2, 3)
    flow[0, 0] = torch.tensor([[1.0, 0.5, 0], [0, 0, 0.25]])
    flow[0, 1, 1, 0] = 1  # across the motion of the salient place
    settings = FlowLossSettings(window=2, stride=1, sigma=1.0, temperature=1.0)
    similarities = [
        ([1, 0.5, math.exp(-1), 0], [1, 0, 1, 1]),
        ([0.5, 0, 0, 0.25], [1, 0, 0, 1]),
    ]
    norms = [1.5, math.sqrt(0.25 + 0.0625)]
    losses = []
    for z_flow, z_features in similarities:
        p = [math.exp(z) / sum(map(math.exp, z_flow)) for z in z_flow]
        q = [math.exp(z) / sum(map(math.exp, z_features)) for z in z_features]
        losses.append(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))
    expected = sum(n * value for n, value in zip(norms, losses, strict=True)) / sum(norms)
    value = loss.flow_loss(features, salience, flow, settings)
    assert value.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ALL_WEIGHTS)
def test_a_frame_that_stands_still_weighs_nothing(kind):
    features, salience, flow = sample()
    settings = FlowLossSettings(weights=kind)
    moving = loss.flow_loss(features[:1], salience[:1], flow[:1], settings)
    flow[1] = 0
    both = loss.flow_loss(features, salience, flow, settings)
    both.backward()
    assert both.item() == pytest.approx(moving.item() / 2, rel=1e-6)
    assert features.grad[1].abs().max() == 0


@pytest.mark.parametrize("kind", ALL_WEIGHTS)
def test_a_frame_of_unknown_flow_weighs_nothing(kind):
    features, salience, _ = sample()
    flow = torch.full((2, 2, 8, 9), NAN)
    value = loss.flow_loss(features, salience, flow, FlowLossSettings(weights=kind))
    value.backward()
    assert value.item() == 0
    assert features.grad.abs().max() == 0


@pytest.mark.parametrize("kind", ALL_WEIGHTS)
def test_places_of_unknown_flow_are_left_out(kind):
    """Their features do not matter, and neither does their saliency."""
    features, salience, flow = sample()
    flow[0, :, 2, 3] = NAN
    settings = FlowLossSettings(weights=kind)
    value = loss.flow_loss(features, salience, flow, settings)
    value.backward()
    assert features.grad.isfinite().all()
    assert features.grad[0, 2, 3].abs().max() == 0
    others = features.detach().clone()
    others[0, 2, 3] *= -1
    salience[0, 2, 3] = 9
    assert loss.flow_loss(others, salience, flow, settings).item() == value.item()


@pytest.mark.parametrize("kind", ALL_WEIGHTS)
def test_a_window_with_a_single_known_place_says_nothing(kind):
    """Two windows side by side: the right has only places that the left does not share."""
    features, salience, flow = sample(2, 4, batch=1)
    settings = FlowLossSettings(weights=kind, window=2, stride=2, weight_margin=0)
    alone = loss.flow_loss(features[:, :, :2], salience[:, :, :2], flow[:, :, :, :2], settings)
    flow[0, :, 0, 2:] = flow[0, :, 1, 2] = NAN
    value = loss.flow_loss(features, salience, flow, settings)
    assert value.item() == pytest.approx(alone.item(), rel=1e-4)


def test_no_gradient_reaches_saliency_and_flow():
    features, salience, flow = sample()
    salience.requires_grad_()
    flow.requires_grad_()
    loss.flow_loss(features, salience, flow, FlowLossSettings()).backward()
    assert salience.grad is None
    assert flow.grad is None


def test_cross_entropy_has_the_gradient_of_the_divergence():
    features, salience, flow = sample()
    gradients = []
    for kind in ("kl", "cross_entropy"):
        value = loss.flow_loss(features, salience, flow, FlowLossSettings(divergence=kind))
        gradients += torch.autograd.grad(value, features)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("settings", [FlowLossSettings(), RELEASED_LOSS])
def test_mirroring_changes_nothing(settings):
    """Maps with windows up to the border; u changes its sign, or it does not (released)."""
    features, salience, flow = sample(9, 9)
    value = loss.flow_loss(features, salience, flow, settings)
    mirrored = [features.flip(2), salience.flip(2), flow.flip(3)]
    assert loss.flow_loss(*mirrored, settings).item() == pytest.approx(value.item(), rel=1e-5)
    mirrored[2] = mirrored[2] * torch.tensor([-1.0, 1]).view(2, 1, 1)
    assert loss.flow_loss(*mirrored, settings).item() == pytest.approx(value.item(), rel=1e-5)


def test_features_follow_motion():
    """A block moves before a still ground: descent leaves it unlike the ground, and alike inside.

    The loss pulls windows across the border apart: there, flow says which places belong together.
    """
    torch.manual_seed(0)
    flow = torch.zeros(1, 2, 9, 9)
    flow[..., 2:6, 2:6] = 4
    salience = (flow.norm(dim=1) > 0).float()
    features = torch.randn(1, 9, 9, 8).requires_grad_()
    optimiser = torch.optim.Adam([features], 0.05)
    settings, stable = FlowLossSettings(stride=1), stabilised(flow, remove_background=False)
    values = []
    for _ in range(60):
        optimiser.zero_grad()
        value = loss.flow_loss(features, salience, stable, settings)
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert values[-1] < values[0] / 4
    units = torch.nn.functional.normalize(features.detach()[0], dim=-1)
    inside, across = (units[2, 3] @ units[3, 3], units[2, 3] @ units[1, 3])
    assert inside > 0.8
    assert across < inside - 0.5


def test_half_precision_features_give_a_loss_in_float32():
    features, salience, flow = sample()
    value = loss.flow_loss(features.half(), salience.half(), flow, FlowLossSettings())
    exact = loss.flow_loss(features, salience, flow, FlowLossSettings())
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(exact.item(), rel=2e-2)


def test_autocast_changes_nothing():
    features, salience, flow = sample()
    exact = loss.flow_loss(features, salience, flow, FlowLossSettings())
    with torch.autocast("cpu", torch.bfloat16):
        value = loss.flow_loss(features, salience, flow, FlowLossSettings())
    assert value.dtype == torch.float32
    assert value.item() == exact.item()


def test_flow_finer_than_the_features():
    features, salience, _ = sample(4, 5, batch=1)
    flow = stabilised(torch.randn(1, 2, 16, 20))
    assert loss.flow_loss(features, salience, flow, FlowLossSettings()).isfinite()


@pytest.mark.parametrize(
    ("features", "salience", "flow"),
    [
        ((0, 8, 8, 4), (0, 8, 8), (0, 2, 8, 8)),
        ((8, 8, 4), (8, 8), (2, 8, 8)),
        ((2, 8, 8, 4), (2, 8, 7), (2, 2, 8, 8)),
        ((2, 8, 8, 4), (2, 8, 8), (1, 2, 8, 8)),
        ((2, 8, 8, 4), (2, 8, 8), (2, 3, 8, 8)),
        ((2, 8, 8, 4), (2, 8, 8), (2, 2, 8)),
    ],
)
def test_shapes_that_do_not_go_together_are_refused(features, salience, flow):
    with pytest.raises(ValueError, match=r"expected features \(B, h, w, C\), saliency"):
        loss.flow_loss(*map(torch.zeros, (features, salience, flow)), FlowLossSettings())


def test_maps_smaller_than_a_window_are_refused():
    features, salience, flow = sample(2, 9)
    with pytest.raises(ValueError, match="windows of 3 cells every 2 do not fit a map of 2 x 9"):
        loss.flow_loss(features, salience, flow, FlowLossSettings())
