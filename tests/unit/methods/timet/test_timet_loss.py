"""TimeT's targets and loss by hand: all that can be carried, batched clips, senseless inputs."""

import math

import pytest
import torch

from commonfate.methods.timet.loss import cross_entropy, targets
from commonfate.methods.timet.settings import TargetSettings
from commonfate.methods.timet.sinkhorn import assign
from commonfate.models.forwarder import forward
from commonfate.models.settings import ForwarderSettings

NEAREST = ForwarderSettings(window=None, top_k=1)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def scores():
    """Two clips of 1 x 3 patches, four prototypes."""
    return random(2, 1, 3, 4).tanh()


@pytest.fixture
def moving():
    """Tokens of two frames: in the second each patch is one further to the right, in a circle."""
    first = torch.eye(3).reshape(1, 1, 3, 3).expand(2, 1, 3, 3)
    return torch.stack([first, first.roll(1, 2)], 1)


def of(forwards, **changes):
    return TargetSettings(**{"forwards": forwards, "forwarder": NEAREST, **changes})


def assigned(scores):
    return assign(scores.flatten(0, 2)).view_as(scores)


def test_assignments_follow_the_patches(scores, moving):
    carried = targets(scores, moving, of("assignments"))
    torch.testing.assert_close(carried, assigned(scores).roll(1, 2))


def test_identity_holds_assignments_still(scores, moving):
    torch.testing.assert_close(targets(scores, moving, of("identity")), assigned(scores))


def test_nothing_carried_has_the_assignments_of_the_last_frame(scores, moving):
    assert (of("none").source, of("identity").source) == (-1, 0)
    torch.testing.assert_close(targets(scores, moving, of("none")), assigned(scores))


def test_scores_follow_the_patches_and_are_assigned_at_the_end(scores, moving):
    by_softmax = targets(scores, moving, of("logits"))
    torch.testing.assert_close(by_softmax, (scores / 0.1).softmax(-1).roll(1, 2))
    by_transport = targets(scores, moving, of("logits", logits_by="sinkhorn"))
    torch.testing.assert_close(by_transport, assigned(scores.roll(1, 2)))


def test_carried_scores_differ_from_carried_assignments_where_patches_mix():
    """Two patches of equal features: the mean of scores is another than that of assignments."""
    tokens = torch.ones(1, 2, 1, 2, 3)
    scores = torch.tensor([[[[0.9, -0.9], [-0.1, 0.1]]]])
    everywhere = {"forwarder": ForwarderSettings(window=None, top_k=None)}
    by_scores = targets(scores, tokens, of("logits", **everywhere))
    by_assignments = targets(scores, tokens, of("assignments", **everywhere))
    torch.testing.assert_close(by_scores[0, 0, 0, 0], torch.tensor(8.0).sigmoid())
    torch.testing.assert_close(by_assignments, torch.full_like(by_assignments, 0.5))


@pytest.mark.parametrize("forwards", ["none", "identity", "logits", "assignments"])
def test_a_clip_of_one_frame_has_its_own_assignments(scores, forwards):
    own = targets(scores, random(2, 1, 1, 3, 5), of(forwards))
    expected = (scores / 0.1).softmax(-1) if forwards == "logits" else assigned(scores)
    torch.testing.assert_close(own, expected)


def test_clips_are_carried_each_by_itself_on_rectangular_maps():
    scores, tokens = random(3, 2, 5, 6).tanh(), random(3, 4, 2, 5, 8)
    carried = targets(scores, tokens, TargetSettings())
    assert carried.shape == (3, 2, 5, 6)
    assignments = assigned(scores)
    for clip in range(3):
        maps = assignments[clip : clip + 1].movedim(-1, 1)
        alone = forward(tokens[clip : clip + 1], maps, ForwarderSettings.equations())
        torch.testing.assert_close(carried[clip], alone[0, -1].movedim(0, -1))
    torch.testing.assert_close(carried.sum(-1), torch.ones(3, 2, 5))


