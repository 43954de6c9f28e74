"""Both decoders give the same frames; decord is kept from what it does wrong.

decord runs in child processes only, here as anywhere: once it is imported, OpenCV can no longer
read PNG files (both bring their own zlib).
"""

import importlib.util
import sys
from dataclasses import replace

import numpy as np
import pytest

from commonfate.videos.backends import pyav_frames
from commonfate.videos.container import DecodeError
from commonfate.videos.decode import Decoder, Decoding
from commonfate.videos.inspection import inspect

with_decord = pytest.mark.skipif(
    importlib.util.find_spec("decord") is None, reason="decord is not installed"
)

# Display matrices of an MP4's track header: quarter turns counterclockwise, and a mirror.
ONE = 0x10000
TURNS = {0: (ONE, 0, 0, ONE), 1: (0, -ONE, ONE, 0), 2: (-ONE, 0, 0, -ONE), 3: (0, ONE, -ONE, 0)}
MIRROR = (-ONE, 0, 0, ONE)


@pytest.fixture(scope="module")
def decord_frames():
    with Decoder(Decoding("decord", timeout_s=20)) as decoder:
        yield lambda path, result: decoder.frames(path, result)[1]
    assert "decord" not in sys.modules


@pytest.fixture
def turned(make_video, patch_mp4):
    def make(matrix):
        a, b, c, d = matrix
        # Version 0 of tkhd holds 40 bytes before the matrix: a b u, c d v, x y w.
        return patch_mp4(make_video(), b"tkhd", 40, ">iiiii", a, b, 0, c, d)

    return make


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@with_decord
def test_decord_and_pyav_agree_to_the_bit(make_video, decord_frames, codec):
    path = str(make_video(codec=codec))
    result = inspect(path)
    frames = list(decord_frames(path, result))
    assert len(frames) == 12
    np.testing.assert_array_equal(frames, list(pyav_frames(path, result)))


def test_frames_are_rgb_in_order(make_video):
    def picture(t, height, width):
        return np.full((height, width, 3), (20 * t, 40, 230 - 20 * t), np.uint8)

    path = str(make_video(picture=picture))
    for t, frame in enumerate(pyav_frames(path, inspect(path))):
        assert frame.dtype == np.uint8
        assert frame.shape == (64, 96, 3)
        # Video range and 4:2:0 cost a few levels.
        np.testing.assert_allclose(frame[32, 48], (20 * t, 40, 230 - 20 * t), atol=4)


@pytest.mark.parametrize("quarters", TURNS)
@with_decord
def test_rotation_is_honoured_alike(make_video, turned, decord_frames, quarters):
    plain = make_video("plain.mp4")
    upright = next(pyav_frames(str(plain), inspect(str(plain))))
    path = str(turned(TURNS[quarters]))
    result = inspect(path)
    expected = np.rot90(upright, quarters)
    assert result.size == expected.shape[:2]
    np.testing.assert_array_equal(next(pyav_frames(path, result)), expected)
    np.testing.assert_array_equal(next(decord_frames(path, result)), expected)


def test_mirrored_video_is_not_given_to_decord(make_video, turned, decord_frames):
    plain = make_video("plain.mp4")
    upright = next(pyav_frames(str(plain), inspect(str(plain))))
    path = str(turned(MIRROR))
    result = inspect(path)
    np.testing.assert_array_equal(next(pyav_frames(path, result)), upright[:, ::-1])
    with pytest.raises(DecodeError, match="decord does not mirror"):
        next(decord_frames(path, result))


def test_large_video_is_not_given_to_decord(make_video, decord_frames):
    path = str(make_video())
    result = replace(inspect(path), frames=100_000)
    with pytest.raises(DecodeError, match="decord would keep 1758 MiB of frames in memory"):
        next(decord_frames(path, result))


@with_decord
def test_decord_shows_frames_that_an_edit_list_hides(make_video, patch_mp4, decord_frames):
    path = make_video()
    hidden = 3 * 1024  # ticks of three frames, which follow the two that B-frames take
    patch_mp4(path, b"elst", 8, ">Ii", 750, 2 * 1024 + hidden)
    result = inspect(str(path))
    with pytest.raises(DecodeError, match="decord finds more than 9 frames, PyAV 9"):
        next(decord_frames(str(path), result))
    assert len(list(pyav_frames(str(path), result))) == 9


@with_decord
def test_decord_misreads_narrow_videos(make_video, decord_frames):
    path = str(make_video(size=(32, 48)))
    result = inspect(path)
    with pytest.raises(DecodeError, match=r"decord gives frames of shape \(32, 48, 4\)"):
        next(decord_frames(path, result))
    assert next(pyav_frames(path, result)).shape == (32, 48, 3)


def test_pyav_notices_that_a_file_has_changed(make_video):
    path = str(make_video())
    result = replace(inspect(path), frames=13)
    with pytest.raises(DecodeError, match="12 frames decode, but 13 did before"):
        list(pyav_frames(path, result))
