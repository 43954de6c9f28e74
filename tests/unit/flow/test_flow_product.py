"""The flow store of a shard: left as it is, brought up to date, or made anew."""

import shutil

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from commonfate.base import parquet
from commonfate.cli import commonfate
from commonfate.datasets import VideoSource, inventory
from commonfate.flow.estimators.classical import Dis
from commonfate.storage.flow import open_reader
from commonfate.storage.frames import FrameReader

FRAMES = 4
PAIRS = FRAMES - 1


def run(*arguments) -> str:
    words = [str(word) for word in arguments]
    result = CliRunner().invoke(commonfate, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def estimated(monkeypatch):
    """Counts the pairs that are estimated."""
    pairs, calculate = [], Dis.calculate

    def counted(self, first, second):
        pairs.append(1)
        return calculate(self, first, second)

    monkeypatch.setattr(Dis, "calculate", counted)
    return pairs


class Shard:
    """Three videos whose images are read in place, and the commands of the workflow."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {}
        for video in ("cat", "dog", "fox"):
            (folder / video).mkdir()
            self.files[video] = [folder / video / f"{t:05d}.png" for t in range(FRAMES)]
            for t, file in enumerate(self.files[video]):
                cv2.imwrite(str(file), self.picture(video, t))
        sources = [
            VideoSource(video, "train", str(folder / video), tuple(map(str, files)))
            for video, files in self.files.items()
        ]
        parquet.write(folder / "inventory.parquet", inventory.build(sources, 8), {})
        self.store, self.report = folder / "frames.zarr.zip", folder / "0.parquet"
        self.output = folder / "flow.zarr.zip"

    @staticmethod
    def picture(video, t):
        grain = np.random.default_rng(ord(video[0])).integers(0, 256, (8, 20, 3), np.uint8)
        return cv2.resize(grain, (160, 64), interpolation=cv2.INTER_CUBIC)[:, 2 * t : 2 * t + 96]

    def frames(self):
        listed = ("--inventory", self.folder / "inventory.parquet", "--shard", 0)
        run("frames", *listed, "--output", self.store, "--report", self.report)

    def flow(self, *options):
        given = ("--manifest", self.report, "--frames", self.store, "--output", self.output)
        self.said = run("flow", *given, *options)
        return open_reader(self.output)


@pytest.fixture
def shard(tmp_path):
    return Shard(tmp_path)


def test_changed_pixels_make_another_digest_and_other_flow_of_that_video(shard, estimated):
    """Images that are read in place are the content, not the store that lists them."""
    shard.frames()
    before = FrameReader(shard.store).content("dog")
    key = shard.flow().provenance["key"]
    assert len(estimated) == 3 * PAIRS
    cv2.imwrite(str(shard.files["dog"][1]), shard.picture("dog", 9))
    shard.frames()
    assert FrameReader(shard.store).content("dog") != before
    old = {video: open_reader(shard.output).read(video, 1, 1) for video in shard.files}
    estimated.clear()
    reader = shard.flow()
    assert reader.provenance["key"] != key
    assert len(estimated) == PAIRS
    changed = [v for v in shard.files if not np.array_equal(reader.read(v, 1, 1), old[v])]
    assert changed == ["dog"]


def test_flow_notices_a_change_that_frames_has_not_seen(shard, estimated):
    shard.frames()
    shard.flow()
    cv2.imwrite(str(shard.files["dog"][1]), shard.picture("dog", 9))
    estimated.clear()
    shard.flow()
    assert len(estimated) == PAIRS
    assert "the images of video 'dog' have changed" in shard.said


def test_frames_made_again_of_the_same_leave_flow_as_it_is(shard, estimated):
    shard.frames()
    shard.flow()
    for files in shard.files.values():
        for file in files:
            shutil.copyfile(file, file.with_suffix(".tmp"))
            file.with_suffix(".tmp").replace(file)  # another time, the same bytes
    shard.frames()
    estimated.clear()
    shard.flow()
    assert estimated == []
    assert "is there already" in shard.said


@pytest.mark.parametrize("frames_again", [False, True])
@pytest.mark.parametrize("spoil", ["cut", "gone"])
def test_what_was_left_out_is_tried_again_when_it_is_repaired(
    shard, estimated, spoil, frames_again
):
    bad = shard.files["dog"][2]
    good = bad.read_bytes()
    if spoil == "cut":
        bad.write_bytes(good[:600])
    shard.frames()
    bad.unlink() if spoil == "gone" else None
    reader = shard.flow()
    assert reader.videos == ["cat", "fox"]
    assert [item["video"] for item in reader.provenance["left_out"]] == ["dog"]
    estimated.clear()
    shard.flow()
    assert estimated == []
    assert f"{bad}: video 'dog', frame 2 cannot be read" in shard.said  # told again
    bad.write_bytes(good)
    if frames_again:
        shard.frames()
    reader = shard.flow()
    assert len(estimated) == PAIRS
    assert reader.videos == ["cat", "dog", "fox"]
    assert reader.provenance["left_out"] == []


def test_on_request_it_is_tried_again_whatever_the_files_say(shard, estimated, monkeypatch):
    """A network drive that was away leaves no trace in the files."""
    from commonfate.base.errors import StoreError
    from commonfate.storage import frames

    shard.frames()
    with monkeypatch.context() as patch:
        read = frames.FrameReader.read

        def away(self, video, t):
            if video == "dog":
                raise StoreError("the drive is away")
            return read(self, video, t)

        patch.setattr(frames.FrameReader, "read", away)
        shard.flow()
    estimated.clear()
    assert shard.flow().videos == ["cat", "fox"]
    assert estimated == []
    assert shard.flow("--retry").videos == ["cat", "dog", "fox"]
    assert len(estimated) == PAIRS


def test_another_gap_or_fewer_videos_keep_the_flow_that_is_there(shard, estimated):
    shard.frames()
    shard.flow()
    estimated.clear()
    reader = shard.flow("--gap", 1, "--gap", 2)
    assert len(estimated) == 3 * (FRAMES - 2)
    assert reader.gaps("fox") == [1, 2]
    table = parquet.read(shard.report)
    parquet.write(shard.report, table[table["id"] != "cat"], {})
    estimated.clear()
    reader = shard.flow("--gap", 1)
    assert (reader.videos, reader.gaps("fox"), estimated) == (["dog", "fox"], [1], [])


def test_flow_that_is_damaged_is_not_taken_over(shard, estimated):
    shard.frames()
    whole = {v: shard.flow().read(v, 1, 0) for v in shard.files}
    data = bytearray(shard.output.read_bytes())
    at = data.index(b"cat/1/c/0/0/0/0") + 60
    data[at : at + 40] = bytes(40)
    shard.output.write_bytes(data)
    cv2.imwrite(str(shard.files["dog"][1]), shard.picture("dog", 9))
    shard.frames()
    reader = shard.flow()
    np.testing.assert_array_equal(reader.read("cat", 1, 0), whole["cat"])
    np.testing.assert_array_equal(reader.read("fox", 1, 0), whole["fox"])
    assert "made anew" in shard.said


def test_stores_and_frames_that_are_moved_together(tmp_path, monkeypatch):
    """Paths are looked for from where the store lies, so it works from any folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work").mkdir()
    shard = Shard(tmp_path / "work")
    run("flow", "work/dog", "--keep-frames", "-o", "work/out")
    monkeypatch.chdir(tmp_path / "work" / "out")
    view = ("view", "flow.zarr.zip", "--frames", "frames.zarr.zip", "-o", "flow.png")
    assert "flow.png" in run(*view)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work").rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved" / "out")
    assert "flow.png" in run(*view)
    reader = FrameReader("frames.zarr.zip")
    np.testing.assert_array_equal(
        reader.read(*reader.videos, 1), shard.picture("dog", 1)[..., ::-1]
    )
    # The store alone: the images are where they were.
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "moved").rename(tmp_path / "work")
    (tmp_path / "work/out/frames.zarr.zip").rename(tmp_path / "elsewhere/frames.zarr.zip")
    reader = FrameReader(tmp_path / "elsewhere/frames.zarr.zip")
    assert reader.read(*reader.videos, 0).shape == (64, 96, 3)
