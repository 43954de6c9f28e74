"""Both containers of flow behind one interface."""

import json
import pickle
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from zarr.storage import ZipStore

from commonfate.base.errors import StoreError
from commonfate.storage import packed_int32
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.flow_info import FlowInfo, sources
from commonfate.storage.quantize import quantize
from commonfate.storage.tiff_flow import needs_bigtiff

SIZE = (6, 8)
KINDS = {
    "zarr": {"container": "zarr"},
    "planar": {"container": "tiff", "tiff_layout": "planar"},
    "packed": {"container": "tiff", "tiff_layout": "packed"},
}
KEYS = {"provenance": {"verb": "flow"}, "key": "k"}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def flow_of(t, gap=1, size=SIZE):
    return np.random.default_rng(100 + 10 * t + gap).uniform(-40, 40, (2, *size)).astype("f4")


def pairs(frames, gap, size=SIZE):
    return ((t, flow_of(t, gap, size)) for t in sources(frames, gap))


def write(path, kind, videos, **changes):
    with open_writer(path, **kind, **{**KEYS, **changes}) as writer:
        for video, gap, frames in videos:
            writer.add(video, gap, frames, SIZE, pairs(frames, gap))
    return path


@pytest.mark.parametrize(
    ("frames", "gap", "expected"),
    [
        (5, 1, [0, 1, 2, 3]),
        (5, -2, [2, 3, 4]),
        (5, 4, [0]),
        (5, 5, []),
        (5, -9, []),
        (1, 1, []),
        (0, 1, []),
    ],
)
def test_source_frames(frames, gap, expected):
    assert list(sources(frames, gap)) == expected


def test_flow_comes_back(tmp_path, kind):
    path = write(tmp_path / "s", kind, [("dog", 1, 4), ("bear", -2, 5), ("bear", 1, 5)])
    reader = open_reader(path)
    assert reader.videos == ["bear", "dog"]
    assert reader.gaps("bear") == [-2, 1]
    assert list(reader.frames_with_flow("bear", -2)) == [2, 3, 4]
    for video, gap in (("dog", 1), ("bear", -2), ("bear", 1)):
        for t in reversed(reader.frames_with_flow(video, gap)):
            flow = reader.read(video, gap, t)
            assert flow.shape == (2, *SIZE) and flow.dtype == np.float32
            assert np.abs(flow - flow_of(t, gap)).max() <= 1 / 64
    assert reader.provenance == {"verb": "flow"}


def test_nothing_but_the_store_is_left(tmp_path, kind):
    write(tmp_path / "s", kind, [("dog", 1, 3)])
    assert [result.name for result in tmp_path.iterdir()] == ["s"]


def test_steps_saturation_and_missing_values(tmp_path, kind):
    flow = np.zeros((2, *SIZE), np.float32)
    flow[0, 0, 0] = 5000
    flow[1, 1, :3] = np.nan
    with open_writer(tmp_path / "s", **kind, **KEYS, steps_per_pixel=8) as writer:
        writer.add("dog", 1, 3, SIZE, [(0, flow), (1, flow + 0.3)])
    reader = open_reader(tmp_path / "s")
    read = reader.read("dog", 1, 1)
    assert read[0, 0, 0] == 32767 / 8
    assert read[1, 0, 0] == 0.25  # 2.4 steps round to 2
    assert np.isnan(read).sum() == 3
    assert reader.statistics("dog", 1) == {"saturated": 2, "invalid": 6, "pixels": 96}


def test_video_shorter_than_the_gap_has_no_pairs(tmp_path, kind):
    path = write(tmp_path / "s", kind, [("dog", 3, 2), ("dog", -7, 2), ("dog", 1, 2)])
    reader = open_reader(path)
    assert reader.gaps("dog") == [-7, 1, 3]
    assert list(reader.frames_with_flow("dog", 3)) == []
    assert reader.statistics("dog", 3)["pixels"] == 0
    with pytest.raises(StoreError, match="gap 3, frame 0"):
        reader.read("dog", 3, 0)


