"""Films of pictures, read back."""

import av
import numpy as np
import pytest
from PIL import Image

from commonfate.flow.drawing import animation


def pictures(count: int, height: int, width: int):
    """A grey level that rises by 10 from picture to picture, a red half at the left."""
    for t in range(count):
        picture = np.full((height, width, 3), 50 + 10 * (t % 20), np.uint8)
        picture[:, : width // 2] = (200, 30, 30)
        yield picture


def test_mp4_is_read_back_with_its_rate_and_colours(tmp_path):
    path = tmp_path / "film"
    animation.write(path, pictures(6, 40, 64), 12.5, "mp4")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 12.5)
        assert stream.codec_context.pix_fmt == "yuv420p"
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 6
    for t, frame in enumerate(frames):
        assert frame.shape == (40, 64, 3)
        assert np.abs(frame[:, 40:].mean((0, 1)) - (50 + 10 * t)).max() < 3
        assert np.abs(frame[:, :24].mean((0, 1)) - (200, 30, 30)).max() < 5


def test_webp_repeats_for_ever_at_its_rate(tmp_path):
    path = tmp_path / "film"
    animation.write(path, pictures(5, 40, 64), 20, "webp")
    with Image.open(path) as film:
        assert (film.format, film.n_frames, film.size) == ("WEBP", 5, (64, 40))
        assert film.info["loop"] == 0
        for t in range(5):
            film.seek(t)
            film.load()
            assert film.info["timestamp"] == 50 * t
            right = np.asarray(film.convert("RGB"))[:, 40:].mean((0, 1))
            assert np.abs(right - (50 + 10 * t)).max() < 4


@pytest.mark.parametrize("suffix", ["mp4", "webp"])
def test_odd_sizes_get_a_white_line_and_bytes_are_the_same_every_time(tmp_path, suffix):
    files = [tmp_path / name for name in ("one", "two")]
    for file in files:
        animation.write(file, pictures(3, 39, 61), 10, suffix)
    assert files[0].read_bytes() == files[1].read_bytes()
    if suffix == "webp":  # which FFmpeg does not read
        with Image.open(files[0]) as film:
            size, last = film.size, np.asarray(film.convert("RGB"))[-1]
    else:
        with av.open(str(files[0])) as container:
            frame = next(container.decode(video=0))
            size, last = (frame.width, frame.height), frame.to_ndarray(format="rgb24")[-1]
    assert size == (62, 40)
    assert last.min() > 200


def test_pictures_are_taken_one_by_one(tmp_path):
    """None is kept once the next ones are taken: a long film does not fill the memory."""
    import weakref

    alive, most = [], 0

    def watched():
        nonlocal most
        for picture in pictures(60, 32, 32):
            held = picture.view(type("Watched", (np.ndarray,), {}))
            alive.append(weakref.ref(held))
            most = max(most, sum(item() is not None for item in alive))
            yield held

    animation.write(tmp_path / "film", watched(), 10, "mp4")
    assert most <= 4


def test_no_pictures_make_no_film(tmp_path):
    with pytest.raises(ValueError, match="no pictures"):
        animation.write(tmp_path / "film", [], 10, "mp4")
