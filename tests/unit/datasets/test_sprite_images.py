"""Still images of sprites scenes: listed before they exist, rendered once, unlike the videos."""

import numpy as np
from click.testing import CliRunner
from PIL import Image

from commonfate import datasets
from commonfate.cli import commonfate
from commonfate.datasets.settings import SpriteImagesConfig, SpritesConfig
from commonfate.datasets.sprites import produce
from commonfate.evaluation import annotations
from commonfate.files import sha256

CONFIG = SpriteImagesConfig(images=3, size=(64, 96))


def pixels(file):
    return np.asarray(Image.open(file))


def test_all_that_is_listed_is_rendered(tmp_path):
    output = tmp_path / "stills"
    videos = datasets.open("stills", CONFIG, output).videos()
    assert not output.exists()
    assert [(video.id, video.split) for video in videos] == [
        (f"image_{number:04d}", "val") for number in range(3)
    ]
    produce.produce(CONFIG, output)
    for video in videos:
        assert pixels(video.frame_files[0]).shape == (64, 96, 3)
        foreground, void = annotations.read(video.annotation_files[0], video.annotation_kind)
        assert foreground.shape == (64, 96) and not void.any()
        assert 0.05 < foreground.mean() < 0.36  # as scenes are composed
    assert len(list(output.rglob("*.png"))) == 6
    assert (output / "provenance.json").is_file()


def test_bytes_depend_on_the_settings_alone(tmp_path):
    def rendered(folder, config):
        produce.produce(config, tmp_path / folder)
        return [sha256(file) for file in sorted((tmp_path / folder).rglob("*.png"))]

    first = rendered("a", CONFIG)
    more = rendered("b", CONFIG.model_copy(update={"images": 4}))
    assert first == [*more[:3], *more[4:7]]
    assert not set(first) & set(rendered("c", CONFIG.model_copy(update={"seed": 1})))


def test_no_scene_is_that_of_a_video(tmp_path):
    produce.produce(CONFIG, tmp_path / "stills")
    videos = SpritesConfig(videos=3, frames=2, size=(64, 96))
    produce.produce(videos, tmp_path / "sprites")
    for number in range(3):
        still = pixels(tmp_path / f"stills/masks/image_{number:04d}.png")
        moving = pixels(tmp_path / f"sprites/masks/sprite_{number:04d}/00000.png")
        assert (still != moving).mean() > 0.02


def test_settings_are_of_videos_unless_the_adapter_says_otherwise():
    assert produce.parse(["videos=3"]) == SpritesConfig(videos=3)
    assert produce.parse(["adapter=sprites"]) == SpritesConfig()
    assert produce.parse(["adapter=sprite_images", "images=3"]) == SpriteImagesConfig(images=3)


def test_images_through_the_inventory(tmp_path):
    output = tmp_path / "inventory.parquet"
    arguments = ["videos", "--dataset", "stills", "--output", str(output), "--shard-size", "2"]
    for pair in ("adapter=sprite_images", "images=3", "gaps=[]"):
        arguments += ["--set", pair]
    result = CliRunner().invoke(commonfate, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