def test_empty_store(tmp_path, kind):
    assert open_reader(write(tmp_path / "s", kind, [])).videos == []


def test_awkward_names(tmp_path, kind):
    names = ["..", "__a", "a/1", "Zoë 2"]
    reader = open_reader(write(tmp_path / "s", kind, [(name, 1, 2) for name in names]))
    assert reader.videos == sorted(names)
    for name in names:
        assert np.abs(reader.read(name, 1, 0) - flow_of(0)).max() <= 1 / 64


def test_reader_is_pickled_without_what_it_opened(tmp_path, kind):
    reader = open_reader(write(tmp_path / "s", kind, [("dog", 1, 3)]))
    before = reader.read("dog", 1, 1)
    data = pickle.dumps(reader)
    assert len(data) < 300
    np.testing.assert_array_equal(pickle.loads(data).read("dog", 1, 1), before)


def test_closed_reader_opens_again(tmp_path, kind):
    reader = open_reader(write(tmp_path / "s", kind, [("dog", 1, 3)]))
    reader.close()
    before = reader.read("dog", 1, 1)
    reader.close()
    np.testing.assert_array_equal(reader.read("dog", 1, 1), before)


def test_many_videos_in_turn(tmp_path, kind):
    videos = [(f"v{i:02d}", 1, 2) for i in range(20)]  # more than a reader keeps open
    reader = open_reader(write(tmp_path / "s", kind, videos))
    for _ in range(2):
        for video, gap, _ in videos:
            assert np.abs(reader.read(video, gap, 0) - flow_of(0)).max() <= 1 / 64


def test_another_format_is_refused(tmp_path, kind, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("commonfate.storage.flow_writer.FORMAT", 1)
        path = write(tmp_path / "s", kind, [("bear", 1, 3)])
    says = rf"s: is a store of flow of format 1, but .* reads format 2; delete {path} and make it"
    for read in (lambda reader: reader.videos, lambda reader: reader.read("bear", 1, 0)):
        with pytest.raises(StoreError, match=says):
            read(open_reader(path))


def test_equal_inputs_give_equal_bytes(tmp_path, kind):
    videos = [("dog", 1, 3), ("bear", -1, 4), ("bear", 2, 4)]
    item = write(tmp_path / "one", kind, videos)
    other = write(tmp_path / "other", kind, reversed(videos))

    def contents(path):
        files = sorted(path.rglob("*.*")) if path.is_dir() else [path]
        return {str(file.relative_to(path)): file.read_bytes() for file in files}

    assert contents(item) == contents(other)


def test_finished_parts_survive_an_exception(tmp_path, kind):
    path = tmp_path / "s"

    def breaks_off():
        yield 0, flow_of(0)
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError), open_writer(path, **kind, **KEYS) as writer:
        writer.add("dog", 1, 3, SIZE, pairs(3, 1))
        writer.add("bear", 1, 3, SIZE, breaks_off())
    assert not path.exists()
    with open_writer(path, **kind, **KEYS) as writer:
        assert writer.has("dog", 1)
        assert not writer.has("bear", 1) and not writer.has("dog", -1)
        writer.add("bear", 1, 3, SIZE, pairs(3, 1))
    assert open_reader(path).videos == ["bear", "dog"]


@pytest.mark.parametrize(
    "change", [{"key": "other"}, {"steps_per_pixel": 16}, {"container": "tiff"}]
)
def test_another_key_starts_anew(tmp_path, change):
    path = tmp_path / "s"
    with pytest.raises(RuntimeError), open_writer(path, **KEYS) as writer:
        writer.add("dog", 1, 3, SIZE, pairs(3, 1))
        raise RuntimeError
    with open_writer(path, **{**KEYS, **change}) as writer:
        assert not writer.has("dog", 1)
    assert open_reader(path).videos == []


