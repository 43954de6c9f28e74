"""Flow without the motion of the background, and its similarity, by hand."""

import math

import pytest
import torch

from commonfate.methods.flowdino.flow import STILL, flow_similarity, on_cells, stabilised

NAN = math.nan


def field(*vectors: tuple[float, float]) -> torch.Tensor:
    """(1, 2, 1, W) of vectors side by side."""
    return torch.tensor(vectors).T[None, :, None]


def test_the_mean_is_removed_and_the_largest_norm_is_one():
    """Mean (1, 2); left (-3, -4), (3, 4), (0, 0); the largest norm is 5."""
    flow = field((-2, -2), (4, 6), (1, 2))
    expected = field((-0.6, -0.8), (0.6, 0.8), (0, 0))
    torch.testing.assert_close(stabilised(flow), expected)


def test_the_background_stays_on_demand():
    expected = field((0.6, 0.8), (0, 0.2))
    torch.testing.assert_close(stabilised(field((3, 4), (0, 1)), False), expected)


@pytest.mark.parametrize("unknown", [(NAN, 7), (9, NAN), (NAN, NAN), (math.inf, 0)])
def test_unknown_flow_is_in_neither_mean_nor_norm(unknown):
    flow = stabilised(field((-2, -2), unknown, (4, 6), (1, 2)))
    expected = field((-0.6, -0.8), (NAN, NAN), (0.6, 0.8), (0, 0))
    torch.testing.assert_close(flow, expected, equal_nan=True)


def test_frames_do_not_mix():
    first, second = field((0, 0), (6, 8)), field((1, 0), (3, 0))
    both = stabilised(torch.cat([first, second]))
    assert torch.equal(both, torch.cat([stabilised(first), stabilised(second)]))


def test_a_frame_that_stands_still_is_zero():
    assert stabilised(torch.zeros(1, 2, 4, 4)).abs().max() == 0
    assert stabilised(torch.zeros(1, 2, 4, 4), False).abs().max() == 0


def test_rounding_of_a_common_motion_is_not_blown_up():
    """A pan of equal vectors everywhere, and one that differs by less than `STILL`."""
    pan = torch.tensor([0.1, 1e3 / 3]).view(1, 2, 1, 1).expand(1, 2, 7, 9)
    assert stabilised(pan).abs().max() == 0
    assert stabilised(pan + STILL / 4 * torch.randn(1, 2, 7, 9).clamp(-1, 1)).abs().max() == 0


def test_nothing_known_stays_unknown():
    assert stabilised(torch.full((2, 2, 3, 3), NAN)).isnan().all()
    assert stabilised(torch.empty(0, 2, 3, 3)).shape == (0, 2, 3, 3)


@pytest.mark.parametrize("shape", [(2, 4, 4), (1, 3, 4, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"flow must be \(B, 2, H, W\), got"):
        stabilised(torch.zeros(shape))


def test_flow_at_the_cells():
    """A linear field, away from the border; values do not scale with the size."""
    column = torch.arange(16.0).expand(1, 2, 16, 16)
    cells = on_cells(column, (4, 4))
    torch.testing.assert_close(cells[0, 0, 0, 1:3], torch.tensor([5.5, 9.5]))
    assert on_cells(column, (16, 16)) is column


def test_unknown_pixels_make_their_cells_unknown():
    flow = torch.ones(1, 2, 16, 16)
    flow[0, :, 5, 6] = NAN
    cells = on_cells(flow, (4, 4))
    unknown = cells.isnan().any(1)[0].nonzero().tolist()
    assert unknown == [[1, 1]]
    torch.testing.assert_close(cells[~cells.isnan()], torch.ones(30))


def windows(*vectors: tuple[float, float]) -> torch.Tensor:
    """(1, 1, n, 2): the places of one window."""
    return torch.tensor(vectors)[None, None]


def test_similarity_by_hand():
    """Eq. 4 with x = (1, 0): |y| exp((cos - 1) / sigma), cosines of 1, 0.6, 0 and -1 (as 0)."""
    flow = windows((1, 0), (0.5, 0), (0.3, 0.4), (0, 1), (-1, 0), (0, 0))
    values = flow_similarity(flow, torch.tensor([[0]]), 0.5)
    least = math.exp(-2)
    expected = [1, 0.5, 0.5 * math.exp(-0.8), least, least, 0]
    torch.testing.assert_close(values[0, 0], torch.tensor(expected))


def test_short_flow_counts_as_none():
    flow = windows((1, 0), (0.5, 0), (0.1, 0))
    values = flow_similarity(flow, torch.tensor([[0]]), 0.5, still_below=0.1)
    torch.testing.assert_close(values[0, 0], torch.tensor([0.9, 0.4, 0]))


def test_a_salient_place_without_motion():
    """No direction is that of none: cosine 0."""
    values = flow_similarity(windows((0, 0), (0.5, 0)), torch.tensor([[0]]), 0.5)
    torch.testing.assert_close(values[0, 0], torch.tensor([0, 0.5 * math.exp(-2)]))


def test_mirrored_flow_has_the_same_similarity():
    torch.manual_seed(0)
    flow, salient = torch.randn(2, 3, 9, 2), torch.randint(9, (2, 3))
    mirrored = flow * torch.tensor([-1.0, 1.0])
    values = [flow_similarity(each, salient, 0.7) for each in (flow, mirrored)]
    torch.testing.assert_close(*values)


def test_unknown_places_have_no_similarity():
    flow = windows((1, 0), (NAN, 0), (0.5, 0))
    values = flow_similarity(flow, torch.tensor([[0]]), 0.7)[0, 0]
    assert values.isnan().tolist() == [False, True, False]
    assert flow_similarity(flow, torch.tensor([[1]]), 0.7).isnan().all()
