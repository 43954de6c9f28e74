"""Archives of NumPy: ours, and those of others."""

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonfate.base.errors import StoreError
from commonfate.storage.formats import npz

FLOW = np.random.default_rng(0).normal(0, 20, (2, 5, 7)).astype(np.float32)
SIZES = st.tuples(st.just(2), st.integers(1, 6), st.integers(1, 6))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.npz"


def test_what_is_written(path):
    assert npz.write(path, FLOW, video="bear", gap=-2, t=7) == 0
    with np.load(path, allow_pickle=False) as file:
        assert file["flow"].dtype == np.float32
        np.testing.assert_array_equal(file["flow"], FLOW)
        assert (str(file["video"]), int(file["gap"]), int(file["t"])) == ("bear", -2, 7)
        assert "pixels" in str(file["units"])


def test_equal_flow_gives_equal_bytes(path, tmp_path):
    npz.write(path, FLOW, t=1)
    npz.write(tmp_path / "b.npz", FLOW, t=1)
    assert path.read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        {"flow": FLOW},
        {"flow": FLOW.transpose(1, 2, 0)},
        {"flow": FLOW.astype(np.float64), "other": FLOW[:, :2]},
        {"arr_0": FLOW},
        {"optical_flow": FLOW.transpose(1, 2, 0), "mask": np.ones((5, 7), bool), "t": 3},
        {"u": FLOW[0], "v": FLOW[1]},
    ],
)
def test_names_and_axes_of_others(path, content):
    np.savez(path, **content)
    read = npz.read(path)
    assert read.dtype == np.float32 and read.flags.c_contiguous
    np.testing.assert_array_equal(read, FLOW)


def test_first_axis_decides_where_both_may_hold_the_components(path):
    np.savez(path, flow=FLOW[:, :, :2])
    np.testing.assert_array_equal(npz.read(path), FLOW[:, :, :2])


def test_integers_are_pixels(path):
    np.savez(path, flow=np.full((2, 3, 4), -7, np.int16))
    assert (npz.read(path) == -7).all()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"flow": FLOW[0]}, r"no array that is flow \(flow float32 \(5, 7\)\)"),
        ({"a": FLOW, "b": FLOW}, r"several arrays that may be flow \(a float32 \(2, 5, 7\), b "),
        ({"flow": FLOW.astype(complex)}, "no array that is flow"),
        ({"flow": np.zeros((5, 7, 3))}, "no array that is flow"),
        ({"u": FLOW[0], "v": FLOW[1, :3]}, "no array that is flow"),
        ({"t": 3}, "no array of two or three axes"),
    ],
)
def test_what_is_no_flow(path, content, found):
    np.savez(path, **content)
    with pytest.raises(StoreError, match=found) as caught:
        npz.read(path)
    assert str(caught.value).startswith(f"{path}: holds")
    assert str(caught.value).endswith("save flow as `flow`, (2, H, W) or (H, W, 2), pixels")


@settings(deadline=None, max_examples=50)
@given(flow=arrays.arrays(np.float32, SIZES))
def test_round_trip(tmp_path_factory, flow):
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    npz.write(path, flow)
    np.testing.assert_array_equal(npz.read(path), np.where(np.isfinite(flow), flow, np.nan))
