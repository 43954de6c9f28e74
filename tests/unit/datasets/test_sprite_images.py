"""Still images of sprites scenes: listed before they exist, rendered once, unlike the videos."""

import numpy as np
from click.testing import CliRunner
from PIL import Image

from commonfate import datasets
from commonfate.base import parquet
from commonfate.base.files import sha256
from commonfate.cli import commonfate
from commonfate.datasets import annotations, mask_values
from commonfate.datasets.settings import SpriteImagesConfig, SpritesConfig
from commonfate.datasets.sprites import annotate, produce, scene, shapes

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


def test_images_for_training_are_others_and_leave_those_of_the_test(tmp_path):
    produce.produce(CONFIG, tmp_path / "test")
    both = CONFIG.model_copy(update={"train_images": 4})
    produce.produce(both, tmp_path / "both")
    videos = datasets.open("stills", both, tmp_path / "both").videos()
    assert [video.split for video in videos] == ["val"] * 3 + ["train"] * 4
    assert videos[3].id == "train_0000"
    test = [sha256(file) for file in sorted((tmp_path / "test/images").iterdir())]
    assert test == [sha256(video.frame_files[0]) for video in videos[:3]]
    assert len({sha256(video.frame_files[0]) for video in videos}) == 7
    for val, train in zip(videos[:3], videos[3:], strict=False):
        masks = [pixels(video.annotation_files[0]) for video in (val, train)]
        assert (masks[0] != masks[1]).mean() > 0.02


def test_labels_of_classes_are_the_families_of_shapes():
    drawn = scene.draw(np.random.default_rng(5), 3, (64, 96), frames=1)
    seen = annotate.seen_layers(drawn)
    objects, classes = annotate.instances(drawn, seen), annotate.classes(drawn, seen)
    assert classes.dtype == np.uint8 and set(classes[objects == 0]) == {0}
    for instance, number in enumerate(drawn.objects, start=1):
        family = drawn.layers[number].shape.family
        assert set(classes[objects == instance]) == {1 + shapes.CLASSES.index(family)}
    assert set(classes[objects == 1]) == {4}  # the first object's class goes round: number 3


def test_classes_change_the_masks_and_not_the_pictures(tmp_path):
    few = CONFIG.model_copy(update={"images": 2})
    produce.produce(few, tmp_path / "instances")
    config = few.model_copy(update={"labels": "classes"})
    produce.produce(config, tmp_path / "classes")
    for number, video in enumerate(datasets.open("x", config, tmp_path / "classes").videos()):
        assert video.annotation_kind == "classes"
        labels = mask_values.class_labels(video.annotation_files[0])
        other = pixels(tmp_path / f"instances/masks/{video.id}.png")
        assert labels.max() <= len(shapes.CLASSES) and 1 + number in labels
        assert np.array_equal(labels > 0, other > 0)
        picture = tmp_path / f"instances/images/{video.id}.png"
        assert sha256(picture) == sha256(video.frame_files[0])


def test_class_names():
    names = datasets.class_names(CONFIG.model_copy(update={"labels": "classes"}))
    assert names == ("background", "ellipse", "box", "star", "crescent", "ring")
    assert datasets.class_names(CONFIG) == datasets.class_names(SpritesConfig()) == ()


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
    pairs = ["adapter=sprite_images", "images=3", "train_images=1", "labels=classes", "gaps=[]"]
    for pair in [*pairs, "pair_gaps=[]"]:
        arguments += ["--set", pair]
    result = CliRunner().invoke(commonfate, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    table = parquet.read(output)
    assert list(table["split"]) == ["val", "val", "val", "train"]
    assert set(table["annotation_kind"]) == {"classes"}
