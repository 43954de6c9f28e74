"""Reading samples: the right frame, the right flow, here and in spawned workers."""

import importlib
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, default_collate

from commonfate.samples.index import Sample
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import Batches, SampleKey

DRAWING = """
from types import SimpleNamespace

import torch


class Drawing:
    settings = SimpleNamespace(learns_from="flow")

    def prepare(self, example):
        drawn = torch.rand((), generator=torch.Generator().manual_seed(example.seed))
        flow = torch.from_numpy(example.flow)
        return {"drawn": drawn, "flow": flow, "flip": torch.tensor(example.flip)}
"""
"""A method in a module of its own: workers cannot import this one."""


@pytest.fixture
def samples(request, make_shard):
    """Two samples, by default of Zarr flow."""
    container = getattr(request, "param", "zarr")
    frames, flow = make_shard("toy", 0, {"a": 3, "b": 4}, container=container)
    names = (str(frames), str(flow))
    return [Sample("toy", "a", 1, (-1, 1), *names), Sample("toy", "b", 2, (-1, 1), *names)]


@pytest.mark.parametrize("samples", ["zarr", "tiff"], indirect=True)
def test_frame_and_flow_belong_together(samples, raw):
    read = SampleDataset(samples, raw("flow"))[SampleKey(1, -1, True, 2**62)]
    assert read["frame"].shape == (8, 12, 3)
    assert (read["frame"] == 12).all()  # video b, frame 2
    np.testing.assert_allclose(read["flow"][0], 2 - 0.1, atol=1 / 64)
    np.testing.assert_allclose(read["flow"][1], -2, atol=1 / 64)
    assert (read["flip"], read["seed"]) == (True, 2**62)
    assert read["other"] is None and read["labels"] is None


def test_it_can_be_pickled_after_it_has_read(samples, raw):
    dataset = SampleDataset(samples, raw("flow"))
    before = dataset[SampleKey(0, 1, False, 3)]
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(again[SampleKey(0, 1, False, 3)]["flow"], before["flow"])
    assert len(again) == 2


def test_spawned_workers_prepare_what_this_process_prepares(samples, tmp_path, monkeypatch):
    """With the same seeds, too: what a method draws does not depend on who prepares the sample."""
    (tmp_path / "drawing.py").write_text(DRAWING)
    monkeypatch.syspath_prepend(tmp_path)
    dataset = SampleDataset(samples, importlib.import_module("drawing").Drawing())
    plan = Batches(samples, 0, 2, True, 0, 3)
    expected = [default_collate([dataset[key] for key in keys]) for keys in plan]
    loader = DataLoader(dataset, batch_sampler=plan, num_workers=2, multiprocessing_context="spawn")
    for batch, own in zip(loader, expected, strict=True):
        assert batch.keys() == own.keys()
        for name, value in batch.items():
            assert torch.equal(value, own[name]), name
    drawn = torch.cat([batch["drawn"] for batch in expected])
    assert len(drawn.unique()) == 6
