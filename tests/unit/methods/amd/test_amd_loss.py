"""The loss of AMD: lowest for true segments and vectors, and its gradient points there."""

import pytest
import torch
from torch.nn import functional

from commonfate.methods.amd.loss import LOSSES
from commonfate.models.pwc.losses import ssim_distance
from commonfate.models.pwc.segment_flow import SegmentFlow
from commonfate.models.pwc.warp import warp


@pytest.fixture(params=sorted(LOSSES))
def loss(request):
    return LOSSES[request.param]


def grown(masks):
    """The object with a margin of 8 pixels."""
    grown = functional.max_pool2d(masks[:, 1:], 17, stride=1, padding=8)
    return torch.cat([1 - grown, grown], 1)


@pytest.mark.parametrize(
    "vectors",
    [
        [[0, 0], [0, 0]],
        [[0, 0], [2, -1]],
        [[0, 0], [-4, 2]],
        [[0, 0], [8, -4]],
        [[4, -2], [4, -2]],
        [[4, -2], [0, 0]],
    ],
)
def test_wrong_vectors_cost_more(scene, loss, vectors):
    assert scene.loss(loss, vectors) > 2 * scene.loss(loss)


@pytest.mark.parametrize(
    "change",
    [
        lambda masks: torch.full_like(masks, 0.5),
        lambda masks: masks.roll(10, dims=3),
        lambda masks: masks.flip(1),
        grown,
    ],
    ids=["even", "elsewhere", "exchanged", "grown"],
)
def test_wrong_segments_cost_more(scene, loss, change):
    wrong = scene.loss(loss, None, change(scene.first_masks), change(scene.second_masks))
    assert wrong > 2 * scene.loss(loss)


def test_segments_of_the_warped_frame_lie_between_truth_and_stillness(scene, loss):
    """Eq. 6 read literally puts the object where it is in the other frame: off by its motion."""
    literal = scene.loss(loss, None, scene.second_masks, scene.first_masks)
    assert scene.loss(loss) < literal < scene.loss(loss, [[0, 0], [0, 0]])


@pytest.mark.parametrize("masks_of", ["target", "warped"])
def test_the_gradient_draws_the_object_out_of_even_segments(scene, loss, masks_of):
    logits = torch.zeros(2, 1, 2, 64, 64, requires_grad=True)
    scene.loss(loss, None, *logits.softmax(2)).backward()
    truth = [scene.first_masks, scene.second_masks]
    inside = torch.stack(truth if masks_of == "target" else truth[::-1])[:, :, 1] > 0
    towards = -logits.grad[:, :, 1]
    assert towards[inside].mean() > 0 > towards[~inside].mean()


def test_frames_are_exchangeable(scene, loss):
    flows = (
        scene.flow(scene.vectors, scene.first_masks),
        scene.flow(-scene.vectors, scene.second_masks),
    )
    forth = loss(scene.first, scene.second, *flows)
    back = loss(scene.second, scene.first, *flows[::-1])
    torch.testing.assert_close(forth, back)


def test_the_paper_sums_ssim_of_both_directions_over_the_whole_image(scene):
    flow = scene.flow(scene.vectors, scene.first_masks)
    still = scene.flow(0 * scene.vectors, scene.second_masks)
    result = LOSSES["paper"](scene.first, scene.second, flow, still)
    expected = ssim_distance(scene.first, warp(scene.second, flow.flows[0])).mean()
    expected = expected + ssim_distance(scene.second, scene.first).mean()
    torch.testing.assert_close(result, expected)


def test_the_paper_looks_at_the_finest_scale_alone_and_released_at_four(scene):
    coarse = (
        scene.flow(scene.vectors, scene.first_masks),
        scene.flow(-scene.vectors, scene.second_masks),
    )
    before = {name: loss(scene.first, scene.second, *coarse) for name, loss in LOSSES.items()}
    for scale, changes in ((4, False), (3, True), (1, True)):
        for flow in coarse:
            flow.flows[scale] = flow.flows[scale] + 1
        after = {name: loss(scene.first, scene.second, *coarse) for name, loss in LOSSES.items()}
        assert after["paper"] == before["paper"]
        assert (after["released"] > before["released"]) == changes
        before = after


def test_released_leaves_out_what_is_hidden(scene):
    """Background that the object covers in the second frame cannot be made of it, and is not asked
    for; at coarser scales it mixes with what is around."""
    finest = [
        SegmentFlow(flow.flows[:1], flow.vectors)
        for flow in (
            scene.flow(scene.vectors, scene.first_masks),
            scene.flow(-scene.vectors, scene.second_masks),
        )
    ]
    changed = scene.first.clone()
    changed[..., 18:38, 36:40] = 0.5
    for name, loss in LOSSES.items():
        before = loss(scene.first, scene.second, *finest)
        after = loss(changed, scene.second, *finest)
        assert torch.isclose(before, after, rtol=1e-6) == (name == "released")
