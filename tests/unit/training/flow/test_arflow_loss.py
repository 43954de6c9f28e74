"""ARFlow's unsupervised loss on a texture that moves by a known vector."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from commonfate.models.pwc.losses import resized
from commonfate.training.flow.arflow_loss import ArflowLoss
from commonfate.training.flow.arflow_loss_settings import ArflowLossSettings
from commonfate.training.flow.arflow_loss_terms import regularisation_term, visible

HEIGHT, WIDTH, SCALES = 48, 64, 5
MOTION = (3.0, -2.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def texture(height, width, seed=0):
    """Smooth noise of two sizes, RGB in [0, 1]."""
    layers = []
    for size, weight in ((12, 0.6), (5, 0.4)):
        shape = (1, 3, height // size + 2, width // size + 2)
        coarse = torch.rand(shape, generator=generator(seed + size))
        layers.append(weight * F.interpolate(coarse, (height, width), mode="bicubic"))
    return sum(layers).clamp(0, 1)


@pytest.fixture(scope="module")
def images():
    """(1, 2, 3, H, W): what is at x in the first is at x + MOTION in the second."""
    margin, (u, v) = 8, (int(MOTION[0]), int(MOTION[1]))
    whole = texture(HEIGHT + 2 * margin, WIDTH + 2 * margin)

    def window(dx, dy):
        top, left = margin - dy, margin - dx
        return whole[:, :, top : top + HEIGHT, left : left + WIDTH]

    return torch.stack([window(0, 0), window(u, v)], 1)


class Direct(nn.Module):
    """Flow itself as parameters, one vector a block of 16 pixels, in the place of a network."""

    def __init__(self, motion=(0.0, 0.0)):
        super().__init__()
        start = torch.tensor(motion)[None, :, None, None].expand(1, 2, HEIGHT // 16, WIDTH // 16)
        self.forth, self.back = nn.Parameter(start.clone()), nn.Parameter(-start)
        self.asked = []

    def forward(self, inputs):
        self.asked.append(inputs)
        flows = {"flows_fw": self.scales(self.forth)}
        if inputs["both_directions"]:
            flows["flows_bw"] = self.scales(self.back)
        return flows

    def scales(self, coarse):
        sizes = [(HEIGHT >> scale, WIDTH >> scale) for scale in range(SCALES)]
        return [
            F.interpolate(coarse, size, mode="bilinear") / 2**scale
            for scale, size in enumerate(sizes)
        ]


TERMS = [
    {"l1": 1, "ssim": 0, "ternary": 0},
    {"l1": 0, "ssim": 1, "ternary": 0},
    {"l1": 0, "ssim": 0, "ternary": 1},
    {"occlusion": "consistency"},
    {"smoothness_order": 2},
]


@pytest.mark.parametrize("changes", TERMS)
def test_the_true_flow_costs_less_than_any_other(images, changes):
    loss = ArflowLoss(ArflowLossSettings(**changes))
    right, terms = loss(Direct(MOTION), images, generator())
    for wrong in ((0.0, 0.0), (-3.0, 2.0), (4.0, -2.0)):
        assert right < 0.8 * loss(Direct(wrong), images, generator())[0]
    # Two rows of 48 and three columns of 64 leave or enter the frame.
    assert terms["visible"].item() == pytest.approx(46 * 61 / (48 * 64), abs=0.01)
    assert terms["flow"].item() == pytest.approx(2.5, abs=1e-5)


def test_a_short_optimisation_finds_the_motion(images):
    model = Direct()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.4)
    loss = ArflowLoss(ArflowLossSettings(scales=(1, 1)))
    for step in range(25):
        optimiser.zero_grad()
        value, _ = loss(model, images, generator(step))
        value.backward()
        optimiser.step()
    error = model.forth.detach() - torch.tensor(MOTION)[None, :, None, None]
    epe = error.norm(dim=1).mean()
    assert epe < 0.3  # from 3.6


def test_the_second_pass_sees_a_twisted_pair_and_asks_for_forward_flow(images):
    model = Direct(MOTION)
    loss, terms = ArflowLoss()(model, images, generator(), regularise=True)
    first, second = model.asked
    assert first["both_directions"] and not second["both_directions"]
    torch.testing.assert_close(first["images"], images.flip(2))
    assert second["images"].shape == first["images"].shape
    assert (second["images"] - first["images"]).abs().mean() > 0.05
    plain, fewer = ArflowLoss()(Direct(MOTION), images, generator())
    assert loss.item() == pytest.approx(
        plain.item() + 0.01 * terms["regularisation"].item(), rel=1e-5
    )
    assert terms.keys() - fewer.keys() == {"regularisation"}
    assert not any(term.requires_grad for term in terms.values())


def test_the_second_pass_teaches_without_being_taught(images):
    """Its gradient reaches the network through the second pass alone."""
    model = Direct(MOTION)
    settings = ArflowLossSettings(l1=0, ssim=0, ternary=0, smoothness=0, regularisation=1)
    loss, _ = ArflowLoss(settings)(model, images, generator(), regularise=True)
    loss.backward()
    assert model.forth.grad.abs().max() > 0
    assert model.back.grad is None or model.back.grad.abs().max() == 0


def test_the_same_generator_gives_the_same_loss(images):
    values = [
        ArflowLoss()(Direct(MOTION), images, generator(seed), regularise=True)[0]
        for seed in (1, 1, 2)
    ]
    assert values[0] == values[1] != values[2]


def test_flat_images_give_finite_gradients():
    model = Direct(MOTION)
    flat = torch.full((1, 2, 3, HEIGHT, WIDTH), 0.5)
    loss, _ = ArflowLoss()(model, flat, generator(), regularise=True)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_regularisation_by_hand():
    flow, target = torch.zeros(1, 2, 1, 2), torch.zeros(1, 2, 1, 2)
    flow[0, 0, 0, 0] = 0.99
    confidence = torch.tensor([[[[1.0, 0.0]]]])
    # |0.99| + 0.01 = 1 in one component, 0.01^q in the other; the second pixel does not count.
    value = regularisation_term(flow, target, confidence, epsilon=0.01, power=0.5)
    assert value.item() == pytest.approx((1 + 0.1) / 2, rel=1e-4)
    assert regularisation_term(flow, target, 0 * confidence, 0.01, 0.5) == 0


@pytest.mark.parametrize("occlusion", ["coverage", "consistency"])
def test_what_leaves_or_is_covered_is_hidden(occlusion):
    forward, backward = torch.zeros(2, 1, 2, 8, 16)
    forward[:, 0, :, :8], backward[:, 0, :, 4:12] = 4, -4
    shown = visible(forward, backward, occlusion)
    # Columns 8 to 11 of the first frame are covered by 4 to 7; columns 0 to 3 of the second appear.
    assert shown[0, 0, 4].tolist() == [1] * 8 + [0] * 4 + [1] * 4
    assert shown.dtype == torch.float32 and not shown.requires_grad


def test_images_are_averaged_to_reduce_and_interpolated_to_enlarge():
    image = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]])
    assert resized(image, (1, 1)).item() == 0.5
    assert resized(image, (2, 2)) is image
    assert resized(image, (4, 4))[0, 0, 0].tolist() == pytest.approx([0, 0.25, 0.75, 1])
