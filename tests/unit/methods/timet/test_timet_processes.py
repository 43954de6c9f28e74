"""Two processes with a part of the batch each, against one with all of it."""

import pytest
import torch

TOLERANCE = 1e-5

SINKHORN = """
from commonfate.methods.timet.sinkhorn import assign
from commonfate.models.together import logsumexp_over_processes

generator = torch.Generator().manual_seed(0)
scores = torch.rand(30, 7, generator=generator) * 2 - 1
scores[:, 5] -= 1
broken = scores.clone()
broken[-1, 0] = torch.nan
start, end = ([0, 11, 30] if world > 1 else [0, 30])[rank : rank + 2]
result = {
    "sum": logsumexp_over_processes(scores[start:end].logsumexp(0)),
    "none": logsumexp_over_processes(torch.full((2,), -torch.inf)),
    "assignments": assign(scores[start:end]),
    "all in the second": assign(scores if rank == world - 1 else scores[:0]),
    "broken": assign(broken[start:end]),
}
"""


@pytest.mark.slow
def test_samples_of_two_processes_are_assigned_together(processes):
    (alone,), (first, second) = processes(1, SINKHORN), processes(2, SINKHORN)
    for part in (first, second):
        torch.testing.assert_close(part["sum"], alone["sum"])
        assert part["none"].tolist() == [-torch.inf] * 2
        assert part["broken"].isnan().all()
    both = torch.cat([first["assignments"], second["assignments"]])
    torch.testing.assert_close(both, alone["assignments"], rtol=0, atol=TOLERANCE)
    assert first["all in the second"].shape == (0, 7)
    whole = second["all in the second"]
    torch.testing.assert_close(whole, alone["assignments"], rtol=0, atol=TOLERANCE)
