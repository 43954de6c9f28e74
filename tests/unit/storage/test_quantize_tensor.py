"""Quantisation on a device is bit for bit that of the CPU."""

import numpy as np
import pytest
import torch

from commonfate.storage.quantize import LARGEST, NO_VALUE, quantize, quantize_tensor

SIZE = (2, 7, 9)


def fields(values: np.ndarray) -> np.ndarray:
    """Values repeated to fill a batch of three fields."""
    return np.resize(values, (3, *SIZE))


def check(flow: np.ndarray, steps_per_pixel: int = 32, tensor: torch.Tensor | None = None) -> None:
    tensor = torch.from_numpy(flow) if tensor is None else tensor
    steps, saturated = quantize_tensor(tensor, steps_per_pixel)
    assert (steps.dtype, saturated.dtype) == (torch.int16, torch.int64)
    for field, own, count in zip(flow, steps.numpy(), saturated.tolist(), strict=True):
        expected, number = quantize(field, steps_per_pixel)
        np.testing.assert_array_equal(own, expected)
        assert count == number


@pytest.mark.parametrize("steps_per_pixel", [1, 3, 32, 64, 1000])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_random_flow(dtype, steps_per_pixel):
    random = np.random.default_rng(0)
    flow = random.normal(scale=40, size=(3, *SIZE)) * 10 ** random.uniform(-3, 3, (3, 1, 7, 9))
    with np.errstate(over="ignore"):  # half precision: infinite
        flow = flow.astype(dtype)
    check(flow, steps_per_pixel)


def test_halves_of_a_step_go_to_the_even_step():
    halves = (np.arange(-40, 40, dtype=np.float32) + 0.5) / 32
    check(fields(halves))
    steps, _ = quantize_tensor(torch.tensor([0.5, 1.5, -0.5, -2.5]).view(1, 2, 1, 2) / 32)
    assert steps.flatten().tolist() == [0, 2, 0, -2]


def test_no_value_and_saturation():
    edge = LARGEST / 32
    values = [np.nan, np.inf, -np.inf, edge, -edge, edge + 0.02, -edge - 0.02, 2000, 3e38, -0.0]
    check(fields(np.array(values, np.float32)))
    flow = torch.zeros(2, 2, 2, 2)
    flow[1, 0, 0, 0], flow[1, 1, 0, 0], flow[1, 0, 1, 1], flow[1, 1, 0, 1] = 5e3, -5e3, -5e3, np.nan
    steps, saturated = quantize_tensor(flow)
    assert saturated.tolist() == [0, 2]  # a pixel counts once
    assert steps[1].tolist() == [[[LARGEST, 0], [0, -LARGEST]], [[-LARGEST, NO_VALUE], [0, 0]]]


def test_bfloat16_is_widened_before_it_is_scaled():
    tensor = torch.linspace(-30, 30, 3 * 2 * 7 * 9).view(3, *SIZE).to(torch.bfloat16)
    check(tensor.float().numpy(), 33, tensor)


def test_the_input_is_left_as_it_was_and_may_come_from_inference():
    with torch.inference_mode():
        flow = torch.full((1, *SIZE), 1e4)
    quantize_tensor(flow)
    assert (flow == 1e4).all()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"flow must be \(B, 2, H, W\), not \(2, 7, 9\)"):
        quantize_tensor(torch.zeros(SIZE))
