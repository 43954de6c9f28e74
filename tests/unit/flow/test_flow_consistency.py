"""Forward-backward consistency and looking along flow, on fields worked out by hand."""

import numpy as np
import pytest
import torch

from commonfate.flow.consistency import consistent
from commonfate.flow.warp import look_up


def constant(u: float, v: float, size: tuple[int, int] = (4, 6)) -> torch.Tensor:
    return torch.tensor([u, v], dtype=torch.float32)[None, :, None, None].expand(1, 2, *size)


def test_looking_up_is_bilinear_between_pixel_centres():
    values = torch.arange(24, dtype=torch.float32).reshape(1, 1, 4, 6)  # 6 y + x
    result, inside = look_up(values, constant(1.25, -0.5))
    assert result[0, 0, 2, 3] == pytest.approx(6 * 1.5 + 4.25)
    assert not inside[0, :, 5].any()  # 6.25 is beyond the right edge at 5.5
    assert inside[0, 0, 0]  # y = -0.5 is on the upper edge, half a pixel above the centres:
    assert result[0, 0, 0, 0] == pytest.approx(1.25)  # it takes the values of the first row
    assert torch.isnan(result[0, 0, :, 5]).all()


def test_a_missing_value_counts_only_where_it_has_weight():
    values = torch.zeros(1, 1, 4, 6)
    values[0, 0, 1, 2] = torch.nan
    whole, _ = look_up(values, constant(1, 0))
    assert torch.isnan(whole[0, 0, :, :5]).nonzero().tolist() == [[1, 1]]
    between, _ = look_up(values, constant(0.5, 0))
    assert torch.isnan(between[0, 0]).nonzero().tolist() == [[1, 1], [1, 2]]


def test_a_translation_is_consistent_but_where_it_leaves_the_frame():
    result = consistent(constant(2, -1), constant(-2, 1))
    assert result.shape == (1, 4, 6)
    assert result.dtype == torch.bool
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[1:, :4] = True
    assert torch.equal(result[0], expected)


def test_what_is_covered_is_inconsistent():
    # Background stands still; an object in columns 1 and 2 moves right by 2, onto columns 3 and 4.
    forward, backward = constant(0, 0, (3, 6)).clone(), constant(0, 0, (3, 6)).clone()
    forward[0, 0, :, 1:3] = 2
    backward[0, 0, :, 3:5] = -2
    result = consistent(forward, backward)
    assert result[0].tolist() == [[True, True, True, False, False, True]] * 3


def test_the_tolerance_is_that_of_the_paper():
    # f = 10, b = -(10 - d): d^2 < 0.01 (100 + (10 - d)^2) + 0.5, that is d < 1.4913.
    for difference, agrees in ((1.49, True), (1.5, False)):
        result = consistent(constant(10, 0, (2, 12)), constant(difference - 10, 0, (2, 12)))
        assert result[0, :, :2].unique().tolist() == [agrees]
    # Still points: d^2 < 0.01 d^2 + 0.5, d < 0.7107.
    assert consistent(constant(0, 0), constant(0.71, 0)).all()
    assert not consistent(constant(0, 0), constant(0.712, 0)).any()
    assert not consistent(constant(0, 0), constant(0.71, 0), alpha=0, beta=0.25).any()


def test_unknown_flow_is_inconsistent_in_either_direction():
    forward, backward = constant(1, 0).clone(), constant(-1, 0).clone()
    forward[0, 1, 0, 0] = torch.nan
    backward[0, 0, 2, 3] = torch.nan
    forward[0, 0, 3, 1] = torch.inf
    result = consistent(forward, backward)[0, :, :5]
    assert (~result).nonzero().tolist() == [[0, 0], [2, 2], [3, 1]]


def test_arrays_give_arrays_and_a_batch_is_its_items():
    generator = np.random.default_rng(0)
    forward, backward = generator.normal(0, 1, (2, 3, 2, 5, 7)).astype(np.float32)
    result = consistent(forward, backward)
    assert isinstance(result, np.ndarray)
    assert result.dtype == bool
    assert 0 < result.sum() < result.size
    for i in range(3):
        alone = consistent(torch.tensor(forward[i : i + 1]), torch.tensor(backward[i : i + 1]))
        assert np.array_equal(alone[0].numpy(), result[i])


@pytest.mark.parametrize("other", [(1, 2, 4, 5), (1, 3, 4, 6), (2, 4, 6)])
def test_other_shapes_are_refused(other):
    with pytest.raises(ValueError, match=r"expected two fields \(B, 2, H, W\), found \(1, 2, 4, 6"):
        consistent(constant(0, 0), torch.zeros(other))
