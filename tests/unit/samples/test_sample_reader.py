"""Reading samples: the right frame, the right flow, here and in spawned workers."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from commonfate.methods.gwm.method import create
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.samples.index import Sample
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import SampleKey


class Raw:
    """Hands over what was read."""

    def prepare(self, frame, flow, flip):
        return {"frame": frame, "flow": flow, "flip": flip}


@pytest.fixture
def samples(request, make_shard):
    """Two samples, by default of Zarr flow."""
    container = getattr(request, "param", "zarr")
    frames, flow = make_shard("toy", 0, {"a": 3, "b": 4}, container=container)
    names = (str(frames), str(flow))
    return [Sample("toy", "a", 1, (-1, 1), *names), Sample("toy", "b", 2, (-1, 1), *names)]


@pytest.mark.parametrize("samples", ["zarr", "tiff"], indirect=True)
def test_frame_and_flow_belong_together(samples):
    read = SampleDataset(samples, Raw())[SampleKey(1, -1, True)]
    assert read["frame"].shape == (8, 12, 3)
    assert (read["frame"] == 12).all()  # video b, frame 2
    np.testing.assert_allclose(read["flow"][0], 2 - 0.1, atol=1 / 64)
    np.testing.assert_allclose(read["flow"][1], -2, atol=1 / 64)
    assert read["flip"] is True


def test_it_can_be_pickled_after_it_has_read(samples):
    dataset = SampleDataset(samples, Raw())
    before = dataset[SampleKey(0, 1, False)]
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(again[SampleKey(0, 1, False)]["flow"], before["flow"])
    assert len(again) == 2


def test_spawned_workers_prepare_what_this_process_prepares(samples):
    settings = GwmSettings(image_size=(16, 16), flow_size=(8, 12), width=4)
    dataset = SampleDataset(samples, create(settings))
    keys = [[SampleKey(0, 1, False), SampleKey(1, -1, True)]]
    expected = torch.utils.data.default_collate([dataset[key] for key in keys[0]])
    loader = DataLoader(dataset, batch_sampler=keys, num_workers=1, multiprocessing_context="spawn")
    (batch,) = loader
    assert batch.keys() == expected.keys()
    for name, value in batch.items():
        assert torch.equal(value, expected[name]), name