KILLED = """
import os, signal, sys
import numpy as np
from commonfate.storage.flow import open_writer
path, container = sys.argv[1:]
flow = np.ones((2, 6, 8), np.float32)
def killed():
    yield 0, flow
    os.kill(os.getpid(), signal.SIGKILL)
with open_writer(path, container, provenance={}, key="k") as writer:
    writer.add("done", 1, 2, (6, 8), [(0, flow)])
    writer.add("half", 1, 3, (6, 8), killed())
"""


@pytest.mark.parametrize("container", ["zarr", "tiff"])
def test_killed_writer_goes_on(tmp_path, container):
    path = tmp_path / "s"
    killed = subprocess.run([sys.executable, "-c", KILLED, path, container], check=False)
    assert killed.returncode == -9
    assert not path.exists()
    with open_writer(path, container, provenance={}, key="k") as writer:
        assert writer.has("done", 1) and not writer.has("half", 1)
        writer.add("left", 1, 2, SIZE, pairs(2, 1))  # and `half` is never redone
    assert open_reader(path).videos == ["done", "left"]
    if path.is_dir():
        assert sorted(file.name for file in path.rglob("*.*")) == [
            "done.tiff",
            "left.tiff",
            "store.json",
        ]


def test_writer_killed_while_it_makes_the_store_goes_on(tmp_path, kind, monkeypatch):
    path = tmp_path / "s"

    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        for name in ("rename", "replace"):
            whole = getattr(Path, name)
            patch.setattr(
                Path, name, lambda a, b, whole=whole: killed() if b == path else whole(a, b)
            )
        write(path, kind, [("dog", 1, 3)])
    assert not path.exists()
    with open_writer(path, **kind, **KEYS) as writer:
        assert writer.has("dog", 1)
    assert open_reader(path).videos == ["dog"]


def test_numbers_of_a_table_are_taken(tmp_path, kind):
    gap, frames, height, width = np.array([1, 3, *SIZE])
    with open_writer(tmp_path / "s", **kind, **KEYS) as writer:
        writer.add("dog", gap, frames, (height, width), pairs(3, 1))
    flow = open_reader(tmp_path / "s").read("dog", gap, frames - 2)
    assert np.abs(flow - flow_of(1)).max() <= 1 / 64


def test_rewriting_replaces_the_store(tmp_path, kind):
    path = write(tmp_path / "s", kind, [("dog", 1, 3)])
    write(path, kind, [("bear", 1, 3)])
    assert open_reader(path).videos == ["bear"]


def test_gaps_are_written_at_once_in_threads(tmp_path, kind):
    gaps = (-2, -1, 1, 2)
    with open_writer(tmp_path / "s", **kind, **KEYS) as writer, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda gap: writer.add("dog", gap, 9, SIZE, pairs(9, gap)), gaps))
    reader = open_reader(tmp_path / "s")
    for gap in gaps:
        for t in reader.frames_with_flow("dog", gap):
            assert np.abs(reader.read("dog", gap, t) - flow_of(t, gap)).max() <= 1 / 64


@pytest.mark.parametrize(
    ("flows", "message"),
    [
        ([(0, flow_of(0))], "ends before frame 1"),
        ([(1, flow_of(1))], "got frame 1 where 0 was due"),
        ([*pairs(3, 1), (2, flow_of(2))], "got frame 2 where None was due"),
        ([(0, np.zeros((2, 8, 6), "f4"))], r"frame 0: \(2, 8, 6\) instead of \(2, 6, 8\)"),
    ],
)
def test_flow_that_does_not_fit_is_refused(tmp_path, kind, flows, message):
    with (
        pytest.raises(ValueError, match=message),
        open_writer(tmp_path / "s", **kind, **KEYS) as writer,
    ):
        writer.add("dog", 1, 3, SIZE, flows)


