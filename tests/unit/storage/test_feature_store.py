"""Stores of features: what is written is read, in any order, after a kill, and damage is seen."""

import zipfile

import numpy as np
import pytest
import zarr
from zarr.storage import ZipStore

from commonfate.base.errors import StoreError
from commonfate.storage.feature_items import LARGEST, NotStorable
from commonfate.storage.feature_writer import stage_of
from commonfate.storage.features import FeatureReader, FeatureWriter

SIZE = (480, 640)
VIDEOS = ("a", "b", "c")
FRAMES = {"a": [0, 5, 10], "b": [0], "c": [0, 1]}


def features(video: str, t: int, grid: tuple[int, int] = (2, 3)) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([ord(video), t])
    shapes = {"tokens": (*grid, 4), "cls": (4,), "attention": (2, *grid)}
    return {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def stored(video: str, t: int, name: str, grid: tuple[int, int] = (2, 3)) -> np.ndarray:
    values = features(video, t, grid)[name]
    return values if name == "attention" else values.astype("float16")


def write(path, frames=FRAMES, grids=None, left_out=None, key="k"):
    with FeatureWriter(path, "448.tokens", VIDEOS, key, {"verb": "features"}) as writer:
        for video, times in reversed(frames.items()):
            for t in reversed(times):
                if not writer.has(video, t):
                    grid = (grids or {}).get(video, (2, 3))
                    writer.add(video, t, SIZE, features(video, t, grid))
        writer.finish(frames, left_out)
    return FeatureReader(path)


def test_what_is_written_is_read(tmp_path):
    reader = write(tmp_path / "x.zarr.zip", left_out={"d": "is damaged"})
    assert reader.videos == ["a", "b", "c"]
    assert reader.names == ["tokens", "cls", "attention"]
    assert reader.view == "448.tokens"
    assert reader.left_out == {"d": "is damaged"}
    assert reader.provenance == {"verb": "features"}
    assert len(reader) == 6
    assert reader.frames("a") == [0, 5, 10]
    assert reader.size("a") == SIZE
    assert reader.shape("a", "attention") == (2, 2, 3)
    for video, times in FRAMES.items():
        for name in reader.names:
            for t in times:
                values = reader.read(video, t, name)
                assert np.array_equal(values, stored(video, t, name))
                assert values.dtype == (np.float32 if name == "attention" else np.float16)
            whole = np.stack([stored(video, t, name) for t in times])
            assert np.array_equal(reader.read_video(video, name), whole)
    assert not stage_of(tmp_path / "x.zarr.zip").exists()


@pytest.mark.parametrize("items", [1, 2, 4, 100])
def test_chunks_hold_every_item_once(tmp_path, items):
    reader = write(tmp_path / "x.zarr.zip", grids={"b": (1, 7)})
    chunks = list(reader.chunks(items))
    assert max(len(chunk.items) for chunk in chunks) <= items
    listed = [item for chunk in chunks for item in chunk.items]
    assert sorted(listed) == [(video, t) for video, times in FRAMES.items() for t in times]
    for chunk in chunks:
        for n, (video, t) in enumerate(chunk.items):
            grid = (1, 7) if video == "b" else (2, 3)
            for name in reader.names:
                assert np.array_equal(chunk.features[name][n], stored(video, t, name, grid))


def test_arrays_are_zarrs(tmp_path):
    """Any Zarr reads a store: features of equal shape lie in one array."""
    write(tmp_path / "x.zarr.zip", grids={"b": (1, 7)})
    root = zarr.open_group(ZipStore(tmp_path / "x.zarr.zip", mode="r"), mode="r")
    assert sorted(root) == ["1x7", "2x3"]
    tokens = root["2x3/tokens"]
    assert tokens.shape == (5, 2, 3, 4) and tokens.dtype == np.float16
    entry = root.attrs["videos"]["c"]
    assert np.array_equal(tokens[entry["first"] + 1], stored("c", 1, "tokens"))
    assert np.array_equal(root["1x7/attention"][0], stored("b", 0, "attention", (1, 7)))


def test_equal_features_give_equal_bytes(tmp_path):
    write(tmp_path / "x.zarr.zip")
    with FeatureWriter(
        tmp_path / "y.zarr.zip", "448.tokens", VIDEOS, "other", {"verb": "features"}
    ) as writer:
        for video, times in FRAMES.items():
            for t in times:
                writer.add(video, t, SIZE, features(video, t))
        writer.finish(FRAMES)
    assert (tmp_path / "x.zarr.zip").read_bytes() == (tmp_path / "y.zarr.zip").read_bytes()


def test_whole_images_lie_in_one_array_whatever_their_size(tmp_path):
    with FeatureWriter(tmp_path / "x.zarr.zip", "224.cls", ["a", "b"], "k") as writer:
        for n, video in enumerate("ab"):
            writer.add(video, 0, (10 + n, 20), {"cls": np.full(3, n, "float32")})
        writer.finish({"a": [0], "b": [0]})
    reader = FeatureReader(tmp_path / "x.zarr.zip")
    assert reader.read("b", 0).tolist() == [1, 1, 1]
    assert reader.size("b") == (11, 20)
    (chunk,) = reader.chunks()
    assert chunk.features["cls"].shape == (2, 3)


def test_a_killed_writer_goes_on(tmp_path):
    path = tmp_path / "x.zarr.zip"
    with (
        pytest.raises(KeyboardInterrupt),
        FeatureWriter(path, "448.tokens", VIDEOS, "k") as writer,
    ):
        writer.add("a", 5, SIZE, features("a", 5))
        raise KeyboardInterrupt
    assert not path.exists()
    with (stage_of(path) / "items").open("ab") as file:
        file.write(b"pair torn")
    with FeatureWriter(path, "448.tokens", VIDEOS, "k") as writer:
        assert writer.has("a", 5) and not writer.has("b", 5)
    with FeatureWriter(path, "448.tokens", VIDEOS, "another") as writer:
        assert not writer.has("a", 5)


def test_seconds_of_a_video_are_those_of_its_stored_frames(tmp_path):
    """They may differ between frames, also of an earlier run, which features may not."""
    path = tmp_path / "x.zarr.zip"
    with FeatureWriter(path, "448.tokens", VIDEOS, "k") as writer:
        writer.add("a", 0, SIZE, features("a", 0), 0.5)
        writer.add("a", 1, SIZE, features("a", 1), 4.0)
    with FeatureWriter(path, "448.tokens", VIDEOS, "k") as writer:
        writer.add("a", 2, SIZE, features("a", 2), 0.25)
        writer.add("b", 0, SIZE, features("b", 0))
        writer.finish({"a": [0, 2], "b": [0]})
    reader = FeatureReader(path)
    assert (reader.seconds("a"), reader.seconds("b")) == (0.75, 0)
    assert np.array_equal(reader.read("a", 2, "cls"), stored("a", 2, "cls"))


def test_videos_that_are_left_out_take_no_room(tmp_path):
    path = tmp_path / "x.zarr.zip"
    with FeatureWriter(path, "448.tokens", VIDEOS, "k") as writer:
        writer.add("a", 0, SIZE, features("a", 0))
        writer.add("b", 0, SIZE, features("b", 0))
        writer.finish({"b": [0]}, {"a": "frame 1 is damaged"})
    reader = FeatureReader(path)
    assert reader.videos == ["b"] and len(reader) == 1
    with pytest.raises(StoreError, match="holds no features of video 'a'"):
        reader.read("a", 0, "cls")


def test_an_empty_store(tmp_path):
    reader = write(tmp_path / "x.zarr.zip", frames={})
    assert reader.videos == [] and len(reader) == 0 and list(reader.chunks()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path, value):
    with FeatureWriter(tmp_path / "x.zarr.zip", "448.tokens", VIDEOS, "k") as writer:
        bad = features("a", 0)
        bad["attention"][0, 0, 0] = value
        with pytest.raises(NotStorable, match="its attention are not finite"):
            writer.add("a", 0, SIZE, bad)
        assert not writer.has("a", 0)


def test_what_float16_cannot_hold_is_refused(tmp_path):
    assert LARGEST == 65504
    with FeatureWriter(tmp_path / "x.zarr.zip", "448.tokens", VIDEOS, "k") as writer:
        large = features("a", 0)
        large["cls"][2] = -65504
        writer.add("a", 0, SIZE, large)
        large["cls"][2] = -65505
        with pytest.raises(NotStorable, match=r"its cls reach 6\.55e\+04, more than 65504"):
            writer.add("a", 5, SIZE, large)


def test_rounding_is_that_of_float16(tmp_path):
    """Relative error of at most 2^-11, absolute of at most 2^-25 below the normal numbers."""
    values = np.concatenate([np.geomspace(1e-9, 6e4, 2000), [0.0]]).astype("float32")
    with FeatureWriter(tmp_path / "x.zarr.zip", "224.cls", VIDEOS, "k") as writer:
        writer.add("a", 0, SIZE, {"cls": values})
        writer.finish({"a": [0]})
    error = np.abs(FeatureReader(tmp_path / "x.zarr.zip").read("a", 0).astype("float64") - values)
    assert (error <= np.maximum(2.0**-11 * values, 2.0**-25)).all()


def test_what_is_not_there_is_named(tmp_path):
    reader = write(tmp_path / "x.zarr.zip")
    with pytest.raises(StoreError, match="frame 3; it holds 0, 5, 10"):
        reader.read("a", 3, "cls")
    with pytest.raises(StoreError, match="holds no feature 'token'; did you mean tokens"):
        reader.read("a", 0, "token")
    with pytest.raises(StoreError, match="holds tokens and cls and attention; name the one"):
        reader.read("a", 0)
    with pytest.raises(StoreError, match="make it with `commonfate features`"):
        FeatureReader(tmp_path / "none.zarr.zip").videos  # noqa: B018


def test_damage_is_seen(tmp_path):
    path = tmp_path / "x.zarr.zip"
    write(path)
    with zipfile.ZipFile(path) as store:
        entry = store.getinfo("2x3/tokens/c/0/0/0/0")
    data = bytearray(path.read_bytes())
    data[entry.header_offset + 100] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match=r"tokens of video 'a' cannot be read .*checksum"):
        FeatureReader(path).read_video("a", "tokens")
    path.write_bytes(bytes(data[:-40]))
    with pytest.raises(StoreError, match="cannot be read"):
        FeatureReader(path).videos  # noqa: B018


def test_frames_of_a_video_have_one_size(tmp_path):
    with FeatureWriter(tmp_path / "x.zarr.zip", "448.tokens", VIDEOS, "k") as writer:
        writer.add("a", 0, SIZE, features("a", 0))
        writer.add("a", 1, (20, 20), features("a", 1))
        with pytest.raises(ValueError, match="differ in size"):
            writer.finish({"a": [0, 1]})
    assert not (tmp_path / "x.zarr.zip").exists()
