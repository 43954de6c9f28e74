"""What containers promise, seen through the verdict: whole files are used, cut ones are not."""

import pytest

from commonfate.videos.inspection import inspect
from commonfate.videos.verdict import reason_against


def verdict_on(path):
    return reason_against(inspect(str(path)), (1,))


def cut(path, share):
    """The first part of a file, as a download that broke off leaves it."""
    data = path.read_bytes()
    part = path.with_name(f"cut{path.suffix}")
    part.write_bytes(data[: int(share * len(data))])
    return part


def dropped(t):
    """Times of a camera that drops the last three of ten frames."""
    return t + 3 * (t // 7)


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4"])
def test_avi_with_dropped_frames(make_video, codec):
    path = make_video("cam.avi", frames=40, codec=codec, times=dropped)
    result = inspect(str(path))
    assert (result.frames, result.promised_frames) == (40, 40)
    assert verdict_on(path) == ""
    for share in (0.5, 0.8):
        assert verdict_on(cut(path, share)).startswith("truncated")


SOUNDING = {
    "a.flv": ("flv1", "aac"),
    "a.wmv": ("wmv2", "wmav2"),
    "a.avi": ("mpeg4", "mp3"),
    "a.mkv": ("libx264", "aac"),
    "a.webm": ("libvpx", "libopus"),
}


@pytest.mark.parametrize("name", SOUNDING)
def test_files_with_sound(make_sounding, name):
    path = make_sounding(name, *SOUNDING[name])
    assert inspect(str(path)).frames == 75
    assert verdict_on(path) == ""
    for share in (0.5, 0.8):
        assert verdict_on(cut(path, share)).startswith("truncated")


@pytest.mark.parametrize("name", [*SOUNDING, "a.mp4", "a.ts", "a.mpg"])
def test_sound_that_goes_on_longer_cuts_no_video_off(make_sounding, name):
    codecs = {
        "a.mp4": ("libx264", "aac"),
        "a.ts": ("libx264", "aac"),
        "a.mpg": ("mpeg2video", "mp2"),
    }
    path = make_sounding(name, *(SOUNDING | codecs)[name], sound_s=5.0)
    assert inspect(str(path)).frames == 75
    assert verdict_on(path) == ""


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.flv", "v.wmv", "v.ts", "v.mov"])
def test_variable_rate(make_video, name):
    codec = "wmv2" if name.endswith("wmv") else "libx264"
    path = make_video(name, frames=40, codec=codec, times=dropped)
    assert inspect(str(path)).frames == 40
    assert verdict_on(path) == ""
