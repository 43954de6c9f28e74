"""Which segment is the object: the one that moves most, each pixel counting by its share."""

import math

import pytest
import torch

from commonfate.methods.amd.method import LEAST_SHARE, fastest_segment, segment_motion
from commonfate.methods.amd.network import Pairs
from commonfate.models.pwc.segment_flow import SegmentFlow


def pairs(vectors, shares, backward_vectors=None, backward_shares=None):
    """Pairs whose segments have vectors (B, c, 2) and constant shares (B, c) of the image."""

    def direction(vectors, shares):
        vectors, shares = torch.tensor(vectors).float(), torch.tensor(shares).float()
        return SegmentFlow([], vectors), shares[..., None, None].expand(-1, -1, 4, 6)

    forward, forward_masks = direction(vectors, shares)
    backward, backward_masks = direction(backward_vectors or vectors, backward_shares or shares)
    return Pairs(forward_masks, backward_masks, forward, backward)


def test_motion_is_length_times_share_summed_over_pairs_and_directions():
    moved, shares = segment_motion(
        pairs(
            [[[3, 4], [0, 1]], [[0, 0], [6, 8]]],
            [[0.25, 0.75], [0.5, 0.5]],
            [[[-3, -4], [0, 0]], [[0, 2], [0, 0]]],
            [[0.5, 0.5], [1, 0]],
        )
    )
    assert moved.dtype == shares.dtype == torch.float64
    assert moved.tolist() == [5 * 0.25 + 0 + 5 * 0.5 + 2, 0.75 + 10 * 0.5 + 0 + 0]
    assert shares.tolist() == [2.25, 1.75]


def test_a_large_segment_is_not_preferred_to_a_faster_small_one():
    assert fastest_segment([segment_motion(pairs([[[1, 0], [0, 2]]], [[0.95, 0.05]]))]) == 1


def test_batches_count_by_the_share_that_a_segment_has_in_them():
    """A segment that was fast once, when it was hardly there, is not the fastest."""
    batches = [
        segment_motion(pairs([[[40, 0], [2, 0]]], [[0.01, 0.99]])),
        segment_motion(pairs([[[0.1, 0], [2, 0]]], [[0.6, 0.4]])),
    ]
    assert fastest_segment(batches) == 1
    assert fastest_segment(batches[:1]) == 0
    assert fastest_segment(iter(batches)) == 1


@pytest.mark.parametrize("share", [0.0, 1e-9, 0.9 * LEAST_SHARE])
def test_a_vanished_segment_is_not_chosen(share):
    motion = segment_motion(pairs([[[90, 90], [1, 0], [2, 0]]], [[share, 0.5, 0.5 - share]]))
    assert fastest_segment([motion]) == 2


def test_one_segment_that_is_everything_is_the_object():
    motion = segment_motion(pairs([[[5, 0], [0, 0], [9, 9]]], [[0, 1, 0]]))
    assert fastest_segment([motion]) == 1


def test_the_first_of_equals():
    assert (
        fastest_segment([segment_motion(pairs([[[0, 1], [3, 4], [5, 0]]], [[0.2, 0.4, 0.4]]))]) == 1
    )
    assert fastest_segment([segment_motion(pairs([[[0, 0], [0, 0]]], [[0.5, 0.5]]))]) == 0


def test_segments_that_stand_still_everywhere():
    moved, _ = segment_motion(pairs([[[0, 0], [0, 0]]], [[1, 0]]))
    assert moved.tolist() == [0, 0]
    assert math.isfinite(moved.sum())
