"""Making the embedded data: each video on its own, from its own random numbers."""

import logging
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from commonfate import provenance
from commonfate.config import SpritesConfig
from commonfate.datasets.sprites import annotate, encode, listing, photographs, render, scene, truth
from commonfate.files import replacing_directory, write_json
from commonfate.progress import track

log = logging.getLogger(__name__)


def produce(config: SpritesConfig, output: str | Path, jobs: int = 1) -> None:
    """Render all videos with their ground truth; `output` appears when all are whole.

    The bytes of videos, masks and truth depend on the settings alone, not on `jobs`.

    Args:
        config: what to render.
        output: folder that is written or replaced.
        jobs: processes that render at the same time.

    Raises:
        ConfigError: a codec that this PyAV does not have.
        StoreError: scikit-image lacks a photograph.
    """
    pictures = [photographs.path(name) for name in photographs.FILES]
    record = provenance.record("sprites", config.model_dump(mode="json"), pictures)
    with replacing_directory(output) as folder:
        for part in ("videos", "masks", "truth"):
            (folder / part).mkdir()
        for _ in track(_render_all(config, folder, jobs), "rendering", config.videos):
            pass
        write_json(folder / "provenance.json", record)
    log.info("%s: %d videos of %d frames", output, config.videos, config.frames)


def _render_all(config: SpritesConfig, folder: Path, jobs: int) -> Iterator[None]:
    one = partial(render_video, config, folder)
    if min(jobs, config.videos) == 1:
        yield from map(one, range(config.videos))
        return
    # Spawned, since a forked process would inherit the locks of OpenCV's and PyAV's threads.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(one, range(config.videos))


def render_video(config: SpritesConfig, folder: Path, number: int) -> None:
    """Render one video: the MP4 file, its masks and its truth.

    Args:
        folder: holds the folders videos, masks and truth.
        number: which of the videos.
    """
    listed = listing.videos(config, folder)[number]
    for_scene, for_textures = (
        np.random.default_rng(seed)
        for seed in np.random.SeedSequence([config.seed, number]).spawn(2)
    )
    drawn = scene.draw(for_scene, number, config.size, config.frames)
    textures = render.draw_textures(for_textures, drawn)
    frames = render.frames(drawn, textures)
    encode.write_mp4(listed["path"], frames, config.size, config.fps, config.codec)
    seen = annotate.seen_layers(drawn)
    labels = annotate.instances(drawn, seen)
    listed["annotation_files"][0].parent.mkdir()
    for file, label in zip(listed["annotation_files"], labels, strict=True):
        Image.fromarray(label).save(file)
    truth.save(listed["truth"], drawn, seen, labels)
