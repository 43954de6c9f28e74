"""The same samples from Zarr and from FlowDINO's packed TIFF, and what quantization changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from commonfate.samples.index import Sample
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import SampleKey
from commonfate.storage.flow import open_writer
from commonfate.storage.frames import FrameWriter

SIZE = (48, 72)
PAIRS = 3


@pytest.fixture
def flow():
    """Smooth flow of three pairs, (2, H, W) float32 each, a few pixels long."""
    torch.manual_seed(0)
    coarse = 3 * torch.randn(PAIRS, 2, 4, 6)
    smooth = torch.nn.functional.interpolate(coarse, SIZE, mode="bicubic")
    return [field.numpy() for field in smooth]


@pytest.fixture
def frames(tmp_path):
    """The store of a video of noise."""
    path = tmp_path / "frames.zarr.zip"
    pictures = np.random.default_rng(0).integers(0, 256, (PAIRS + 1, *SIZE, 3), np.uint8)
    with FrameWriter(path) as writer:
        writer.add_video("a", pictures, [t / 5 for t in range(len(pictures))], 5.0)
    return path


@pytest.fixture
def loss(tmp_path, flow, frames, tiny, network):
    """The flow loss of all pairs from a store that is written anew: `loss(container, steps)`."""
    method = tiny(distils="frames", drop_path=0.0)
    model = network(method)

    def of(container, steps_per_pixel, layout="planar"):
        path = tmp_path / f"{container}-{steps_per_pixel}"
        path = path if container == "tiff" else path.with_suffix(".zarr.zip")
        options = {"provenance": {}, "key": ""}
        with open_writer(path, container, steps_per_pixel, layout, **options) as writer:
            writer.add("a", 1, PAIRS + 1, SIZE, list(enumerate(flow)))
        sample = Sample("toy", "a", 0, (1,), str(frames), str(path), "", "", "flow")
        samples = [replace(sample, t=t) for t in range(PAIRS)]
        dataset = SampleDataset(samples, method)
        keys = [SampleKey(t, gap=1, flip=False, seed=t) for t in range(PAIRS)]
        torch.manual_seed(0)
        return method.loss(model, default_collate([dataset[key] for key in keys]), 1)["flow"].item()

    return of


def test_both_containers_give_the_same_samples(loss):
    assert loss("zarr", 32) == loss("tiff", 32, "packed") > 0


def test_a_coarser_quantization_changes_the_loss_by_what_it_rounds(loss):
    fine = loss("zarr", 1024)
    changes = [abs(loss("zarr", steps) / fine - 1) for steps in (4, 32)]
    assert changes[1] < 1e-3 < changes[0] < 0.05
