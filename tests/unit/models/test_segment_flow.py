"""AMD's motion pathway: features pooled inside segments, one flow vector for each."""

import pytest
import torch

from commonfate.models.pwc.segment_flow import (
    CHANNELS,
    SMALL_CHANNELS,
    SMALL_WIDTH,
    MotionPathway,
    compose,
    pool,
)


def drawn(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def pathway():
    torch.manual_seed(0)
    return MotionPathway(SMALL_CHANNELS, SMALL_WIDTH)


@pytest.fixture
def images():
    return drawn(2, 3, 32, 48, seed=1), drawn(2, 3, 32, 48, seed=2)


@pytest.fixture
def masks():
    return (4 * drawn(2, 3, 6, 5, seed=3)).softmax(1)


def one_segment_only(masks, which):
    """Masks of which one is 1 everywhere and all others are exactly 0."""
    result = torch.zeros_like(masks)
    result[:, which] = 1
    return result


def test_features_are_weighted_means_eq_3():
    features = torch.tensor([[[1.0, 2], [3, 4]], [[10, 20], [30, 40]]])[None]
    masks = torch.tensor([[[1.0, 0], [0, 0]], [[0, 0.5], [0.5, 0]], [[0, 0.5], [0.5, 1]]])[None]
    actual = pool(features, masks)
    # Third segment: (0.5 * 2 + 0.5 * 3 + 4) / 2.
    assert actual.tolist() == [[[1, 10], [2.5, 25], [3.25, 32.5]]]


def test_features_of_a_vanished_segment_are_zero():
    masks = torch.stack([torch.ones(4, 4), torch.zeros(4, 4)])[None].requires_grad_()
    actual = pool(drawn(1, 3, 4, 4), masks)
    assert torch.equal(actual[0, 1], torch.zeros(3))
    actual.sum().backward()
    assert masks.grad.isfinite().all()


def test_features_fade_out_only_below_a_millionth_of_the_image():
    features = torch.ones(1, 2, 10, 10)
    masks = torch.tensor([1e-3, 1e-5, 1e-7, 1e-30])[:, None, None].expand(4, 10, 10)[None]
    actual = pool(features, masks)[0, :, 0]
    torch.testing.assert_close(actual, torch.tensor([1, 1, 0.1, 0]), rtol=1e-4, atol=1e-20)


def test_flow_is_the_sum_of_vectors_times_masks_eq_5():
    vectors = torch.tensor([[[4.0, -2], [1, 8]]])
    masks = torch.tensor([[[1.0, 0.75, 0]], [[0, 0.25, 1]]])[None]
    assert compose(vectors, masks).tolist() == [[[[4, 3.25, 1]], [[-2, 0.5, 8]]]]


def test_half_precision_does_not_round_vectors_or_masks():
    features, vectors = drawn(2, 8, 16, 16), 30 * drawn(2, 5, 2)
    masks = drawn(2, 5, 16, 16).softmax(1)
    expected = pool(features, masks), compose(vectors, masks)
    with torch.autocast("cpu", torch.bfloat16):
        actual = pool(features, masks), compose(vectors, masks)
    assert all(map(torch.equal, actual, expected))


@pytest.mark.parametrize(("channels", "stride"), [(CHANNELS, 64), (SMALL_CHANNELS, 16)])
def test_scales_of_flow(channels, stride):
    pathway = MotionPathway(channels)
    assert pathway.stride == stride
    image = drawn(1, 3, stride, 2 * stride)
    actual = pathway(image, image, drawn(1, 4, 3, 7).softmax(1))
    sides = [stride >> scale for scale in range(len(channels) - 2)]
    assert [tuple(flow.shape) for flow in actual.flows] == [(1, 2, s, 2 * s) for s in sides]
    assert actual.vectors.shape == (1, 4, 2)


@pytest.mark.parametrize("shape", [(1, 3, 16, 40), (1, 3, 8, 16), (1, 3, 1, 1), (3, 16, 16)])
def test_images_of_other_sizes_are_refused(pathway, shape):
    with pytest.raises(ValueError, match=r"multiples of 16, found \("):
        pathway.encode(torch.zeros(shape))


def test_both_directions_at_once_are_each_on_its_own(pathway, images, masks):
    first, second = (pathway.encode(image) for image in images)
    pairs = [list(zip(*levels, strict=True)) for levels in ((first, second), (second, first))]
    at_once = pathway.decode(
        [torch.cat([a, b]) for a, b in pairs[0]],
        [torch.cat([a, b]) for a, b in pairs[1]],
        torch.cat([masks, masks.flip(0)]),
    )
    forward, backward = at_once.chunk()
    expected = pathway(*images, masks), pathway(*images[::-1], masks.flip(0))
    for actual, alone in zip((forward, backward), expected, strict=True):
        torch.testing.assert_close(actual.vectors, alone.vectors)
        for ours, theirs in zip(actual.flows, alone.flows, strict=True):
            torch.testing.assert_close(ours, theirs)


def test_vectors_are_in_pixels_of_the_image(pathway, images, masks):
    """Where one segment is everything, flow is its vector."""
    actual = pathway(*images, one_segment_only(masks, 1))
    expected = actual.vectors[:, 1, :, None, None].expand_as(actual.flows[0])
    torch.testing.assert_close(actual.flows[0], expected)


def test_size_of_the_masks_does_not_matter_where_they_are_constant(pathway, images):
    shares = torch.tensor([0.2, 0.5, 0.3])[:, None, None]
    vectors = [
        pathway(*images, shares.expand(2, 3, *size)).vectors for size in ((1, 1), (6, 5), (64, 96))
    ]
    torch.testing.assert_close(vectors[0], vectors[1])
    torch.testing.assert_close(vectors[0], vectors[2])


def test_a_vanished_segment_moves_as_no_features_say_and_harms_nothing(pathway, images, masks):
    for parameter in pathway.parameters():
        parameter.data.mul_(3)  # features far from zero
    masks = one_segment_only(masks, 0).requires_grad_()
    actual, other = pathway(*images, masks), pathway(*(image.flip(3) for image in images), masks)
    assert torch.equal(actual.vectors[:, 1:], other.vectors[:, 1:])
    sum(flow.square().mean() for flow in actual.flows).backward()
    assert masks.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in pathway.parameters())


def test_features_are_normalised_only_where_that_is_asked_for(pathway, images, masks):
    assert pathway.normalise == 0
    plain = pathway(*images, masks).vectors
    pathway.normalise = 1.0
    assert not torch.equal(pathway(*images, masks).vectors, plain)


@pytest.mark.parametrize("kind", ["black", "identical"])
def test_normalising_features_without_contrast_stays_finite(pathway, images, masks, kind):
    pathway.normalise = 1.0
    first = torch.zeros_like(images[0]) if kind == "black" else images[0]
    actual = pathway(first, first, masks)
    actual.flows[0].square().mean().backward()
    assert actual.vectors.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in pathway.parameters())
