"""`commonfate view`: pictures, films and statistics."""

import av
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate.base.errors import ConfigError, UserError
from commonfate.cli import flow as flow_verb
from commonfate.cli import view
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.flow_info import sources
from commonfate.storage.frames import FrameReader, FrameWriter

SIZE = (40, 60)
LENGTHS = {"a": 5, "b": 3}
MOTION = {"a": 3, "b": 1}
"""Pixels to the right from frame to frame; its opposite for the gap back."""


@pytest.fixture
def flow(tmp_path):
    path = tmp_path / "flow.zarr.zip"
    with open_writer(path, provenance={"estimator": "mine"}, key="") as writer:
        for video, length in LENGTHS.items():
            for gap in (-1, 1):
                field = np.zeros((2, *SIZE), np.float32)
                field[0] = gap * MOTION[video]
                field[:, 0, 0] = np.nan
                pairs = ((t, field) for t in sources(length, gap))
                writer.add(video, gap, length, SIZE, pairs)
    return path


@pytest.fixture
def frames(tmp_path):
    path = tmp_path / "frames.zarr.zip"
    with FrameWriter(path, provenance={}) as writer:
        for video, length in LENGTHS.items():
            pictures = [np.full((*SIZE, 3), 100 + 20 * t, np.uint8) for t in range(length)]
            writer.add_video(video, pictures, [t / 8 for t in range(length)], fps=8.0)
    return path


def run(*arguments) -> str:
    result = CliRunner().invoke(view.command, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_statistics_alone(flow):
    lines = [line.split() for line in run(flow).splitlines()[2:]]
    invalid = f"{100 / 2400:.3g}"
    # Consistent but for the columns that leave the frame and what touches the pixel without value.
    assert [line[:-1] for line in lines] == [
        [video, gap, pairs, *[px] * 4, "0", invalid]
        for video, pairs, px in (("a", "4", "3"), ("b", "2", "1"))
        for gap in ("-1", "1")
    ]
    for line, leaving in zip(lines, (3, 3, 1, 1), strict=True):
        assert float(line[-1]) == pytest.approx(100 * (1 - leaving / 60), abs=0.15)


def test_a_sheet_has_a_row_a_moment(flow, frames, tmp_path):
    sheet = tmp_path / "sheet.png"
    message = run(flow, "--frames", frames, "-o", sheet)
    assert message.splitlines()[-1] == str(sheet)
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"
        # Three tiles of 360x240 and a caption in a row; `a` has two rows, `b` has one moment.
        assert picture.size == (14 + 3 * (360 + 14), 84 + 3 * 14 + 10 + 3 * (240 + 24))


def test_a_film_is_one_video_at_its_rate_beside_its_frames(flow, frames, tmp_path):
    film = tmp_path / "film.mp4"
    message = run(flow, "--frames", frames, "--gap", 1, "--tile", 90, "-o", film)
    assert [line.split()[0] for line in message.splitlines()[2:-1]] == ["a"]
    with av.open(str(film)) as container:
        assert container.streams.video[0].average_rate == 8
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == 4
    top = 84 + 3 * 14 + 10
    for t, picture in enumerate(pictures):
        assert picture.shape == (top + 60 + 24, 480, 3)
        frame, field = picture[top + 30, 14 + 45], picture[top + 30, 14 + 104 + 45]
        assert np.abs(frame.astype(int) - (100 + 20 * t)).max() <= 4
        assert np.abs(field.astype(int) - (255, 0, 0)).max() <= 8  # to the right, and fastest


def test_an_animated_webp_of_a_chosen_video_and_rate(flow, tmp_path):
    film = tmp_path / "film.webp"
    run(flow, "--video", "b", "--fps", 4, "--only-consistent", "-o", film)
    with Image.open(film) as picture:
        assert picture.n_frames == 1  # frame 1 alone has both gaps
    run(flow, "--video", "b", "--gap", -1, "--fps", 4, "-o", film)
    with Image.open(film) as picture:
        assert picture.n_frames == 2
        picture.seek(1)
        picture.load()
        assert picture.info["duration"] == 250


def test_only_whole_files_appear(flow, tmp_path, monkeypatch):
    """What stops in the middle leaves the old film as it was, and nothing beside it."""
    film = tmp_path / "films" / "film.mp4"
    run(flow, "-o", film)
    before = film.read_bytes()
    reads = iter(range(100))
    read = type(open_reader(flow)).read

    def fails(self, *content):
        if next(reads) > 24:
            raise UserError("the disk has gone")
        return read(self, *content)

    monkeypatch.setattr(type(open_reader(flow)), "read", fails)
    with pytest.raises(UserError, match="the disk has gone"):
        run(flow, "-o", film)
    assert film.read_bytes() == before
    assert list(film.parent.iterdir()) == [film]


def test_what_is_not_there_is_named(flow, frames):
    with pytest.raises(ConfigError, match=r"holds no flow for gaps \[5\] of these videos"):
        run(flow, "--gap", 5)
    with pytest.raises(UserError, match=r"holds no .*'z'"):
        run(flow, "--video", "z")
    result = CliRunner().invoke(view.command, [str(flow), "-o", "x.gif"])
    assert result.exit_code == 2
    assert "--output x.gif: must end in .png, .webp, .mp4" in result.output
    assert FrameReader(frames).videos == ["a", "b"]


def test_the_frames_of_own_videos_are_decoded(tmp_path, caplog):
    """`commonfate flow VIDEO` keeps none; where the video has gone, flow is drawn alone."""
    folder = tmp_path / "toy"
    folder.mkdir()
    for t in range(3):
        Image.new("RGB", SIZE[::-1], (200, 10 * t, 0)).save(folder / f"{t}.png")
    arguments = [str(folder), "-o", str(tmp_path / "out")]
    assert CliRunner().invoke(flow_verb.command, arguments).exit_code == 0
    store, picture = tmp_path / "out" / "flow.zarr.zip", tmp_path / "p.png"
    run(store, "--rows", 1, "-o", picture)
    with Image.open(picture) as sheet:
        red, _, blue = sheet.getpixel((14 + 180, 84 + 3 * 14 + 10 + 120))
    assert (red, blue) == (200, 0)
    width = sheet.width
    (folder / "1.png").unlink()
    run(store, "--rows", 1, "-o", picture)
    assert "1.png" in caplog.text or "toy" in caplog.text
    with Image.open(picture) as sheet:
        assert sheet.width < width
