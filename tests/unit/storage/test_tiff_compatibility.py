"""TIFF stores in the hands of others: what tifffile, Pillow, OpenCV and libtiff's tools see.

Pillow and OpenCV read the packed layout whole. Of the planar one Pillow reads u alone and OpenCV
misreads two signed samples as bytes, so only what holds is asserted; see docs/flow-files.md.
"""

import shutil
import subprocess

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from commonfate.storage import tiff_flow
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.quantize import NO_VALUE, quantize
from helpers.strict import no_warnings

SIZE = (9, 14)
FLOW = np.random.default_rng(0).normal(0, 300, (3, 2, *SIZE)).astype(np.float32)
FLOW[1, 0, 2:4, 3] = np.nan
STEPS = np.stack([quantize(flow)[0] for flow in FLOW])


def pages(tmp_path, layout):
    store = tmp_path / f"{layout}.tiff"
    with open_writer(store, "tiff", tiff_layout=layout, provenance={}, key="k") as writer:
        writer.add("bear", 1, 4, SIZE, enumerate(FLOW))
    return store / "1" / "bear.tiff"


@pytest.fixture(params=["planar", "packed"])
def layout(request):
    return request.param


@pytest.fixture
def file(tmp_path, layout):
    return pages(tmp_path, layout)


@pytest.fixture
def big_file(tmp_path, layout, monkeypatch):
    monkeypatch.setattr(tiff_flow, "CLASSIC_LIMIT", 0)
    return pages(tmp_path, layout)


def steps_of(samples, layout):
    """(pairs, 2, H, W) int16, by the description of the layouts in words, not by our code."""
    if layout == "planar":
        return samples
    low = samples.astype(np.int64) & 0xFFFF
    v = np.where(low >= 2**15, low - 2**16, low)
    return np.stack([samples >> 16, v], axis=1)


def tool(name, *arguments):
    if shutil.which(name) is None:
        pytest.skip(f"no {name}; it is in libtiff's tools (Debian: libtiff-tools)")
    return subprocess.run([name, *map(str, arguments)], capture_output=True, text=True, check=True)


def test_tifffile_sees_one_series_of_all_pairs(file, layout):
    with no_warnings():
        samples = tifffile.imread(file)
    assert samples.dtype == (np.int16 if layout == "planar" else np.int32)
    np.testing.assert_array_equal(steps_of(samples, layout), STEPS)


def test_no_value_is_minus_32768(file, layout):
    steps = steps_of(tifffile.imread(file), layout)
    assert (steps == NO_VALUE).sum() == 2 == (steps[1, 0, 2:4, 3] == NO_VALUE).sum()


def test_pillow_reads_packed_pages(tmp_path):
    with Image.open(pages(tmp_path, "packed")) as image:
        assert (image.mode, image.n_frames, image.size) == ("I", 3, SIZE[::-1])
        for t, steps in enumerate(STEPS):
            image.seek(t)
            np.testing.assert_array_equal(steps_of(np.array(image)[None], "packed")[0], steps)


def test_pillow_reads_u_of_planar_pages(tmp_path):
    with Image.open(pages(tmp_path, "planar")) as image:
        assert image.n_frames == 3
        for t, steps in enumerate(STEPS):
            image.seek(t)
            np.testing.assert_array_equal(np.array(image), steps[0])


def test_opencv_reads_packed_pages(tmp_path):
    path = pages(tmp_path, "packed")
    read, result = cv2.imreadmulti(str(path), flags=cv2.IMREAD_UNCHANGED)
    assert read and result[0].dtype == np.int32
    np.testing.assert_array_equal(steps_of(np.stack(result), "packed"), STEPS)


def test_tiffinfo_finds_nothing_to_complain_about(file, layout):
    done = tool("tiffinfo", "-D", file)  # -D also decodes the pixels
    assert done.stderr == ""
    assert done.stdout.count("TIFF Directory at") == 3
    assert done.stdout.count("Sample Format: signed integer") == 3
    assert ("separate image planes" in done.stdout) == (layout == "planar")


@pytest.mark.parametrize("compression", ["none", "lzw:2", "zip:1"])
def test_tiffcp_recodes_without_a_change(file, layout, tmp_path, compression):
    copy = tmp_path / "copy.tif"
    assert tool("tiffcp", "-c", compression, file, copy).stderr == ""
    np.testing.assert_array_equal(steps_of(tifffile.imread(copy), layout), STEPS)


def test_classic_files_while_offsets_fit(file):
    assert file.read_bytes()[:4] == b"II*\x00"


def test_bigtiff_where_they_might_not(big_file, layout):
    assert big_file.read_bytes()[:4] == b"II+\x00"
    np.testing.assert_array_equal(steps_of(tifffile.imread(big_file), layout), STEPS)
    reader = open_reader(big_file.parents[1])
    expected = np.where(STEPS[1] == NO_VALUE, np.nan, STEPS[1] / np.float32(32))
    np.testing.assert_array_equal(reader.read("bear", 1, 1), expected)


def test_libtiff_and_pillow_read_bigtiff(big_file, layout, tmp_path):
    with Image.open(big_file) as image:
        image.seek(2)
        result = np.array(image)
        assert image.n_frames == 3
    np.testing.assert_array_equal(
        result if layout == "planar" else result >> 16,
        STEPS[2, 0],  # of planar pages Pillow reads u
    )
    copy = tmp_path / "copy.tif"
    assert tool("tiffcp", "-c", "none", big_file, copy).stderr == ""
    np.testing.assert_array_equal(steps_of(tifffile.imread(copy), layout), STEPS)


def test_opencv_reads_packed_bigtiff(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_flow, "CLASSIC_LIMIT", 0)
    read, result = cv2.imreadmulti(str(pages(tmp_path, "packed")), flags=cv2.IMREAD_UNCHANGED)
    assert read
    np.testing.assert_array_equal(steps_of(np.stack(result), "packed"), STEPS)


def test_classic_limit_counts_what_nothing_compresses(monkeypatch):
    info = tiff_flow.FlowInfo("bear", 1, 4, *SIZE, 32)
    monkeypatch.setattr(tiff_flow, "CLASSIC_LIMIT", 3 * 9 * 14 * 4)
    assert not tiff_flow.needs_bigtiff(info)
    monkeypatch.setattr(tiff_flow, "CLASSIC_LIMIT", 3 * 9 * 14 * 4 - 1)
    assert tiff_flow.needs_bigtiff(info)
