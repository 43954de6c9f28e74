"""decord first, PyAV second, and what is said about it."""

import importlib.util
import logging

import numpy as np
import pytest

from commonfate.base.errors import ConfigError
from commonfate.videos.container import DecodeError
from commonfate.videos.decode import Decoder, Decoding


def decode(path, backend="auto", timeout_s=5.0):
    with Decoder(Decoding(backend, timeout_s)) as decoder:
        used, frames = decoder.frames(str(path), decoder.inspect(str(path)))
        return used, list(frames)


@pytest.mark.parametrize(("backend", "used"), [("auto", "decord"), ("pyav", "pyav")])
def test_decodes_with_the_backend_that_is_asked_for(make_video, backend, used):
    if used == "decord" and importlib.util.find_spec("decord") is None:
        pytest.skip("decord is not installed")
    name, frames = decode(make_video(), backend)
    assert name == used
    assert np.shape(frames) == (12, 64, 96, 3)


def test_second_try_where_decord_hangs(make_video, fake_decord, caplog):
    fake_decord(on_open="time.sleep(60)")
    path = make_video()
    name, frames = decode(path, timeout_s=0.7)
    assert (name, len(frames)) == ("pyav", 12)
    assert f"{path}: timeout: no new frame within 0.7 s; pyav decodes it instead" in caplog.messages


def test_second_try_where_decord_crashes(make_video, fake_decord, caplog):
    fake_decord(on_next="os.kill(os.getpid(), signal.SIGSEGV)")
    name, frames = decode(make_video())
    assert (name, len(frames)) == ("pyav", 12)
    assert "the decoder died (signal 11); pyav decodes it instead" in caplog.text


def test_second_try_where_decord_raises(make_video, fake_decord, caplog):
    fake_decord(on_next="raise RuntimeError('[12:10:41] /src/video/reader.cc:43: [a.mp4]no luck')")
    assert decode(make_video())[0] == "pyav"
    assert "decord fails: no luck; pyav decodes it instead" in caplog.text


def test_second_try_where_decord_ends_early(make_video, fake_decord, caplog):
    fake_decord()
    assert decode(make_video())[0] == "pyav"
    assert "decord finds 0 frames, PyAV 12" in caplog.text


REPEATING = (
    "import numpy, types; self.t = getattr(self, 't', -1) + 1; "
    "frame = numpy.full((64, 96, 3), min(self.t, 8), numpy.uint8); "
    "exec('raise StopIteration') if self.t == 12 else None; "
    "return types.SimpleNamespace(asnumpy=lambda: frame)"
)


def test_second_try_where_decord_repeats_frames(make_video, fake_decord, caplog):
    fake_decord(on_next=REPEATING)
    assert decode(make_video())[0] == "pyav"
    assert "decord shows 4 equal frames in a row, PyAV does not" in caplog.text


def test_a_still_video_is_not_suspected(make_video):
    if importlib.util.find_spec("decord") is None:
        pytest.skip("decord is not installed")
    path = make_video(codec="mpeg4", picture=lambda t, h, w: np.full((h, w, 3), 90, np.uint8))
    assert decode(path)[0] == "decord"


def test_endless_decord_is_stopped(make_video, fake_decord):
    fake_decord(on_next=REPEATING.replace("self.t == 12", "False"))
    assert decode(make_video())[0] == "pyav"


def test_decord_alone_has_no_second_try(make_video, fake_decord):
    fake_decord(on_open="time.sleep(60)")
    with pytest.raises(DecodeError, match=r"timeout: no new frame within 0\.5 s"):
        decode(make_video(), "decord", timeout_s=0.5)


def test_without_decord_everything_is_pyavs(make_video, tmp_path, monkeypatch, caplog):
    (tmp_path / "decord.py").write_text("raise OSError('libavcodec.so.58: cannot open')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = str(make_video())
    with Decoder(Decoding("auto", 5)) as decoder, caplog.at_level(logging.WARNING):
        for _ in range(2):
            name, frames = decoder.frames(path, decoder.inspect(path))
            assert (name, len(list(frames))) == ("pyav", 12)
    assert caplog.messages == [
        "decord cannot be imported (libavcodec.so.58: cannot open); everything is decoded with pyav"
    ]


def test_decord_that_is_wanted_but_missing(make_video, tmp_path, monkeypatch):
    (tmp_path / "decord.py").write_text("raise ImportError('no decord')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"decode\.backend = 'decord': .*set it to auto or pyav"):
        decode(make_video(), "decord")