def test_the_listing_loses_mass():
    carried = targets(
        random(1, 4, 4, 3).tanh(),
        random(1, 2, 4, 4, 8),
        TargetSettings(forwarder=ForwarderSettings.listing().model_copy(update={"window": 1})),
    )
    assert (carried.sum(-1) < 1).all()


def test_queued_samples_are_assigned_with_the_batch(scores, moving):
    queued = random(5, 4, seed=1).tanh()
    together = assign(torch.cat([scores.flatten(0, 2), queued]))[:6].view_as(scores)
    torch.testing.assert_close(targets(scores, moving, of("identity"), queued), together)
    none = targets(scores, moving, of("identity"), queued[:0])
    torch.testing.assert_close(none, assigned(scores))


def test_more_prototypes_than_patches():
    carried = targets(random(1, 1, 2, 9).tanh(), random(1, 3, 1, 2, 4), TargetSettings())
    torch.testing.assert_close(carried.sum(-1), torch.ones(1, 1, 2))


def test_loss_by_hand():
    """Probabilities 3/4 and 1/4 at a temperature of 0.1; the mean over two patches."""
    scores = torch.tensor([[[[0.1 * math.log(3), 0.0], [0.0, 0.1 * math.log(3)]]]])
    soft = torch.tensor([[[[0.5, 0.5], [0.2, 0.8]]]])
    first = -(0.5 * math.log(0.75) + 0.5 * math.log(0.25))
    second = -(0.2 * math.log(0.25) + 0.8 * math.log(0.75))
    assert cross_entropy(scores, soft).item() == pytest.approx((first + second) / 2)
    hard = cross_entropy(scores, soft, form="argmax").item()
    assert hard == pytest.approx(-math.log(0.75))  # the first of two equal targets


def test_16_bit_scores_give_a_loss_in_32_bits():
    scores = torch.tensor([[[[1.0, -1.0]]]]).half().requires_grad_()
    value = cross_entropy(scores, torch.tensor([[[[0.0, 1.0]]]]), 0.0001)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(2e4)


@pytest.mark.parametrize("form", ["soft", "argmax"])
@pytest.mark.parametrize("forwards", ["none", "identity", "logits", "assignments"])
@pytest.mark.parametrize("which", ["scores", "tokens"])
def test_nan_reaches_the_loss(scores, moving, which, forwards, form):
    broken = {"scores": scores.clone(), "tokens": moving.clone()}
    broken[which].flatten()[0] = torch.nan
    value = cross_entropy(scores, targets(**broken, settings=of(forwards)), form=form)
    assert value.isnan() or (which == "tokens" and forwards in ("none", "identity"))


def test_no_gradient_reaches_the_targets(scores, moving):
    assert not targets(scores.requires_grad_(), moving, of("assignments")).requires_grad


@pytest.mark.parametrize(
    ("scores", "tokens", "message"),
    [
        ((2, 3, 4), (2, 2, 1, 3, 5), "expected scores"),
        ((2, 1, 3, 4), (2, 0, 1, 3, 5), "expected scores"),
        ((2, 1, 3, 4), (3, 2, 1, 3, 5), "differ in clips or size"),
        ((2, 1, 3, 4), (2, 2, 3, 1, 5), "differ in clips or size"),
    ],
)
def test_targets_refused(scores, tokens, message):
    with pytest.raises(ValueError, match=message):
        targets(torch.zeros(scores), torch.zeros(tokens), TargetSettings())


@pytest.mark.parametrize(
    ("scores", "targets"), [((1, 1, 2, 3), (1, 2, 1, 3)), ((0, 1, 2, 3), (0, 1, 2, 3))]
)
def test_loss_refused(scores, targets):
    with pytest.raises(ValueError, match="of some patches"):
        cross_entropy(torch.zeros(scores), torch.zeros(targets))
