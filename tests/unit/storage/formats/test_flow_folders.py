"""The convention of folders: videos, gaps, numbers, endings."""

import json

import numpy as np
import pytest

from commonfate.base.errors import ConfigError, StoreError
from commonfate.storage.formats import FORMATS, flo
from commonfate.storage.formats.folder import FlowFolder, guess
from commonfate.storage.formats.folder_writer import FlowFolderWriter

FLO = FORMATS["flo"]
SIZE = (3, 4)


def lay(folder, *names):
    """Files in which every component is the number in the file's name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        number = int("".join(filter(str.isdigit, path.stem)) or 0)
        flo.write(path, np.full((2, *SIZE), number, np.float32))


def test_gaps_and_videos_by_folders(tmp_path):
    lay(
        tmp_path, "1/bear/00000.flo", "1/bear/00001.flo", "-2/bear/00002.flo", "1/a%2Fdog/00000.flo"
    )
    folder = FlowFolder(tmp_path, FLO)
    assert folder.videos == ["a/dog", "bear"]
    assert folder.gaps("bear") == [-2, 1]
    info = folder.info("bear", 1)
    assert (info.frames, info.height, info.width, info.steps_per_pixel) == (3, *SIZE, 0)
    assert info.sources == range(2)
    assert folder.info("bear", -2).sources == range(2, 3)
    assert (folder.read("bear", 1, 1) == 1).all() and (folder.read("bear", -2, 2) == 2).all()


@pytest.mark.parametrize(
    ("file", "video"),
    [("bear/00000.flo", "bear"), ("A/0000/left/00000.flo", "A/0000/left"), ("00000.flo", None)],
)
def test_names_of_videos_where_the_gap_is_told(tmp_path, file, video):
    lay(tmp_path, file)
    assert FlowFolder(tmp_path, FLO, gap=1).videos == [video or tmp_path.name]


def test_names_that_only_look_quoted_are_kept(tmp_path):
    lay(tmp_path, "100%41/0.flo", "%2Ehidden/0.flo")
    assert FlowFolder(tmp_path, FLO, gap=1).videos == [".hidden", "100%41"]


@pytest.mark.parametrize(
    ("names", "options", "sources"),
    [
        (["frame_0001", "frame_0002"], {"first": 1}, range(2)),  # as Sintel counts
        (["000010_10", "000010_11"], {"first": 10}, range(2)),
        (["00000", "00005", "00010"], {"every": 5}, range(3)),
        (["00012", "00017"], {"first": 12, "every": 5}, range(2)),
        (["2", "10", "3", "4", "5", "6", "7", "8", "9"], {"first": 2}, range(9)),
        (["00002", "00003"], {"gap": -2}, range(2, 4)),
        (["00013", "00018"], {"gap": -2, "first": 3, "every": 5}, range(2, 4)),
    ],
)
def test_numbers(tmp_path, names, options, sources):
    lay(tmp_path, *(f"bear/{name}.flo" for name in names))
    settings = {"gap": 1, **options}
    folder = FlowFolder(tmp_path, FLO, **settings)
    assert folder.info("bear", settings["gap"]).sources == sources


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["0", "2", "3"],
            "bear: number 1 is missing between 0.flo and 2.flo; copy what is missing, or say by "
            "--every how the numbers grow",
        ),
        (
            ["1", "2"],
            "bear: begins with 1.flo, but flow of gap 1 begins at 0; copy what is missing, or give "
            "--first 1",
        ),
        (
            ["0", "a0"],
            "has the number 0, which 0.flo has too; put the files of a video, and only these, into "
            "its own folder",
        ),
        (["flow"], "flow.flo: has no number in its name; name it by its frame, as 00000"),
    ],
)
def test_numbers_out_of_order(tmp_path, names, message):
    lay(tmp_path, *(f"bear/{name}.flo" for name in names))
    with pytest.raises(StoreError) as caught:
        FlowFolder(tmp_path, FLO, gap=1).info("bear", 1)
    assert str(caught.value).endswith(message)


def test_other_and_hidden_files_are_passed_over(tmp_path):
    lay(tmp_path, "bear/00000.flo", ".bear.host.1.tmp/00000.flo", "bear/.00001.flo")
    (tmp_path / "bear" / "00000.jpg").write_bytes(b"")
    (tmp_path / "index.json").write_text("{}")
    folder = FlowFolder(tmp_path, guess(tmp_path), gap=1)
    assert folder.files == [tmp_path / "bear" / "00000.flo"]


def test_files_outside_of_gaps(tmp_path):
    lay(tmp_path, "bear/00000.flo")
    with pytest.raises(ConfigError, match=r"00000.flo: lies not in GAP/VIDEO/ of .* by --gap"):
        FlowFolder(tmp_path, FLO)


def test_formats_are_guessed_by_endings(tmp_path):
    lay(tmp_path, "bear/00000.flo")
    assert guess(tmp_path) is FLO
    (tmp_path / "bear" / "00000.TIF").write_bytes(b"")
    with pytest.raises(ConfigError, match="may be flo and flowdino; choose one by --from"):
        guess(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty: holds no flow; .* \.flo \(flo\), \.png \(kitti"):
        guess(tmp_path / "empty")
    with pytest.raises(ConfigError, match=r"holds no file that ends in \.npz, as npz does"):
        FlowFolder(tmp_path, FORMATS["npz"], gap=1)


def test_a_video_is_there_only_when_whole(tmp_path):
    writer = FlowFolderWriter(tmp_path / "out", FLO, {"key": "k"})
    with pytest.raises(KeyboardInterrupt), writer.part("bear", 1) as write:
        write(0, np.zeros((2, *SIZE), np.float32))
        raise KeyboardInterrupt
    assert not writer.has("bear", 1)
    assert not list((tmp_path / "out").rglob("*.flo"))
    with writer.part("bear", 1) as write:
        write(0, np.zeros((2, *SIZE), np.float32))
    assert writer.has("bear", 1) and (tmp_path / "out" / "1" / "bear" / "00000.flo").is_file()


def test_only_the_same_conversion_goes_on(tmp_path):
    FlowFolderWriter(tmp_path / "out", FLO, {"key": "k"})
    FlowFolderWriter(tmp_path / "out", FLO, {"key": "k"})
    with pytest.raises(ConfigError, match=r"out: holds a conversion of other flow"):
        FlowFolderWriter(tmp_path / "out", FLO, {"key": "other"})
    lay(tmp_path, "mine/0.flo")
    with pytest.raises(ConfigError, match=r"mine: is not empty; delete it, or write to another"):
        FlowFolderWriter(tmp_path / "mine", FLO, {"key": "k"})


def test_index_for_flowdino(tmp_path):
    writer = FlowFolderWriter(tmp_path / "out", FORMATS["flowdino"], {"key": "k"})
    for gap in (1, 2):
        with writer.part("a/dog", gap) as write:
            for t in range(2):
                write(t, np.zeros((2, *SIZE), np.float32))
    writer.finish()
    (index,) = (tmp_path / "out").rglob("index.json")
    assert json.loads(index.read_text()) == {
        "path": str(tmp_path / "out" / "1"),
        "videos": [
            {
                "path": "a%2Fdog",
                "frames": ["00000.jpg", "00001.jpg", "00002.jpg"],
                "flows": ["00000.tiff", "00001.tiff"],
            }
        ],
    }


def test_kitti_keeps_all_sequences_in_one_folder(tmp_path):
    lay(tmp_path, *(f"training/flow_occ/{n:06d}_10.flo" for n in range(3)))
    folder = FlowFolder(tmp_path / "training" / "flow_occ", FLO, gap=1)
    assert folder.videos == ["000000", "000001", "000002"]
    info = folder.info("000002", 1)
    assert (info.frames, info.sources) == (2, range(1))
    assert (folder.read("000002", 1, 0) == 210).all()
    assert FlowFolder(tmp_path, FLO, gap=1).videos[0] == "training/flow_occ/000000"


def test_a_single_pair_of_kitti(tmp_path):
    lay(tmp_path, "flow_occ/000000_10.flo")
    folder = FlowFolder(tmp_path, FLO, gap=1)
    assert folder.videos == ["flow_occ/000000"]
    assert folder.info("flow_occ/000000", 1).sources == range(1)


def test_hd1k_keeps_all_sequences_in_one_folder(tmp_path):
    names = [f"{sequence:06d}_{t:04d}" for sequence in (0, 1) for t in range(3 + sequence)]
    lay(tmp_path, *(f"flow_occ/{name}.flo" for name in names))
    folder = FlowFolder(tmp_path / "flow_occ", FLO, gap=1)
    assert folder.videos == ["000000", "000001"]
    assert [folder.info(video, 1).frames for video in folder.videos] == [4, 5]
    assert (folder.read("000001", 1, 2) == 10002).all()
    (tmp_path / "flow_occ" / "000001_0001.flo").unlink()
    with pytest.raises(StoreError, match=r"number 1 is missing between 000001_0000\.flo and"):
        folder = FlowFolder(tmp_path / "flow_occ", FLO, gap=1)
        folder.info("000001", 1)


def test_names_of_both_frames_of_a_pair_are_one_video(tmp_path):
    lay(tmp_path, "bear/0001_0002.flo", "bear/0002_0003.flo")
    folder = FlowFolder(tmp_path, FLO, gap=1, first=2)
    assert folder.videos == ["bear"] and folder.info("bear", 1).sources == range(2)
