"""Crops of frames with their flow: place, scale, flips, and what is not known."""

import math

import numpy as np
import pytest
import torch

from commonfate.methods.distillation.crops import Placement, placed_crops
from commonfate.methods.flowdino.crops import flow_crop, frame_crops
from commonfate.methods.flowdino.flow import relative, stabilised
from commonfate.methods.flowdino.loss import flow_loss
from commonfate.methods.flowdino.settings import FlowDinoSettings

NAN = math.nan
PLAIN = {"global_crop": 16, "local_crop": 8, "local_crops": 2, "dim": 12, "patch": 2}


def settings(**changes):
    return FlowDinoSettings(**{**PLAIN, **changes})


def moving(flow):
    return relative(torch.as_tensor(flow)[None])


def test_places_are_those_of_the_crops():
    """Of an image that shows the numbers of its columns, without other changes of colour."""
    frame = np.arange(60, dtype=np.uint8)[None, :, None].repeat(40, 0).repeat(3, 2)
    views, places = placed_crops(settings(local_crops=20, flip=True), frame, 0)
    assert len(places) == 22
    assert {place.mirrored for place in places} == {True, False}
    for place in places:
        assert 0 <= place.top <= place.top + place.height <= 40
        assert 0 <= place.left <= place.left + place.width <= 60
    rising = [bool(view[..., -2:].float().mean() > view[..., :2].float().mean()) for view in [
        *views["global_crops"], *views["local_crops"]]]  # fmt: skip
    solarised = 1  # the second global crop may be inverted
    assert [
        up != place.mirrored
        for number, (up, place) in enumerate(zip(rising, places, strict=True))
        if number != solarised
    ] == [True] * 21


def test_a_crop_at_its_own_size_is_the_part_of_the_normalised_frame():
    flow = torch.randn(2, 12, 10, generator=torch.manual_seed(0))
    flow[:, 0, 0] = NAN
    part = flow_crop(moving(flow), Placement(2, 3, 6, 6, mirrored=False), 6, scaled=True)
    torch.testing.assert_close(part, stabilised(flow[None])[:, :, 2:8, 3:9])


def test_a_mirrored_crop_negates_u():
    flow = torch.randn(2, 8, 8, generator=torch.manual_seed(0))
    plain, mirrored = (
        flow_crop(moving(flow), Placement(0, 0, 8, 8, flip), 8, scaled=True)
        for flip in (False, True)
    )
    torch.testing.assert_close(mirrored[0, 0], -plain[0, 0].flip(1))
    torch.testing.assert_close(mirrored[0, 1], plain[0, 1].flip(1))


def test_values_scale_with_the_picture_or_stay():
    """Mean (0, 0). A crop of twice the height and four times the width: (3, 4) becomes (12, 8), and
    (-3, -4) the opposite; the largest norm is sqrt(208)."""
    flow = torch.tensor([[3.0, 4.0], [-3.0, -4.0], [0.0, 0.0]]).T[:, None].repeat(1, 4, 1)
    place = Placement(0, 0, 4, 2, mirrored=False)  # both left columns, 8 rows of 2 become 8 of 8
    scaled = flow_crop(moving(flow), place, 8, scaled=True)
    kept = flow_crop(moving(flow), place, 8, scaled=False)
    torch.testing.assert_close(scaled[0, :, 0, 0], torch.tensor([12.0, 8.0]) / math.sqrt(208))
    torch.testing.assert_close(kept[0, :, 0, 0], torch.tensor([0.6, 0.8]))
    torch.testing.assert_close(kept[0, :, 0, -1], torch.tensor([-0.6, -0.8]))


def test_one_factor_for_both_axes_changes_nothing():
    flow = torch.randn(2, 8, 8, generator=torch.manual_seed(0))
    place = Placement(1, 2, 4, 4, mirrored=False)
    both = [flow_crop(moving(flow), place, 8, scaled) for scaled in (True, False)]
    torch.testing.assert_close(*both)


