"""Rendering of the embedded data: each video or image from its own random numbers."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from commonfate.base import processes, provenance
from commonfate.base.files import exclusive, replacing_directory, write_json
from commonfate.base.progress import track
from commonfate.base.settings import from_pairs
from commonfate.datasets.settings import SpriteImagesConfig, SpritesConfig
from commonfate.datasets.sprites import (
    annotate,
    crops,
    listing,
    render,
    scene,
    shapes,
    textures,
    truth,
)

log = logging.getLogger(__name__)


LABELS = {"instances": annotate.instances, "classes": annotate.classes}
"""Label maps of a scene, by the setting `labels`."""

STILLS = {"val": 1, "train": 2}
"""Third number of an image's seed, by split: no image shows the scene of another or of a video."""


def parse(pairs: Sequence[str]) -> SpritesConfig | SpriteImagesConfig:
    """Read settings from `key=value` texts; of videos, unless `adapter` is that of images.

    Raises:
        ConfigError: a key or value is not allowed.
    """
    if f"adapter={SpriteImagesConfig().adapter}" in pairs:
        return from_pairs(SpriteImagesConfig, pairs)
    return from_pairs(SpritesConfig, pairs)


def produce(config: SpritesConfig | SpriteImagesConfig, output: str | Path, jobs: int = 1) -> None:
    """Render all videos or images with their ground truth; `output` appears when all are whole.

    The bytes depend on the settings alone, not on `jobs`.

    Args:
        config: settings.
        output: folder that is written or replaced.
        jobs: processes that render at the same time.

    Raises:
        ConfigError: a codec that this PyAV does not have.
        StoreError: scikit-image lacks a photograph.
    """
    render_item: Callable[[Path, int], None]
    if isinstance(config, SpritesConfig):
        parts = ["videos", "masks", "truth"]
        render_item, count = partial(render_video, config), config.videos
        content = f"{count} videos of {config.frames} frames"
    else:
        parts = ["images", "masks"]
        render_item, count = partial(render_image, config), config.images + config.train_images
        content = f"{count} images"
    pictures = [textures.photograph_path(name) for name in textures.PHOTOGRAPHS]
    record = provenance.record("sprites", config.model_dump(mode="json"), pictures)
    with exclusive(output) as waited:
        if waited and _is_made(Path(output), record):
            log.info("%s is there already, another process has rendered it", output)
            return
        _write(Path(output), parts, render_item, count, jobs, record)
    log.info("%s: %s", output, content)


def _is_made(output: Path, record: dict[str, Any]) -> bool:
    """True if a folder was rendered by the same code from the same settings."""
    try:
        previous = json.loads((output / "provenance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return previous | {"time": None} == record | {"time": None}


def _write(
    output: Path,
    parts: Sequence[str],
    render_item: Callable[[Path, int], None],
    count: int,
    jobs: int,
    record: dict[str, Any],
) -> None:
    """Render `count` videos or images into a folder; `render_item` takes a folder and a number."""
    with replacing_directory(output) as folder:
        for part in parts:
            (folder / part).mkdir()
        for _ in track(_render_all(partial(render_item, folder), count, jobs), "rendering", count):
            pass
        write_json(folder / "provenance.json", record)


def _render_all(render_item: Callable[[int], None], count: int, jobs: int) -> Iterator[None]:
    if min(jobs, count) == 1:
        yield from map(render_item, range(count))
        return
    # Spawned, since a forked process would inherit the locks of OpenCV's and PyAV's threads.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        with processes.shielded():
            rendered = pool.map(render_item, range(count))
        with processes.interruptible(pool):
            yield from rendered


def render_video(config: SpritesConfig, folder: Path, number: int) -> None:
    """Render one video: the MP4 file, its masks and its truth.

    Args:
        folder: holds the folders videos, masks and truth.
        number: of the video.
    """
    listed = listing.videos(config, folder)[number]
    for_scene, for_textures = (
        np.random.default_rng(seed)
        for seed in np.random.SeedSequence([config.seed, number]).spawn(2)
    )
    drawn = scene.draw(for_scene, number, config.size, config.frames)
    texture = render.draw_textures(for_textures, drawn, _crops(config, listed["split"]))
    frames = render.frames(drawn, texture)
    render.write_mp4(listed["path"], frames, config.size, config.fps, config.codec)
    seen = annotate.seen_layers(drawn)
    labels = annotate.instances(drawn, seen)
    listed["annotation_files"][0].parent.mkdir()
    masks = LABELS[config.labels](drawn, seen)
    for file, label in zip(listed["annotation_files"], masks, strict=True):
        Image.fromarray(label).save(file)
    truth.save(listed["truth"], drawn, seen, labels)


def render_image(config: SpriteImagesConfig, folder: Path, number: int) -> None:
    """Render one still image: the PNG file and its mask.

    Args:
        folder: holds the folders images and masks.
        number: position in the list of images.
    """
    listed = listing.images(config, folder)[number]
    key = (config.seed, listed["number"], STILLS[listed["split"]])
    for_scene, for_textures = (
        np.random.default_rng(seed) for seed in np.random.SeedSequence(key).spawn(2)
    )
    drawn = scene.draw(for_scene, listed["number"], config.size, frames=1, objects=config.objects)
    if config.shows_one_thing:
        thing = crops.THINGS[crops.thing_of_image(listed["number"])]
        shown = [crops.half(thing, listed["split"])]
        texture = render.draw_textures(for_textures, drawn, lambda _: shown)
    else:
        texture = render.draw_textures(for_textures, drawn, _crops(config, listed["split"]))
    (picture,) = render.frames(drawn, texture)
    (label,) = LABELS[config.labels](drawn, annotate.seen_layers(drawn))
    Image.fromarray(picture).save(listed["image"])
    Image.fromarray(label).save(listed["mask"])


def _crops(config: SpritesConfig | SpriteImagesConfig, split: str) -> render.CropsOfClass:
    """Crops that objects may show, by their class, under the setting `look`."""
    if config.look == "any":
        return lambda _: crops.THINGS
    return lambda family: crops.looks(shapes.CLASSES.index(family), split)
