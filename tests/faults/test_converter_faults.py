"""Damaged files of other formats: a line that names the file, what is wrong, what to do.

A file is cut at, and a bit flipped in, many places: either the flow is the same, or the reader
says so. Only what has no checksum may return other numbers for a flipped bit: `.flo` and `.pfm`
everywhere, a TIFF in its directory.
"""

import struct

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from commonfate.base.errors import ConfigError, StoreError
from commonfate.cli import convert as verb
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.formats import FORMATS

SIZE = (24, 32)
FLOW = np.random.default_rng(0).normal(0, 5, (4, 2, *SIZE)).astype(np.float32)
AGAIN = "; copy or make the file again"


@pytest.fixture(params=sorted(FORMATS))
def form(request):
    return FORMATS[request.param]


def message(function, *arguments):
    with pytest.raises(StoreError) as caught:
        function(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def same_or_said(form, path, expected):
    try:
        return np.array_equal(form.read(path), expected, equal_nan=True)
    except StoreError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
        return True


def test_cut_anywhere(form, tmp_path):
    path = tmp_path / f"a{form.suffixes[0]}"
    form.write(path, FLOW[0])
    whole = path.read_bytes()
    assert form.read(path).shape == (2, *SIZE)
    for length in range(0, len(whole), max(1, len(whole) // 80)):
        path.write_bytes(whole[:length])
        message(form.read, path)


def test_a_bit_flipped_anywhere(form, tmp_path):
    path = tmp_path / f"a{form.suffixes[0]}"
    form.write(path, FLOW[0])
    whole, expected = path.read_bytes(), form.read(path)
    differs = []
    for position in range(0, len(whole), max(1, len(whole) // 150)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        if not same_or_said(form, path, expected):
            differs.append(position)
    if form.name == "flowdino":
        path.write_bytes(whole)
        with tifffile.TiffFile(path) as file:
            differs = [at for at in differs if at >= file.pages.first.dataoffsets[0]]
    assert not differs or form.name in ("flo", "pfm")


def test_missing(form, tmp_path):
    path = tmp_path / f"none{form.suffixes[0]}"
    assert message(form.read, path) == f"{path}: no such file; check the name"


def test_nothing_in_it(form, tmp_path):
    path = tmp_path / f"a{form.suffixes[0]}"
    path.touch()
    assert message(form.read, path).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty, so it is no Middlebury flow; name its real format by --from"),
        (b"RIFF1234", "begins with b'RIFF' instead of b'PIEH', so it is no Middlebury flow; name"),
        (b"PIEH\1\0", "ends after 6 of 12 bytes of its header" + AGAIN),
        (b"PIEH" + struct.pack("<ii", 0, 5), "says that it is 0 pixels wide and 5 high" + AGAIN),
        (b"PIEH" + struct.pack("<ii", 2**30, 2**30), "ends after 12 of the 9223372036854775820 "),
        (
            b"PIEH" + struct.pack("<ii", 2, 1) + bytes(20),
            "has 32 instead of the 28 bytes that 2x1 pixels take" + AGAIN,
        ),
    ],
)
def test_flo_headers(tmp_path, content, says):
    path = tmp_path / "a.flo"
    path.write_bytes(content)
    assert message(FORMATS["flo"].read, path).startswith(f"{path}: {says}")


@pytest.mark.parametrize(
    "samples", [np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), np.uint16)], ids=["8bit", "grey"]
)
def test_other_pictures_are_no_kitti_flow(tmp_path, samples):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), samples)
    says = f"{path}: holds {samples.dtype} {samples.shape}, but KITTI flow is a 16-bit RGB image"
    assert message(FORMATS["kitti"].read, path).startswith(says)


def test_npz_with_objects_is_not_unpickled(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, flow=np.array([{"a": 1}], object))
    assert message(FORMATS["npz"].read, path).startswith(f"{path}: cannot be read as npz (Value")


def test_bare_array_called_npz(tmp_path):
    path = tmp_path / "a.npz"
    with path.open("wb") as file:
        np.save(file, FLOW[0])
    assert "holds a bare array, not an archive; save it by numpy.savez" in message(
        FORMATS["npz"].read, path
    )


def test_tiff_of_other_things(tmp_path):
    path = tmp_path / "a.tiff"
    read = FORMATS["flowdino"].read
    tifffile.imwrite(path, np.zeros((4, 5), np.int16))
    assert "holds int16 (4, 5), but FlowDINO's files one 32-bit word a pixel" in message(read, path)
    tifffile.imwrite(path, np.zeros((4, 5, 3), np.float32), photometric="rgb")
    assert "holds float32 (4, 5, 3), but FlowDINO's" in message(read, path)
    tifffile.imwrite(path, np.zeros((3, 4, 5), np.int32), photometric="minisblack")
    assert "has 3 pages, but FlowDINO's files hold one; if `commonfate" in message(read, path)


