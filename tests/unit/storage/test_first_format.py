"""Stores that were written in format 1, with a zip entry a pair, are read still."""

import zipfile

import numpy as np
import pytest

from commonfate.base.errors import StoreError
from commonfate.storage.delta2d import Delta2D
from commonfate.storage.flow import open_reader
from commonfate.storage.flow_info import FlowInfo
from commonfate.storage.quantize import NO_VALUE, dequantize
from commonfate.storage.zarr_zip import PartWriter, blosc, join


@pytest.fixture
def steps():
    return np.random.default_rng(0).integers(-99, 99, (3, 2, 6, 8), dtype=np.int16)


@pytest.fixture
def store(tmp_path, steps):
    attributes = FlowInfo("bear", 1, 4, 6, 8, 32, saturated=5).attributes()
    with PartWriter(
        tmp_path / "part",
        (2, 6, 8),
        "int16",
        filters=[Delta2D()],
        compressors=[blosc(2)],
        fill_value=NO_VALUE,
    ) as part:
        for pair in steps:
            part.append(pair)
        part.finish(attributes)
    index = {"kind": "flow", "provenance": {}, "videos": {"bear": {"1": attributes}}}
    join(tmp_path / "s.zip", [("bear/1", tmp_path / "part")], {"": index, "bear": {}})
    return tmp_path / "s.zip"


def test_flow_comes_back(store, steps):
    reader = open_reader(store)
    for t in range(3):
        np.testing.assert_array_equal(reader.read("bear", 1, t), dequantize(steps[t]))
        np.testing.assert_array_equal(reader.read_steps("bear", 1, t), steps[t])
    assert reader.codec == "" and reader.statistics("bear", 1)["saturated"] == 5
    reader.close()


def test_counts_of_pairs_are_not_there(store):
    with pytest.raises(StoreError, match="written before counts were kept for each pair"):
        open_reader(store).pair_counts("bear", 1)


def test_damage_is_noticed(store):
    with zipfile.ZipFile(store) as file:
        start = file.getinfo("bear/1/c/1/0/0/0").header_offset + 60
    data = bytearray(store.read_bytes())
    data[start] ^= 1
    store.write_bytes(data)
    with pytest.raises(StoreError, match="gap 1, frame 1 cannot be read"):
        open_reader(store).read("bear", 1, 1)
