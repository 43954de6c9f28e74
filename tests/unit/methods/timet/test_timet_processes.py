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


LOSS = """
from commonfate.methods.timet.loss import cross_entropy, targets
from commonfate.methods.timet.prototypes import Prototypes
from commonfate.methods.timet.queue import Queue
from commonfate.methods.timet.settings import TargetSettings
from commonfate.models.together import mean_over_processes

torch.manual_seed(0)
prototypes = Prototypes(7, 5)
tokens, features = torch.randn(4, 3, 2, 3, 6), torch.randn(4, 3, 2, 3, 5)
earlier = torch.randn(4, 6, 5)
mine = slice(rank * 4 // world, (rank + 1) * 4 // world)
queue = Queue(20, 5)
queue.push(earlier[mine], of_clip=6)  # as many patches as there are: all of them, in any order
result = {"queue": queue.rows, "share": queue.share()}
queue = Queue(24, 5)
queue.rows.copy_(earlier.flatten(0, 1))
queue.filled.fill_(24)
for form in ("soft", "argmax"):
    prototypes.weight.grad = None
    settings = TargetSettings(form=form)
    with torch.no_grad():
        scores, queued = prototypes(features[mine, 0]), prototypes(queue.share())
        carried = targets(scores, tokens[mine], settings, queued)
    loss = cross_entropy(prototypes(features[mine, -1]), carried, form=form)
    loss.backward()
    result[form] = {
        "targets": carried,
        "loss": mean_over_processes(loss),
        "gradient": mean_over_processes(prototypes.weight.grad),
    }
"""


@pytest.mark.slow
def test_targets_loss_and_queue_of_two_processes_are_those_of_one(processes):
    (alone,), parts = processes(1, LOSS), processes(2, LOSS)
    assert torch.equal(parts[0]["queue"], parts[1]["queue"])
    shares = torch.stack([part["share"] for part in parts], 1).flatten(0, 1)
    assert torch.equal(shares, parts[0]["queue"])
    for form in ("soft", "argmax"):
        both = torch.cat([part[form]["targets"] for part in parts])
        torch.testing.assert_close(both, alone[form]["targets"], rtol=0, atol=TOLERANCE)
        for key in ("loss", "gradient"):
            for part in parts:
                torch.testing.assert_close(part[form][key], alone[form][key], rtol=0, atol=1e-5)