def test_colour_picture_called_pfm(tmp_path):
    path = tmp_path / "a.pfm"
    Image.new("RGB", (4, 5)).save(path, format="PPM")
    assert "begins with b'P6\\n', not with the header of a PFM of three channels" in message(
        FORMATS["pfm"].read, path
    )


def folder_of(form, tmp_path):
    """Videos bear and dog, three pairs each."""
    folder = tmp_path / "flow"
    for video in ("bear", "dog"):
        (folder / "1" / video).mkdir(parents=True)
        for t in range(3):
            form.write(folder / "1" / video / f"{t:05d}{form.suffixes[0]}", FLOW[t])
    return folder


def run(*arguments):
    with pytest.raises(StoreError) as caught:
        verb.command([str(item) for item in arguments], standalone_mode=False)
    return str(caught.value)


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def damage_size(path):
    FORMATS["npz"].write(path, FLOW[1, :, :5])


def damage_hole(path):
    path.unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_cut, "/1/bear/00001.npz: cannot be read as npz"),
        (damage_size, "flow of frame 1 is 32x5, but that of frame 0 32x24; a video has one size"),
        (damage_hole, "/1/bear: number 1 is missing between 00000.npz and 00002.npz; copy what"),
    ],
)
def test_one_bad_file_does_not_lose_the_other_videos(tmp_path, capsys, damage, reason):
    folder, store = folder_of(FORMATS["npz"], tmp_path), tmp_path / "flow.zarr.zip"
    damage(folder / "1" / "bear" / "00001.npz")
    output = run(folder, "-o", store)
    assert output.startswith("1 of 2 parts left out, for the reasons above; repair or remove")
    printed = capsys.readouterr().err
    assert "Left out: bear, gap 1: " in printed and reason in printed
    reader = open_reader(store)
    assert reader.videos == ["dog"] and len(reader.info("dog", 1).sources) == 3
    assert not list(tmp_path.glob(".*.partial"))


def test_repaired_folders_are_converted_whole(tmp_path):
    folder, store = folder_of(FORMATS["npz"], tmp_path), tmp_path / "flow.zarr.zip"
    file = folder / "1" / "bear" / "00001.npz"
    whole = file.read_bytes()
    damage_cut(file)
    run(folder, "-o", store)
    file.write_bytes(whole)
    verb.command([str(folder), "-o", str(store)], standalone_mode=False)
    assert open_reader(store).videos == ["bear", "dog"]


def test_nothing_left_writes_no_store(tmp_path):
    folder, store = folder_of(FORMATS["npz"], tmp_path), tmp_path / "flow.zarr.zip"
    for video in ("bear", "dog"):
        damage_cut(folder / "1" / video / "00000.npz")
    output = run(folder, "-o", store)
    assert output.startswith(f"{store}: not written, nothing is left; bear, gap 1: {folder}")
    assert not store.exists()


def test_a_damaged_store_loses_only_its_video(tmp_path, capsys):
    store = tmp_path / "flow.tiff"
    with open_writer(store, "tiff", provenance={}, key="k") as writer:
        for video in ("bear", "dog"):
            writer.add(video, 1, 4, SIZE, enumerate(FLOW[:3]))
    damage_cut(store / "1" / "bear.tiff")
    assert run(store, "-o", tmp_path / "out", "--to", "flo").startswith("1 of 2 parts left out")
    assert "Left out: bear, gap 1: " in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out" / "1").iterdir()] == ["dog"]


def test_a_full_disk_leaves_no_half_video(tmp_path, monkeypatch):
    store = tmp_path / "flow.zarr.zip"
    with open_writer(store, provenance={}, key="k") as writer:
        writer.add("bear", 1, 4, SIZE, enumerate(FLOW[:3]))
    written = []

    def write(path, flow):
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device", str(path))
        return 0

    monkeypatch.setitem(FORMATS, "flo", type(FORMATS["flo"])("flo", (".flo",), None, write))
    with pytest.raises(OSError, match="No space left"):
        run(store, "-o", tmp_path / "out", "--to", "flo")
    assert not list((tmp_path / "out").rglob("*.flo"))


@pytest.mark.parametrize("name", ["mine.zip", "mine.tiff"])
def test_what_is_no_store_is_not_replaced(tmp_path, name):
    store, mine = tmp_path / "flow.zarr.zip", tmp_path / name
    with open_writer(store, provenance={}, key="k") as writer:
        writer.add("bear", 1, 4, SIZE, enumerate(FLOW[:3]))
    if name.endswith(".tiff"):
        mine.mkdir()
        mine = mine / "precious.txt"
    mine.write_text("precious")
    with pytest.raises(ConfigError, match=f"{name}: is there and is no flow store that can be"):
        verb.command([str(store), "-o", str(tmp_path / name)], standalone_mode=False)
    assert mine.read_text() == "precious"
