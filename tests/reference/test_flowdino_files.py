"""FlowDINO's files with the words that its released code computes, read and written to the bit."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.formats import flowdino

STEP = np.float32(1 / 32)


@pytest.fixture(params=["", "any/"])
def released(request, reference):
    data = reference("flowdino_pack.npz")
    return data[f"{request.param}packed"], data[f"{request.param}unpacked"]


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_files_that_pillow_wrote(released, tmp_path, compression):
    packed, unpacked = released
    path = tmp_path / "00000.tiff"
    Image.fromarray(packed).save(path, compression=compression)
    np.testing.assert_array_equal(flowdino.read_packed(path), packed)
    flow = flowdino.read(path)
    expected = ~np.isnan(flow)
    np.testing.assert_array_equal(flow[expected], unpacked[expected])
    assert (unpacked[~expected] == -1024).all()  # the one component that we read as 'no value'


def test_words_called_floats(released, tmp_path):
    packed, _ = released
    path = tmp_path / "00000.tiff"
    tifffile.imwrite(path, packed.view(np.float32), compression="lzw")
    np.testing.assert_array_equal(flowdino.read_packed(path), packed)


def test_what_their_loader_sees_of_our_file(released, tmp_path):
    packed, _ = released
    path = tmp_path / "00000.tiff"
    flow = released_flow(packed)
    assert flowdino.write(path, flow) == 0
    with Image.open(path) as image:
        words = np.array(image)
    assert words.dtype == np.int32
    np.testing.assert_array_equal(words, packed)
    np.testing.assert_array_equal(flowdino.read(path), flow)


def test_words_through_both_stores_and_back(released, tmp_path):
    packed, _ = released
    flow = released_flow(packed)
    for container in ("zarr", "tiff"):
        store = tmp_path / f"store.{container}"
        with open_writer(store, container, tiff_layout="packed", provenance={}, key="k") as writer:
            writer.add("bear", 1, 2, packed.shape, [(0, flow)])
        again = tmp_path / f"{container}.tiff"
        flowdino.write(again, open_reader(store).read("bear", 1, 0))
        np.testing.assert_array_equal(flowdino.read_packed(again), packed)
    page = tifffile.imread(tmp_path / "store.tiff" / "1" / "bear.tiff")
    np.testing.assert_array_equal(page, packed)


def released_flow(packed):
    """Flow of words, NaN where a component is -32768."""
    steps = np.stack([packed >> 16, (packed << 16) >> 16])
    return np.where(steps == -32768, np.nan, steps * STEP).astype(np.float32)
