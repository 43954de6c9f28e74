"""A batch that processes share: losses, gradients and metrics of one process with all of it."""

import os
import socket
import subprocess
import sys

import pytest
import torch

from commonfate.methods.semantic import network as semantic
from commonfate.models.pwc import losses

# Computes two gradients of every method, on this process's share of one batch of four.
SCRIPT = """
import sys
from pathlib import Path
import torch
from commonfate import methods
from commonfate.methods.settings import MethodsConfig
from commonfate.base.settings import from_pairs
from commonfate.training.launch import launch
from commonfate.training.learner import Learner

world, rank, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
fabric = launch("cpu", world, 1, world, "32-true", 4)
share = slice(rank * 4 // world, (rank + 1) * 4 // world)

torch.manual_seed(0)
image, flow = torch.rand(4, 3, 64, 64), 4 * torch.randn(4, 2, 32, 32)
images = torch.randint(0, 256, (4, 2, 3, 64, 64), dtype=torch.uint8)
labels = torch.randint(0, 3, (4, 64, 64), dtype=torch.uint8)
# The first half of the batch is nearly without labels and flow.
labels[:2, 1:] = 255
flow[..., :16] += 20 * torch.linspace(-1, 1, 32)[:, None]  # the left turns, the right does not
flow[:2, :, 3:] = torch.nan
gwm = {"image": image, "flow": flow}
small = ["image_size=[64, 64]", "flow_size=[32, 32]"]
mask_former = [*small, "size=small", "pretraining=none"]
CASES = {
    "semantic": (
        ["size=small", "classes=3", "crop_size=[64, 64]"], {"image": image, "labels": labels}
    ),
    "gwm": ([*small, "width=4"], gwm),
    "gwm released": ([*small, "width=4", "variant=released"], gwm),
    "gwm_maskformer swin": ([*mask_former, "backbone=swin_tiny"], gwm),
    "gwm_maskformer resnet": ([*mask_former, "backbone=resnet50"], gwm),
    "gwm_maskformer vit": ([*mask_former, "backbone=vit_small_16"], gwm),
    "amd": (["size=small", "variant=paper", "crop=[64, 64]"], {"images": images}),
    "amd released": (["size=small", "variant=released", "crop=[64, 64]"], {"images": images}),
}
results = {}
for name, (pairs, batch) in CASES.items():
    method = methods.create(
        from_pairs(MethodsConfig.model_fields[name.split()[0]].annotation, [*pairs, "batch_size=4"])
    )
    torch.manual_seed(1)
    learner = Learner(method, fabric)
    # On CPUs batch norm counts the process's own share; with fixed statistics all else shows.
    learner.network.eval()
    with torch.no_grad():  # MaskFormer begins with segments that are all alike
        for parameter in learner.network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    for _ in range(2):  # DDP complains of parameters without a gradient at the second
        values = learner.gradient({key: tensor[share] for key, tensor in batch.items()}, 0)
    gradients = {k: p.grad for k, p in learner.network.named_parameters() if p.grad is not None}
    results[name] = {"values": values, "gradients": gradients}
torch.save(results, folder / f"{world}-{rank}.pt")
"""
RELATIVE = 1e-4
"""Of the largest: float32 sums of a thousand terms in another order, through some fifty layers."""


def processes(world, folder, port):
    (folder / "script.py").write_text(SCRIPT)
    running = []
    for rank in range(world):
        variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world}
        variables |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
        command = [sys.executable, folder / "script.py", str(world), str(rank), folder]
        running.append(
            subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        )
    for process in running:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    return [torch.load(folder / f"{world}-{rank}.pt") for rank in range(world)]


@pytest.mark.slow
def test_two_processes_have_the_loss_gradient_and_metrics_of_one(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (alone,) = processes(1, tmp_path, port)
    first, second = processes(2, tmp_path, port)
    for name, expected in alone.items():
        for shared in (first[name], second[name]):
            assert shared["values"] == pytest.approx(expected["values"], rel=RELATIVE), name
            assert shared["gradients"].keys() == expected["gradients"].keys()
            largest = max(gradient.abs().max() for gradient in expected["gradients"].values())
            for key, gradient in expected["gradients"].items():
                difference = (shared["gradients"][key] - gradient).abs().max()
                assert difference <= RELATIVE * largest, (name, key)


@pytest.fixture
def shares(monkeypatch):
    """Compute something of each half of a batch as one of two processes would; the mean."""

    def run(module, compute, halves):
        counts = []
        monkeypatch.setattr(module, "mean_over_processes", lambda c: counts.append(c) or c)
        for half in halves:
            compute(*half)
        mean = sum(counts) / len(counts)
        monkeypatch.setattr(module, "mean_over_processes", lambda _: mean)
        return sum(compute(*half) for half in halves) / len(halves)

    return run


def test_a_labelled_pixel_counts_the_same_in_whichever_process(shares):
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 3, 4, 4), torch.randint(0, 3, (2, 8, 8), dtype=torch.uint8)
    labels[0, 1:] = 255
    halves = [(logits[:1], labels[:1]), (logits[1:], labels[1:])]
    whole = semantic.objective(logits, labels)
    for term in whole:
        mean = shares(semantic, lambda *half, term=term: semantic.objective(*half)[term], halves)
        assert mean == pytest.approx(float(whole[term]), rel=1e-5), term


def test_a_visible_pixel_counts_the_same_in_whichever_process(shares):
    torch.manual_seed(0)
    image, warped, visible = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8), torch.ones(2, 1, 8, 8)
    visible[0, :, 1:] = 0

    def loss(*maps):
        return losses.photometric_loss(*maps, l1=0.15, ssim=0.85, ternary=0)

    halves = [(image[i : i + 1], warped[i : i + 1], visible[i : i + 1]) for i in (0, 1)]
    whole = float(loss(image, warped, visible))
    assert shares(losses, loss, halves) == pytest.approx(whole, rel=1e-5)
