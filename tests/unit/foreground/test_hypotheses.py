"""Hypotheses of the foreground, and the choice among them."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from commonfate.foreground import hypotheses
from commonfate.foreground.hypotheses import Edges, Hypothesis

PATH = csr_matrix(
    np.array(
        [
            [0, 1, 0, 0, 0],
            [0.5, 0, 0.5, 0, 0],
            [0, 0.5, 0, 0.5, 0],
            [0, 0, 0.5, 0, 0.5],
            [0, 0, 0, 1, 0],
        ],
        np.float32,
    )
)
"""Five patches in a row, each linked to its neighbours."""


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Colours of two frames, dark but for a bright part, and the mask of that part."""
    mask = np.zeros((2, 6, 8), bool)
    mask[:, 1:5, 5:7] = True
    colours = np.where(mask[..., None], 1.0, -1.0) * np.ones(3)
    return colours.astype(np.float32), mask


def test_a_walk_on_a_path_meets_the_ends_by_distance():
    inside, outside = np.zeros((2, 1, 1, 1, 5), bool)
    inside[..., 0], outside[..., 4] = True, True
    result = hypotheses.walked(inside, outside, PATH)
    np.testing.assert_allclose(result[0, 0, 0], [1, 0.75, 0.5, 0.25, 0], atol=1e-6)


def test_spread_solves_its_equation_for_every_strength():
    evidence = np.float32([[[1, 0, 0.2, 0, 0.6]]])
    trust = np.ones_like(evidence)
    fields = hypotheses.spread(evidence, trust, PATH)
    np.testing.assert_array_equal(fields[0], evidence)
    for strength, field in zip(hypotheses.STRENGTHS[:3], fields[:3], strict=True):
        system = (1 + strength) * np.eye(5) - strength * PATH.toarray()
        expected = np.linalg.solve(system, evidence.ravel())
        np.testing.assert_allclose(field.ravel(), expected, atol=1e-4)


def test_patches_without_trust_have_the_mean_of_those_alike():
    evidence = np.float32([[[1, 0, 1, 0, 1]]])
    fields = hypotheses.spread(evidence, np.float32([[[1, 0, 1, 0, 1]]]), PATH)
    np.testing.assert_allclose(fields[1:3].reshape(-1, 5), 1, atol=0.02)


def test_motion_alone_is_cut_at_every_height():
    evidence = np.full((1, 2, 2), 0.5, np.float32)
    result = list(hypotheses.proposed(evidence, np.ones(1), None))
    assert [h.cut for h in result] == list(hypotheses.CUTS)
    assert all(h.field is evidence for h in result)


def test_with_links_there_are_spread_and_walked_fields():
    rng = np.random.default_rng(0)
    evidence = rng.random((1, 1, 5)).astype(np.float32)
    result = list(hypotheses.proposed(evidence, np.ones(1), PATH))
    cuts, walks = len(hypotheses.CUTS), len(hypotheses.SEEDS) + len(hypotheses.CORES)
    assert len(result) == cuts * len(hypotheses.STRENGTHS) + walks
    for hypothesis in result:
        assert hypothesis.field.shape == (1, 1, 5)
        assert hypothesis.field.min() >= 0
        assert hypothesis.field.max() <= 1


def test_probability_is_one_half_at_the_cut():
    field = np.float32([[[0, 0.4, 0.8, 0.9, 1]]])
    result = Hypothesis("motion", field, 0.8).probability
    np.testing.assert_allclose(result, [[[0, 0.25, 0.5, 0.75, 1]]], atol=1e-6)


def test_the_strength_of_edges_is_relative_to_all_of_them():
    colours, mask = scene()
    edges = Edges(colours)
    everywhere = edges.across.size + edges.down.size
    along = (np.diff(mask, axis=2) != 0).sum() + (np.diff(mask, axis=1) != 0).sum()
    assert edges.strength(mask) == pytest.approx(everywhere / along)
    assert edges.strength(np.ones_like(mask)) == 0


def test_features_count_as_much_as_colours():
    colours, mask = scene()
    features = np.zeros((*mask.shape, 2), np.float32)
    features[..., 0] = 1
    features[:, :, :4] = (0, 1)  # an edge elsewhere
    other = np.zeros_like(mask)
    other[:, :, :4] = True
    edges, plain = Edges(colours, features), Edges(colours)
    everywhere, along = edges.across.size + edges.down.size, 2 * 6
    assert edges.strength(other) == pytest.approx(everywhere / along / 2, rel=1e-5)
    assert plain.strength(other) == 0
    assert edges.strength(mask) == pytest.approx(plain.strength(mask) / 2)


def test_the_mask_with_edges_at_its_border_is_the_best():
    colours, mask = scene()
    evidence = np.where(mask, 0.8, 0.1).astype(np.float32)
    evidence[:, 1:5, 3:5] = 0.6  # moves as well, but the border is not there
    proposed = (Hypothesis("motion", evidence, cut) for cut in (0.05, 0.5, 0.7))
    result = hypotheses.scored(proposed, evidence, np.ones(2), Edges(colours))
    assert [h.cut for h in result] == [0.7, 0.5]  # a foreground everywhere is not sensible
    np.testing.assert_array_equal(result[0].mask, mask)
    assert result[0].score > result[1].score


def test_of_equal_edges_the_mask_that_agrees_with_motion_is_better():
    _, mask = scene()
    evidence = np.where(mask, 0.9, 0.0).astype(np.float32)
    other = np.roll(evidence, -3, axis=2)
    proposed = [Hypothesis("other", other, 0.5), Hypothesis("motion", evidence, 0.5)]
    edges = Edges(np.tile(np.indices(mask.shape[1:]).sum(0)[None, ..., None], (2, 1, 1, 3)))
    result = hypotheses.scored(iter(proposed), evidence, np.ones(2), edges)
    assert [h.name for h in result] == ["motion", "other"]


def test_a_foreground_of_no_sensible_size_is_left_out():
    colours, mask = scene()
    full = np.ones(mask.shape, np.float32)
    empty = np.zeros(mask.shape, np.float32)
    proposed = [Hypothesis("full", full, 0.5), Hypothesis("empty", empty, 0.5)]
    assert hypotheses.scored(iter(proposed), full, np.ones(2), Edges(colours)) == []


def test_the_consensus_weighs_hypotheses_by_their_scores():
    fields = np.float32([[[[1, 1, 0]]], [[[1, 0, 0]]]])
    lower = -np.log(3) * hypotheses.SCATTER
    proposed = [Hypothesis("a", fields[0], 0.5, 0.0), Hypothesis("b", fields[1], 0.5, lower)]
    np.testing.assert_allclose(hypotheses.consensus(proposed), [[[1, 0.75, 0]]], atol=1e-6)
