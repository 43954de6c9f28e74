import json
from fractions import Fraction

import av
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.files import sha256
from commonfate.cli.videos import sprites as command
from commonfate.datasets.settings import SpritesConfig
from commonfate.datasets.sprites import listing, produce, render, textures, truth

CONFIG = SpritesConfig(videos=2, frames=4, size=(64, 96))


def hashes(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): sha256(p) for p in files if p.name != "provenance.json"}


def rendered(folder, config, number):
    for part in ("videos", "masks", "truth"):
        (folder / part).mkdir(parents=True)
    produce.render_video(config, folder, number)
    return hashes(folder)


def decoded(path):
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return np.stack(frames), container.streams.video[0].average_rate


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_equal_seeds_give_equal_bytes(tmp_path, codec):
    config = SpritesConfig(videos=2, frames=12, size=(64, 96), codec=codec)
    first = rendered(tmp_path / "a", config, 1)
    assert first == rendered(tmp_path / "b", config, 1)
    assert len(first) == 12 + 2
    other_seed = SpritesConfig(videos=2, frames=12, size=(64, 96), codec=codec, seed=1)
    assert not set(first.values()) & set(rendered(tmp_path / "c", other_seed, 1).values())


def test_a_video_does_not_depend_on_the_others(tmp_path):
    more = CONFIG.model_copy(update={"videos": 30})
    assert rendered(tmp_path / "a", CONFIG, 1) == rendered(tmp_path / "b", more, 1)


def test_all_that_is_listed_is_rendered(tmp_path):
    output = tmp_path / "sprites"
    produce.produce(CONFIG, output)
    for video in listing.videos(CONFIG, output):
        frames, rate = decoded(video["path"])
        assert frames.shape == (4, 64, 96, 3) and rate == 12
        labels = np.stack([np.asarray(Image.open(file)) for file in video["annotation_files"]])
        assert labels.dtype == np.uint8 and labels.shape == (4, 64, 96)
        assert labels.max() == len(truth.load(video["truth"]).classes)
        assert len(list(video["annotation_files"][0].parent.iterdir())) == 4
    record = json.loads((output / "provenance.json").read_text())
    assert record["verb"] == "sprites" and record["settings"]["frames"] == 4
    assert any(path.endswith("chelsea.png") for path in record["inputs"])


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_encoding_keeps_the_picture(tmp_path, codec):
    rows, columns = np.indices((64, 96))
    wave = 128 + 80 * np.sin(columns / 7 + np.arange(5)[:, None, None]) * np.cos(rows / 9)
    frames = np.stack([wave, 255 - wave, wave], -1).astype(np.uint8)
    render.write_mp4(tmp_path / "x.mp4", frames, (64, 96), 29.97, codec)
    back, rate = decoded(tmp_path / "x.mp4")
    assert rate == Fraction(29.97).limit_denominator(1001)
    noise = ((back.astype(float) - frames) ** 2).mean()
    assert back.shape == frames.shape and 10 * np.log10(255**2 / noise) > 33


def test_a_codec_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    with pytest.raises(ConfigError, match="lacks the encoder libx264; use one of: mpeg4"):
        render.write_mp4(tmp_path / "x.mp4", [], (64, 96), 12.0, "h264")


def test_a_photograph_that_is_not_there(monkeypatch):
    monkeypatch.setitem(textures.PHOTOGRAPHS, "unicorn", "unicorn.png")
    with pytest.raises(StoreError, match=r"unicorn\.png: missing from scikit-image; reinstall"):
        textures.photograph_path("unicorn")


def test_every_photograph_ships_with_scikit_image():
    for name in textures.PHOTOGRAPHS:
        assert textures.photograph(name).dtype == np.uint8


def test_command(tmp_path):
    output = tmp_path / "sprites"
    pairs = ["adapter=sprites", "videos=2", "frames=2", "size=[32, 64]", "gaps=[-1, 1]"]
    arguments = ["--output", str(output), *(text for pair in pairs for text in ("--set", pair))]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert len(hashes(output)) == 2 * (1 + 2 + 1)


def test_command_with_an_unknown_setting(tmp_path):
    result = CliRunner().invoke(command, ["--output", str(tmp_path / "x"), "--set", "video=2"])
    assert isinstance(result.exception, ConfigError)
    assert "video is unknown; did you mean videos?" in str(result.exception)
