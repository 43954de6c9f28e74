"""What a look through a file finds, on files whose properties are known."""

import numpy as np
import pytest

from commonfate.base.orientation import orient
from commonfate.videos.container import DecodeError
from commonfate.videos.inspection import Stillness, increasing, inspect


def test_good_video(make_video):
    result = inspect(str(make_video()))
    assert (result.frames, result.promised_frames, result.packets) == (12, 12, 12)
    assert result.damaged == 0
    assert result.size == (64, 96)
    assert result.fps == pytest.approx(12)
    assert result.times_s == pytest.approx([t / 12 for t in range(12)])
    assert result.end_s == pytest.approx(1.0)
    assert result.longest_still == 1


def test_keeps_irregular_presentation_times(make_video):
    result = inspect(str(make_video(times=lambda t: t * t)))
    assert result.times_s == pytest.approx([t * t / 12 for t in range(12)])
    assert result.fps == pytest.approx(11 / (121 / 12))


def test_counts_runs_of_equal_frames(make_video):
    def picture(t, height, width):
        return np.full((height, width, 3), 60 if 3 <= t < 8 else 10 * t, np.uint8)

    path = make_video("still.mkv", codec="ffv1", picture=picture)
    assert inspect(str(path)).longest_still == 5


def test_hidden_frames_are_not_promised(make_video, patch_mp4):
    """A cut without re-encoding leaves frames in the file that an edit list hides."""
    path = make_video(codec="mpeg4")
    patch_mp4(path, b"elst", 8, ">Ii", 500, 6 * 1024)  # half a second, from the seventh frame on
    result = inspect(str(path))
    assert (result.frames, result.promised_frames) == (6, 6)


def test_a_header_that_counts_frames_twice_is_not_believed(make_video, patch_mp4):
    path = patch_mp4(make_video(), b"stts", 8, ">I", 24)  # entry 0 of the time table: 24 samples
    result = inspect(str(path))
    assert (result.frames, result.promised_frames) == (12, 12)


def test_matroska_promises_a_duration(make_video):
    result = inspect(str(make_video("good.mkv")))
    assert result.promised_frames == 0
    assert result.promised_s == pytest.approx(1.0)


@pytest.mark.parametrize("content", [b"", b"This is a text.\n" * 40])
def test_what_is_no_video(tmp_path, content):
    path = tmp_path / "text.mp4"
    path.write_bytes(content)
    with pytest.raises(DecodeError, match="not a readable video: Invalid data found"):
        inspect(str(path))


def test_mp4_without_index_may_be_cut_off(make_video):
    path = make_video()
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(DecodeError, match="begins as an MP4, but its index is missing: cut off"):
        inspect(str(path))


def test_sound_alone_is_no_video(tmp_path):
    import wave

    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(1600))
    with pytest.raises(DecodeError, match="not a readable video: it holds no video stream"):
        inspect(str(path))


def test_times_that_make_no_sense_become_even():
    assert increasing([0.0, 0.1, 0.3], 0.5) == (0.0, 0.1, 0.3)
    assert increasing([0.0, 0.3, 0.1], 0.5) == (0.0, 0.5, 1.0)
    assert increasing([0.0, None, 0.1], 0.5) == (0.0, 0.5, 1.0)


def test_orient_turns_counterclockwise_and_mirrors():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    assert orient(image, (True, False, True))[..., 0].tolist() == [[2, 5], [1, 4], [0, 3]]
    assert orient(image, (False, True, False))[..., 0].tolist() == [[2, 1, 0], [5, 4, 3]]


def test_stillness_counts_equal_frames_in_a_row():
    stillness = Stillness()
    for value in (1, 2, 2, 2, 3, 3, 1):
        stillness.see(np.full((2, 2), value))
    assert stillness.longest == 3
