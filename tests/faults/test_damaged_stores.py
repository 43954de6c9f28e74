"""Damaged, incomplete and missing stores: one line that names what and says what to do, no noise.

Stores are real, only small. A byte is flipped wherever it could do harm: in the data of a chunk or
page, and everywhere in a whole file, where either nothing changes or the reader says so.
"""

import logging
import shutil
import zipfile

import cv2
import numpy as np
import pytest
import tifffile

from commonfate.base.errors import StoreError
from commonfate.storage.damage import crc32c
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.frames import FrameReader, FrameWriter

SIZE = (12, 16)
FLOW = np.random.default_rng(0).normal(0, 5, (4, 2, *SIZE)).astype(np.float32)
FRAMES = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)
AGAIN = "and run the same command again"


STORES = {
    "zarr": {},
    "planar": {"container": "tiff", "tiff_layout": "planar"},
    "packed": {"container": "tiff", "tiff_layout": "packed"},
}


@pytest.fixture(params=STORES)
def flow_store(request, tmp_path):
    path = tmp_path / "0000.flow"
    with open_writer(path, **STORES[request.param], provenance={}, key="k") as writer:
        writer.add("bear", 1, 5, SIZE, enumerate(FLOW))
        writer.add("dog", -2, 4, SIZE, [(2, FLOW[2]), (3, FLOW[3])])
    return path


@pytest.fixture(params=["blosc", "png", "jpeg"])
def frame_store(request, tmp_path):
    path = tmp_path / "0000.zarr.zip"
    with FrameWriter(path, request.param) as writer:
        writer.add_video("bear", FRAMES, [0, 1, 2], 1.0)
        writer.add_video("dog", FRAMES[:1], [0], 1.0)
    return path


def flip(file, position):
    data = bytearray(file.read_bytes())
    data[position] ^= 0x10
    file.write_bytes(data)


def chunk(path, name):
    """First and last position of the data of an entry of a zip."""
    with zipfile.ZipFile(path) as file:
        entry = file.getinfo(name)
    start = entry.header_offset + 30 + len(name)
    return start, start + entry.file_size


def pair(path, t):
    """The file that holds the flow of the bear's frame t, and where."""
    if path.is_file():
        start, end = chunk(path, "bear/1/c/0/0/0/0")
        index = path.read_bytes()[end - 4 - 4 * 16 : end - 4]
        offset, length = np.frombuffer(index, "<u8").reshape(4, 2)[t].tolist()
        return path, start + offset, start + offset + length
    file = path / "1" / "bear.tiff"
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages[t]
        return file, page.dataoffsets[0], page.dataoffsets[-1] + page.databytecounts[-1]


