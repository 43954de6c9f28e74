"""Matching of objects and proposals, by hand."""

import numpy as np
import pytest

from commonfate.evaluation.masks.objects import in_order, matched


def masks(*columns: int) -> np.ndarray:
    """Masks of one frame of 8x8; mask i covers the two columns from columns[i]."""
    result = np.zeros((len(columns), 1, 8, 8), bool)
    for mask, column in zip(result, columns, strict=True):
        mask[0, :, column : column + 2] = True
    return result


def test_matching_undoes_the_order():
    j, f, chosen = matched(masks(0, 3), masks(6, 3, 0))
    np.testing.assert_array_equal(chosen, [2, 1])
    np.testing.assert_array_equal(j, [[1.0], [1.0]])
    np.testing.assert_array_equal(f, [[1.0], [1.0]])


def test_a_proposal_serves_one_object_only():
    j, _, chosen = matched(masks(0, 1), masks(0))
    np.testing.assert_array_equal(j, [[1.0], [0.0]])
    assert chosen[0] == 0 and chosen[1] >= 1


def test_in_order_pairs_by_position():
    j, _ = in_order(masks(0, 3), masks(1, 3, 6))
    np.testing.assert_allclose(j, [[1 / 3], [1.0]])
    with pytest.raises(ValueError, match="1 proposals are too few for 2 objects"):
        in_order(masks(0, 3), masks(0))
