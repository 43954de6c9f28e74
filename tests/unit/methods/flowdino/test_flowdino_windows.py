"""Sliding windows, the most salient place, and similarities of features against copied windows."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from commonfate.methods.flowdino.windows import (
    Windows,
    feature_similarity,
    most_salient,
    slide,
)


def unfolded(features: Tensor, salient: Tensor, windows: Windows) -> Tensor:
    """Eq. 2 with all windows copied out: (B, C, K^2, L) by `F.unfold`."""
    units = functional.normalize(features, dim=-1).movedim(-1, 1)
    copies = functional.unfold(units, windows.size, stride=windows.stride)
    copies = copies.unflatten(1, (-1, windows.size**2))
    centres = copies.take_along_dim(salient[:, None, None], 2)
    return (copies * centres).sum(1).mT


def test_places_of_windows_by_hand():
    """A map of 5 x 7 numbered cells has 2 x 3 windows of 3 at stride 2."""
    windows = slide(5, 7, 3, 2)
    assert (windows.rows, windows.columns) == (2, 3)
    numbers = torch.arange(35).view(1, 5, 7)
    split = windows.split(numbers)
    assert split.shape == (1, 6, 9)
    assert split[0, 0].tolist() == [0, 1, 2, 7, 8, 9, 14, 15, 16]
    assert split[0, 4].tolist() == [16, 17, 18, 23, 24, 25, 30, 31, 32]
    for place in range(9):
        assert windows.at(numbers, place).flatten().tolist() == split[0, :, place].tolist()
        cells = windows.cells(torch.full((1, 6), place))
        assert cells.tolist() == split[..., place].tolist()


def test_cells_that_no_whole_window_reaches_are_left_out():
    windows = slide(6, 4, 3, 2)
    assert (windows.rows, windows.columns) == (2, 1)
    assert windows.split(torch.arange(24).view(1, 6, 4)).max() == 18


def test_channels_stay_last():
    values = torch.arange(2 * 4 * 4 * 2).view(2, 4, 4, 2)
    split = slide(4, 4, 3, 1).split(values)
    assert split.shape == (2, 4, 9, 2)
    assert torch.equal(split[1, 3], values[1, 1:, 1:].reshape(9, 2))


@pytest.mark.parametrize("sizes", [(2, 5, 3, 1), (5, 2, 3, 1), (0, 0, 3, 1), (5, 5, 3, 0)])
def test_windows_that_do_not_fit_are_refused(sizes):
    with pytest.raises(ValueError, match=r"windows of 3 cells every . do not fit a map of . x ."):
        slide(*sizes)


def test_the_first_of_equal_places_is_the_most_salient():
    saliency = torch.tensor([[[0.1, 0.5, 0.5, 0.2], [3.0, 0.0, 1.0, 2.0]]])
    allowed = torch.ones(1, 2, 4, dtype=torch.bool)
    assert most_salient(saliency, allowed).tolist() == [[1, 0]]
    allowed[0, 0, 1] = allowed[0, 1, 0] = False
    assert most_salient(saliency, allowed).tolist() == [[2, 3]]


def test_cosines_by_hand():
    """Two windows of two by two; lengths of features do not matter."""
    features = torch.tensor([[[1.0, 0], [2, 0], [0, 3]], [[0, 5], [3, 4], [0, 0]]])[None]
    windows = slide(2, 3, 2, 1)
    values = feature_similarity(features, torch.tensor([[0, 2]]), windows)
    expected = [[[1, 1, 0, 0.6], [0.6, 0.8, 1, 0]]]
    torch.testing.assert_close(values, torch.tensor(expected))


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("shape", [(8, 8), (7, 12)])
def test_equal_to_copied_windows(size, stride, shape):
    torch.manual_seed(0)
    windows = slide(*shape, size, stride)
    features = torch.randn(2, *shape, 24)
    salient = torch.randint(size**2, (2, windows.rows * windows.columns))
    factor = torch.randn(2, windows.rows * windows.columns, size**2)
    results = []
    for similarity in (feature_similarity, unfolded):
        leaf = features.clone().requires_grad_()
        values = similarity(leaf, salient, windows)
        (values * factor).sum().backward()
        results.append((values.detach(), leaf.grad))
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-6, rtol=0)


def test_gradients_reach_both_ends_of_a_pair():
    """The salient vector a = (1, 0) against b = (0, 1): d(cos) is b along a, and a along b."""
    features = torch.zeros(1, 2, 2, 2)
    features[0, 0, 0, 0] = features[0, 1, 1, 1] = 1.0
    features.requires_grad_()
    feature_similarity(features, torch.tensor([[0]]), slide(2, 2, 2, 1))[0, 0, 3].backward()
    assert features.grad[0, 0, 0].tolist() == [0, 1]
    assert features.grad[0, 1, 1].tolist() == [1, 0]


def test_gradients_in_float64():
    torch.manual_seed(1)
    windows = slide(5, 6, 3, 2)
    features = torch.randn(2, 5, 6, 3, dtype=torch.float64, requires_grad=True)
    salient = torch.randint(9, (2, windows.rows * windows.columns))
    assert torch.autograd.gradcheck(
        lambda values: feature_similarity(values, salient, windows), features
    )


def test_half_precision_is_widened():
    features = torch.randn(1, 3, 3, 8).half().requires_grad_()
    values = feature_similarity(features, torch.tensor([[4]]), slide(3, 3, 3, 1))
    assert values.dtype == torch.float32
    values.sum().backward()
    assert features.grad.dtype == torch.float16


def test_features_that_are_not_contiguous():
    torch.manual_seed(2)
    channels_first = torch.randn(2, 4, 5, 5)
    windows, salient = slide(5, 5, 3, 1), torch.randint(9, (2, 9))
    values = feature_similarity(channels_first.movedim(1, -1), salient, windows)
    assert torch.equal(
        values, feature_similarity(channels_first.movedim(1, -1).contiguous(), salient, windows)
    )


class Sizes(TorchDispatchMode):
    """Records the largest number of elements that any operation returns."""

    def __init__(self):
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self.largest = max(self.largest, tensor.numel())
        return result


@pytest.mark.parametrize("size", [3, 5])
def test_no_tensor_is_larger_than_the_map_of_features(size):
    """Neither forwards nor backwards; copies of the windows would be larger by far."""
    windows = slide(14, 14, size, 1)
    features = torch.randn(2, 14, 14, 32, requires_grad=True)
    salient = torch.zeros(2, windows.rows * windows.columns, dtype=torch.int64)
    with Sizes() as sizes:
        feature_similarity(features, salient, windows).sum().backward()
    assert sizes.largest == features.numel()
    with Sizes() as sizes:
        unfolded(features, salient, windows).sum().backward()
    assert sizes.largest > 5 * features.numel()