def test_zarr_is_what_the_contract_says(tmp_path):
    path = write(tmp_path / "s.zarr.zip", {}, [("bear", -2, 5)])
    root = zarr.open_group(ZipStore(path), mode="r")
    array = root["bear/-2"]
    assert array.shape == (3, 2, *SIZE) and array.chunks == (1, 2, *SIZE)
    assert array.dtype == np.int16 and array.fill_value == -32768
    np.testing.assert_array_equal(array[1], quantize(flow_of(3, -2))[0])
    (sharding,) = array.metadata.codecs
    codecs = [codec.to_dict()["name"] for codec in sharding.codecs]
    assert codecs == ["commonfate.prediction", "blosc", "crc32c"]
    attributes = array.attrs.asdict()
    assert attributes["first_frame"] == 2 and attributes["steps_per_pixel"] == 32
    assert root.attrs["provenance"] == {"verb": "flow"}


def test_zip_is_stored_in_order(tmp_path):
    path = write(tmp_path / "s.zarr.zip", {}, [("dog", 1, 13), ("bear", 1, 2)])
    with zipfile.ZipFile(path) as file:
        entries = file.infolist()
    assert all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    # One entry a part, whatever the number of pairs: the directory is read by every worker.
    shards = [entry.filename for entry in entries if "/c/" in entry.filename]
    assert shards == ["bear/1/c/0/0/0/0", "dog/1/c/0/0/0/0"]


def test_large_parts_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("commonfate.storage.sharded_zip.ZIP64_LIMIT", 0)
    path = write(tmp_path / "s.zarr.zip", {}, [("bear", -2, 5)])
    assert np.abs(open_reader(path).read("bear", -2, 3) - flow_of(3, -2)).max() <= 1 / 64
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None


OPEN = """
import sys, zarr
from zarr.storage import ZipStore
print(zarr.open_group(ZipStore(sys.argv[1]), mode="r")["bear/1"][:].sum())
"""


def test_plain_zarr_finds_the_codec(tmp_path):
    path = write(tmp_path / "s.zarr.zip", {}, [("bear", 1, 5)])
    opened = subprocess.run(
        [sys.executable, "-c", OPEN, path], capture_output=True, text=True, check=False
    )
    assert opened.returncode == 0, opened.stderr
    expected = sum(int(quantize(flow_of(t))[0].sum()) for t in range(4))
    assert int(opened.stdout) == expected


def test_constant_flow_is_written_too(tmp_path):
    nothing = np.full((2, *SIZE), np.nan, np.float32)
    with open_writer(tmp_path / "s.zip", **KEYS) as writer:
        writer.add("dog", 1, 2, SIZE, [(0, nothing)])
    assert np.isnan(open_reader(tmp_path / "s.zip").read("dog", 1, 0)).all()


@pytest.mark.parametrize("layout", ["planar", "packed"])
def test_tiff_is_read_by_plain_tifffile(tmp_path, layout):
    path = write(tmp_path / "s", KINDS[layout], [("bear", -2, 5)])
    with tifffile.TiffFile(path / "-2" / "bear.tiff") as file:
        assert len(file.pages) == 3
        samples = file.pages[1].asarray()
        content = json.loads(file.pages[0].description)["content"]
        assert file.pages[1].description == ""
    expected = quantize(flow_of(3, -2))[0]
    np.testing.assert_array_equal(
        samples, packed_int32.pack(expected) if layout == "packed" else expected
    )
    assert content["layout"] == layout and content["steps_per_pixel"] == 32
    assert content["gap"] == -2 and content["first_frame"] == 2
    assert len(content["crc32_of_int16"]) == 3


def test_bigtiff_only_where_offsets_may_not_fit():
    # 4 GiB less 32 MiB are 2,598.9 pages of 480 x 854 pixels of 4 bytes.
    assert not needs_bigtiff(FlowInfo("dog", 1, 2599, 480, 854, 32))
    assert needs_bigtiff(FlowInfo("dog", 1, 2600, 480, 854, 32))


def test_bigtiff_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("commonfate.storage.tiff_flow.CLASSIC_LIMIT", 0)
    path = write(tmp_path / "s", KINDS["planar"], [("bear", 1, 3)])
    with tifffile.TiffFile(path / "1" / "bear.tiff") as file:
        assert file.is_bigtiff
    assert np.abs(open_reader(path).read("bear", 1, 1) - flow_of(1)).max() <= 1 / 64
