"""Broken folders of frames, through the verbs: the reason names the file, the others go on."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate.base import parquet
from commonfate.base.errors import StoreError
from commonfate.cli import commonfate
from commonfate.storage.frames import FrameReader


def run(*arguments):
    return CliRunner().invoke(commonfate, list(map(str, arguments)))


@pytest.fixture
def folders(tmp_path):
    """Two folders of frames, `broken` and `good`."""
    for name in ("broken", "good"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        for t in range(6):
            image = Image.fromarray(np.full((20, 30, 3), 20 * t, np.uint8))
            image.save(tmp_path / "videos" / name / f"{t:05d}.png")
    return tmp_path / "videos"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f: f.unlink(), "missing frame: 00003.png (numbers go in steps of 1)"),
        (lambda f: f.write_bytes(b""), "frame 00003.png is an empty file"),
        (lambda f: f.write_text("no image"), "frame 00003.png is not an image"),
        (
            lambda f: Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(f),
            "changing size: 00003.png is 60x40, the frames before it are 30x20",
        ),
    ],
)
def test_broken_frame(folders, tmp_path, spoil, reason):
    spoil(folders / "broken/00003.png")
    listed = run(
        *("videos", "--dataset", "mine", "--set", "adapter=folder", "--set", f"root={folders}"),
        *("--output", tmp_path / "i.parquet"),
    )
    assert listed.exit_code == 0, listed.output
    done = run(
        *("frames", "--inventory", tmp_path / "i.parquet", "--shard", "0"),
        *("--output", tmp_path / "0.zarr.zip", "--report", tmp_path / "0.parquet"),
    )
    assert done.exit_code == 0, done.output
    assert f"{folders}/broken: left out: {reason}" in done.stderr
    report = parquet.read(tmp_path / "0.parquet").set_index("id")
    assert report.loc["broken", "reason"] == reason
    assert report.loc["good", "status"] == "ok"
    assert FrameReader(tmp_path / "0.zarr.zip").videos == ["good"]


def test_davis_with_a_listed_frame_missing(tmp_path):
    lists = tmp_path / "ImageSets/480p"
    lists.mkdir(parents=True)
    lines = []
    for t in range(2):
        for top, suffix in (("JPEGImages", "jpg"), ("Annotations", "png")):
            file = tmp_path / top / "480p/dog" / f"{t:05d}.{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        lines.append(f"/JPEGImages/480p/dog/{t:05d}.jpg /Annotations/480p/dog/{t:05d}.png")
    (lists / "val.txt").write_text("\n".join(lines))
    missing = tmp_path / "JPEGImages/480p/dog/00001.jpg"
    missing.unlink()
    done = run(
        *("videos", "--dataset", "davis2016", "--set", "adapter=davis"),
        *("--set", f"root={tmp_path}", "--set", "splits=[val]"),
        *("--output", tmp_path / "i.parquet"),
    )
    assert isinstance(done.exception, StoreError)
    assert str(done.exception) == (
        f"{missing}: missing, but {lists / 'val.txt'} lists it; complete the download or take the "
        f"sequence out of the list"
    )
    assert not (tmp_path / "i.parquet").exists()