def test_unknown_flow_stays_unknown_and_out_of_the_rest():
    flow = torch.randn(2, 20, 20, generator=torch.manual_seed(0))
    holes = flow.clone()
    holes[0, 15:, 15:] = NAN
    place = Placement(0, 0, 10, 10, mirrored=False)
    part = flow_crop(moving(holes), place, 10, scaled=True)
    assert part.isfinite().all()
    without = flow.masked_fill(holes.isnan().any(0), 0)
    known = ~holes.isnan().any(0)
    mean = without.sum((1, 2)) / known.sum()
    centred = (flow - mean[:, None, None])[:, known]
    expected = (flow - mean[:, None, None])[:, :10, :10] / centred.norm(dim=0).max()
    torch.testing.assert_close(part[0], expected)
    corner = flow_crop(moving(holes), Placement(12, 12, 8, 8, mirrored=True), 8, scaled=True)[0]
    assert corner[:, 3:, :5].isnan().all()
    assert corner[:, :3].isfinite().all()


def test_names_shapes_and_types():
    generator = np.random.default_rng(0)
    frame = generator.integers(0, 256, (30, 40, 3), np.uint8)
    flow = generator.normal(size=(2, 30, 40)).astype(np.float32)
    tensors = frame_crops(settings(), frame, flow, 3)
    assert {name: tuple(value.shape) for name, value in tensors.items()} == {
        "frame_global_crops": (2, 3, 16, 16),
        "frame_local_crops": (2, 3, 8, 8),
        "global_flow": (2, 2, 8, 8),
        "local_flow": (2, 2, 4, 4),
    }
    assert tensors["global_flow"].dtype == torch.float32
    alone = frame_crops(settings(local_crops=0), frame, flow, 3)
    assert alone["local_flow"].shape == (0, 2, 4, 4)
    assert set(frame_crops(settings(), frame, None, 3)) == {
        "frame_global_crops",
        "frame_local_crops",
    }
    again = frame_crops(settings(), frame, flow, 3)
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)


def test_flow_of_another_size_than_the_frame():
    """Flow of half the size, in its own pixels, is that of the frame where it is smooth."""
    rows, columns = np.mgrid[:40, :60].astype(np.float32)
    flow = np.stack([np.sin(columns / 20), np.cos(rows / 15)])
    half = flow.reshape(2, 20, 2, 30, 2).mean((2, 4)) / 2
    frame = np.zeros((40, 60, 3), np.uint8)
    whole, other = (frame_crops(settings(), frame, each, 5) for each in (flow, half))
    for name in ("global_flow", "local_flow"):
        torch.testing.assert_close(whole[name], other[name], atol=0.03, rtol=0)


@pytest.mark.parametrize("scale_flow", ["paper", "released"])
def test_a_still_frame_weighs_nothing(scale_flow):
    frame, flow = np.zeros((30, 40, 3), np.uint8), np.full((2, 30, 40), 0.3, np.float32)
    own = settings(scale_flow=scale_flow)
    tensors = frame_crops(own, frame, flow, 0)
    assert (tensors["global_flow"] == 0).all()
    features = torch.randn(2, 8, 8, 12)
    assert flow_loss(features, torch.rand(2, 8, 8), tensors["global_flow"], own.flow) == 0


def test_the_loss_does_not_see_a_flip():
    """Frame, saliency and flow mirrored alike: the windows are the same, in another order."""
    torch.manual_seed(0)
    features, salience, flow = torch.randn(1, 7, 7, 5), torch.rand(1, 7, 7), torch.randn(2, 7, 7)
    parts = [
        flow_crop(moving(flow), Placement(0, 0, 7, 7, mirrored), 7, scaled=True)
        for mirrored in (False, True)
    ]
    loss = flow_loss(features, salience, parts[0], settings().flow)
    mirrored = flow_loss(features.flip(2), salience.flip(2), parts[1], settings().flow)
    torch.testing.assert_close(mirrored, loss)
    assert loss > 0