def message(function, *arguments):
    with pytest.raises(StoreError) as caught:
        function(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def everything_of_flow(path):
    reader = open_reader(path)
    result = {}
    for video in reader.videos:
        for gap in reader.gaps(video):
            result[video, gap] = (reader.statistics(video, gap), reader.pair_counts(video, gap))
            for t in reader.frames_with_flow(video, gap):
                result[video, gap, t] = reader.read(video, gap, t).tobytes()
    reader.close()
    return result


def everything_of_frames(path):
    reader = FrameReader(path)
    result = {}
    for video in reader.videos:
        result[video] = (reader.size(video), reader.fps(video), reader.timestamps_s(video))
        for t in range(reader.length(video)):
            result[video, t] = reader.read(video, t).tobytes()
    reader.close()
    return result


def check_flips(files, everything, step):
    """Flip every `step`-th byte in turn: what is read is the same, or a StoreError."""
    logging.disable(logging.CRITICAL)  # tifffile also logs what is odd
    before, seen = everything(), 0
    for file in files:
        intact = file.read_bytes()
        for position in range(0, len(intact), step):
            flip(file, position)
            try:
                assert everything() == before, f"{file.name}: byte {position} changes what is read"
            except StoreError as error:
                seen += 1
                assert "\n" not in str(error)
            file.write_bytes(intact)
    logging.disable(logging.NOTSET)
    assert seen > 20


def test_flipped_byte_in_flow_names_video_gap_and_frame(flow_store):
    file, start, end = pair(flow_store, 2)
    for position in (start, (start + end) // 2, end - 1):
        flip(file, position)
        text = message(open_reader(flow_store).read, "bear", 1, 2)
        assert text.startswith(f"{file}: flow of video 'bear', gap 1, frame 2 cannot be read (")
        assert text.endswith(f"delete {flow_store} {AGAIN}")
        flip(file, position)
    np.testing.assert_allclose(open_reader(flow_store).read("bear", 1, 2), FLOW[2], atol=1 / 64)


def test_flipped_byte_in_flow_leaves_other_pairs_readable(flow_store):
    file, start, _ = pair(flow_store, 2)
    flip(file, start)
    np.testing.assert_allclose(open_reader(flow_store).read("bear", 1, 1), FLOW[1], atol=1 / 64)
    np.testing.assert_allclose(open_reader(flow_store).read("dog", -2, 3), FLOW[3], atol=1 / 64)


def test_no_flipped_byte_of_a_flow_store_goes_unnoticed(flow_store):
    files = sorted(flow_store.rglob("*.*")) if flow_store.is_dir() else [flow_store]
    check_flips(files, lambda: everything_of_flow(flow_store), step=61)


def test_no_flipped_byte_of_a_frame_store_goes_unnoticed(frame_store):
    check_flips([frame_store], lambda: everything_of_frames(frame_store), step=61)


def test_flipped_byte_in_a_frame_names_video_and_frame(frame_store):
    start, end = chunk(frame_store, "bear/c/1/0/0/0")
    for position in (start, (start + end) // 2, end - 1):
        flip(frame_store, position)
        text = message(FrameReader(frame_store).read, "bear", 1)
        assert text.startswith(f"{frame_store}: video 'bear', frame 1 cannot be read (")
        assert text.endswith(f"delete {frame_store} {AGAIN}")
        np.testing.assert_array_equal(FrameReader(frame_store).read("bear", 0).shape, (*SIZE, 3))
        flip(frame_store, position)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_truncated_zip_of_flow(tmp_path, keep):
    path = tmp_path / "0000.zarr.zip"
    with open_writer(path, provenance={}, key="k") as writer:
        writer.add("bear", 1, 5, SIZE, enumerate(FLOW))
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    text = message(open_reader(path).read, "bear", 1, 2)
    assert text.startswith(f"{path}: flow of video 'bear', gap 1, frame 2 cannot be read (BadZip")
    assert text.endswith(f"delete {path} {AGAIN}")
    assert "the list of videos cannot be read" in message(lambda: open_reader(path).videos)
    open_reader(path).close()


def test_truncated_zip_of_frames(frame_store):
    frame_store.write_bytes(frame_store.read_bytes()[:-30])
    reader = FrameReader(frame_store)
    assert "video 'bear', frame 0 cannot be read (BadZip" in message(reader.read, "bear", 0)
    assert AGAIN in message(lambda: reader.videos)
    reader.close()


def test_truncated_tiff(tmp_path):
    path = tmp_path / "0000.tiff"
    with open_writer(path, "tiff", provenance={}, key="k") as writer:
        writer.add("bear", 1, 5, SIZE, enumerate(FLOW))
    file = path / "1" / "bear.tiff"
    intact = file.read_bytes()
    for length in (0, 4, 300, len(intact) // 2, len(intact) - 1):
        file.write_bytes(intact[:length])
        text = message(open_reader(path).read, "bear", 1, 3)
        assert text.startswith(f"{file}: flow of video 'bear', gap 1, frame 3 cannot be read (")
        assert text.endswith(f"delete {path} {AGAIN}")


def test_missing_store(tmp_path):
    text = message(open_reader, tmp_path / "0000.zarr.zip")
    assert text.startswith(f"{tmp_path}/0000.zarr.zip: no such file or folder; make it with")
    assert "`commonfate flow`" in text
    assert "`commonfate frames`" in message(lambda: FrameReader(tmp_path / "no.zip").videos)


def test_store_that_vanishes_after_it_was_opened(flow_store):
    reader = open_reader(flow_store)
    shutil.rmtree(flow_store) if flow_store.is_dir() else flow_store.unlink()
    assert "no such file or folder" in message(reader.read, "bear", 1, 0)


def test_missing_tiff(tmp_path):
    path = tmp_path / "0000.tiff"
    with open_writer(path, "tiff", provenance={}, key="k") as writer:
        writer.add("bear", 1, 5, SIZE, enumerate(FLOW))
    (path / "1" / "bear.tiff").unlink()
    text = message(open_reader(path).read, "bear", 1, 3)
    assert text.startswith(f"{path}/1/bear.tiff: flow of video 'bear', gap 1, frame 3 cannot be")
    assert "FileNotFoundError" in text and text.endswith(f"delete {path} {AGAIN}")


def test_tiff_of_another_video(tmp_path):
    path = tmp_path / "0000.tiff"
    with open_writer(path, "tiff", provenance={}, key="k") as writer:
        writer.add("bear", 1, 5, SIZE, enumerate(FLOW))
        writer.add("dog", 1, 5, SIZE, enumerate(FLOW[::-1]))
    shutil.copy(path / "1" / "dog.tiff", path / "1" / "bear.tiff")
    text = message(open_reader(path).read, "bear", 1, 3)
    assert "holds other flow than the folder's index says" in text


def rewrite(path, change):
    """Write a zip anew, entry by entry as `change(name, data)` gives them; None leaves one out."""
    intact = path.with_name("intact")
    path.rename(intact)
    with zipfile.ZipFile(intact) as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            data = change(entry.filename, source.read(entry))
            if data is not None:
                target.writestr(entry, data)


@pytest.fixture
def bear(tmp_path):
    path = tmp_path / "0000.zarr.zip"
    with open_writer(path, provenance={}, key="k") as writer:
        writer.add("bear", 1, 5, SIZE, enumerate(FLOW))
    return path


def test_missing_shard(bear):
    rewrite(bear, lambda name, data: None if name == "bear/1/c/0/0/0/0" else data)
    text = message(open_reader(bear).read, "bear", 1, 2)
    assert "gap 1, frame 2 cannot be read (KeyError" in text


def test_pair_missing_in_the_shard(bear):
    def without_frame_2(name, data):
        if name != "bear/1/c/0/0/0/0":
            return data
        index = np.frombuffer(data[-68:-4], "<u8").reshape(4, 2).copy()
        index[2] = 2**64 - 1  # how Zarr says that a chunk is not there
        return data[:-68] + index.tobytes() + crc32c(index.tobytes()).to_bytes(4, "little")

    rewrite(bear, without_frame_2)
    text = message(open_reader(bear).read, "bear", 1, 2)
    assert "gap 1, frame 2 cannot be read (ValueError: the item is missing in the shard)" in text
    np.testing.assert_allclose(open_reader(bear).read("bear", 1, 3), FLOW[3], atol=1 / 64)


def test_flipped_byte_in_the_index_of_a_shard(bear):
    _, end = chunk(bear, "bear/1/c/0/0/0/0")
    flip(bear, end - 60)
    text = message(open_reader(bear).read, "bear", 1, 0)
    assert "frame 0 cannot be read (ValueError: the checksum of the shard's index" in text


def test_zip_of_something_else(tmp_path):
    path = tmp_path / "0000.zarr.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("notes.txt", "no flow")
    assert f"delete {path} {AGAIN}" in message(lambda: open_reader(path).videos)


def test_frames_given_for_flow_and_the_reverse(flow_store, frame_store):
    text = message(open_reader(frame_store).gaps, "bear")
    created = "is no store of flow; give one that `commonfate flow` made"
    assert text == f"{frame_store}: {created}"
    if flow_store.is_file():
        text = message(FrameReader(flow_store).read, "bear", 0)
        assert text.startswith(f"{flow_store}: is no store of frames; give one that")


def test_unknown_video_gap_and_frame(flow_store):
    reader = open_reader(flow_store)
    text = message(reader.read, "beer", 1, 0)
    assert text.startswith(f"{flow_store}: holds no flow of video 'beer', gap 1, frame 0; did you")
    assert "did you mean bear?; it holds bear, dog;" in text and text.endswith(AGAIN)
    text = message(reader.frames_with_flow, "dog", 1)
    assert "holds no flow of video 'dog', gap 1; it holds -2; if it should be there, " in text
    text = message(reader.read, "bear", 1, 4)
    assert "holds no flow of video 'bear', gap 1, frame 4; it holds 0, 1, 2, 3; if" in text


@pytest.fixture
def in_place(tmp_path):
    files = [tmp_path / f"{t:05d}.png" for t in range(3)]
    for file, frame in zip(files, FRAMES, strict=True):
        cv2.imwrite(str(file), frame)
    with FrameWriter(tmp_path / "0000.zarr.zip") as writer:
        writer.add_files("bear", files, SIZE, 1.0)
    return tmp_path / "0000.zarr.zip", files


def test_missing_image_read_in_place(in_place):
    path, files = in_place
    files[1].unlink()
    text = message(FrameReader(path).read, "bear", 1)
    assert text.startswith(f"{files[1]}: video 'bear', frame 1 cannot be read (")
    assert "is missing" in text
    assert text.endswith(f"put the image back, or delete {path} {AGAIN}")


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_image_read_in_place_that_is_none(in_place, content):
    path, files = in_place
    files[2].write_bytes(content)
    assert message(FrameReader(path).read, "bear", 2).startswith(
        f"{files[2]}: video 'bear', frame 2"
    )


def test_image_read_in_place_that_changed_its_size(in_place):
    path, files = in_place
    cv2.imwrite(str(files[0]), np.zeros((8, 9, 3), np.uint8))
    assert "(8, 9) instead of (12, 16)" in message(FrameReader(path).read, "bear", 0)


@pytest.mark.parametrize("container", ["zarr", "tiff"])
def test_a_folder_of_other_things_is_not_replaced(tmp_path, container):
    precious = tmp_path / "flow" / "thesis.tex"
    precious.parent.mkdir()
    precious.write_text("all of it")
    writer = open_writer(tmp_path / "flow", container, provenance={}, key="")
    with pytest.raises(
        StoreError, match=r"flow: is a folder with other things in it.*another name"
    ):
        writer.__enter__()
    assert precious.read_text() == "all of it"
