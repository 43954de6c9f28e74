"""Training masked feature prediction in two processes."""

import pytest
import torch

from commonfate.base.settings import to_pairs
from helpers import processes


@pytest.mark.slow
def test_two_processes_are_one_with_the_whole_batch(tiny, tmp_path):
    """Statistics of the targets and counts of masked patches are shared.

    Weights are not compared: Muon calculates in bfloat16, so that the last bit of a gradient
    changes an update by a thousandth of it.
    """
    settings = tiny(masked_share=0.5).settings
    arguments = [type(settings).__module__, type(settings).__name__, 0.001, *to_pairs(settings)]
    (alone,) = processes.results(1, tmp_path, processes.STEPS, arguments)
    first, second = processes.results(2, tmp_path, processes.STEPS, arguments)
    for name, tensor in first["model"].items():
        assert torch.equal(tensor, second["model"][name]), name
    for name, gradient in first["gradients"][0].items():
        torch.testing.assert_close(gradient, alone["gradients"][0][name], rtol=0, atol=1e-6)
    for whole, shared in zip(alone["terms"], first["terms"], strict=True):
        for name in ("loss", "visible", "masked", "class"):
            assert shared[name] == pytest.approx(whole[name], abs=5e-5), name
