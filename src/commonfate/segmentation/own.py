"""Segmentation of a user's own videos: from files to masks, one video after the other."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from commonfate.base import provenance
from commonfate.base.errors import ConfigError, UserError
from commonfate.base.files import exclusive, replacing_directory
from commonfate.flow.extraction import own_videos
from commonfate.flow.settings import SHIPPED, FlowSource
from commonfate.foreground import shot
from commonfate.segmentation import outputs, photographs
from commonfate.segmentation.applied import AppliedRun, AppliedStudent, applied, weights_file
from commonfate.segmentation.learned import Learned
from commonfate.segmentation.material import Material, Part, working_size
from commonfate.segmentation.records import Records
from commonfate.segmentation.settings import SegmentSettings
from commonfate.storage.frames import FrameReader
from commonfate.videos.decode import Decoding

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """Result of a video.

    Attributes:
        video: its name, and that of its folder.
        folder: of its files; see `outputs`.
        about: head of its JSON: frames, shots with the reason of each, seconds.
        failure: why there is none; empty if there is.
    """

    video: str
    folder: Path
    about: dict[str, Any]
    failure: str = ""

    def masks(self) -> np.ndarray:
        """(T, H, W) uint8: labels of the objects of all frames, 0 is background."""
        images = sorted((self.folder / outputs.MASKS).iterdir())
        return np.stack([np.asarray(Image.open(image)) for image in images])


def run(
    paths: Sequence[Path],
    output: Path,
    settings: SegmentSettings,
    tools: shot.Tools,
    decoding: Decoding,
    film: bool = True,
    retry: bool = False,
    checkpoint: Path | None = None,
) -> list[Result]:
    """Segment videos; those that are there already, made from the same files, are kept.

    Args:
        paths: video files, and folders that are searched for videos and folders of frames; with a
            checkpoint, photographs, too.
        output: folder; a folder a video, and `videos.parquet`, which names those left out.
        settings: of the segmentation.
        tools: flow and encoder of the settings.
        decoding: of the videos.
        film: write a film of each video.
        retry: decode videos again that were left out.
        checkpoint: folder of a trained run, or a network of an earlier command; it takes the place
            of the quality.

    Returns:
        A result for each usable video; one that fails does not stop the others.

    Raises:
        UserError: not one video is usable, or the checkpoint is not.
    """
    network = None if checkpoint is None else applied(checkpoint, tools)
    images, films = photographs.split(paths) if network else ([], list(paths))
    weights = [] if checkpoint is None else [weights_file(checkpoint)]
    inputs = {"settings": settings.model_dump(mode="json"), "film": film}
    results = []
    pictures = photographs.photographs(images, settings)
    own = own_videos.OwnVideos(films, output, (1,), decoding) if films else None
    if own is not None and (twice := {p.name for p in pictures} & set(own.settings["names"])):
        raise ConfigError(
            f"{min(twice)}: the name of a photograph and of a video, which would share a folder; "
            f"segment them into different ones"
        )
    with exclusive(output, output / ".lock"):
        for photograph in pictures:
            assert network is not None
            record = provenance.record("segment", inputs, [photograph.path, *weights])
            alone = Records(record)
            results.append(_Work(output, settings, False, alone, network.find).result(photograph))
        if own is not None:
            # A video beside others does not depend on them, unless a network learns from all.
            together = network is None and settings.learns_from_all
            names = own.settings["names"]
            of_each = {n: own.settings if together else own.settings_of(n) for n in names}
            records = Records(provenance.record("segment", inputs, weights), of_each)
            results += _of_films(own, output, settings, tools, film, retry, records, network)
    return results


def _of_films(
    own: own_videos.OwnVideos,
    output: Path,
    settings: SegmentSettings,
    tools: shot.Tools,
    film: bool,
    retry: bool,
    records: Records,
    network: AppliedRun | AppliedStudent | None,
) -> list[Result]:
    finished = _finished(own, output, records)
    if finished and not (retry and own.left_out()):
        log.info("%s: all videos are there already", output)
        own.log_left_out()
        return finished
    with own.decoded(False, retry) as (report, store):
        reader = FrameReader(store)
        names = list(own_videos.rows(report))
        materials = {name: Material(reader, name, settings) for name in names}
        learned: Learned | None = None
        find: Callable[..., shot.Foreground] = partial(shot.segment, tools=tools)
        if network is not None:
            find = network.find
        elif settings.quality == "best":
            learned = Learned(materials, output, settings, tools, records)
        work = _Work(output, settings, film, records, find, learned)
        results = [work.result(material) for material in materials.values()]
        if learned is not None and not any(result.failure for result in results):
            learned.close()
        return results


def _finished(own: own_videos.OwnVideos, output: Path, records: Records) -> list[Result]:
    """Results of all videos, if all are there; else none, and the videos must be decoded."""
    names = own.names() or []
    heads = [(name, records.existing(name, output / name)) for name in names]
    results = [Result(name, output / name, about) for name, about in heads if about is not None]
    return results if len(results) == len(names) else []


@dataclass(frozen=True)
class _Work:
    """Videos to be segmented into folders of `output`."""

    output: Path
    settings: SegmentSettings
    film: bool
    records: Records
    find: Callable[..., shot.Foreground]
    learned: Learned | None = None

    def result(self, material: Material | photographs.Photograph) -> Result:
        """Segment a video, unless it is there; a failure is logged and returned."""
        name = material.name
        folder = self.output / name
        if (about := self.records.existing(name, folder)) is not None:
            log.info("%s is there already, made from this video", folder)
            return Result(name, folder, about)
        try:
            return Result(name, folder, self._segmented(material, folder))
        except UserError as error:
            log.error("%s: not segmented: %s", name, error)
            return Result(name, folder, {}, str(error))

    def _segmented(
        self, material: Material | photographs.Photograph, folder: Path
    ) -> dict[str, Any]:
        """Head of the JSON of a video, whose folder is written."""
        began = time.monotonic()
        name, count, size = material.name, material.count, material.size
        masks = np.zeros((count, *working_size(size, self.settings.short_side)), np.uint8)
        described = []
        for part in material.parts:
            foreground = self._of_part(material, part)
            ends = {"from": part.times.start, "to": part.times.stop - 1}
            described.append({**ends, "foreground": foreground.reason})
            if foreground.is_empty:
                log.warning("%s, frames %d to %d: %s", name, *ends.values(), foreground.reason)
            # Probabilities become levels of grey, of which 128 and more are foreground.
            levels = np.round(foreground.probability * 255)
            masks[part.times.start : part.times.stop] = levels
        about = {
            "video": name,
            "frames_count": count,
            "size": list(size),
            "fps": material.fps,
            "shots": material.shots,
            "parts": described,
            "empty_frames": int((masks < outputs.FOREGROUND).all((1, 2)).sum()),
            "provenance": self.records.of(name),
        }
        ranges = [part.times for part in material.parts]
        labels = outputs.label_maps(masks, ranges, size, self.settings.objects == "many")
        shown = material.steps(labels, "files", count)
        with replacing_directory(folder) as temporary:
            about["seconds"] = round(time.monotonic() - began, 1)
            outputs.write(temporary, material.frame, shown, count, material.fps, self.film, about)
        return about

    def _of_part(self, material: Material | photographs.Photograph, part: Part) -> shot.Foreground:
        frames = material.frames(part)
        if self.learned is not None:
            return self.learned.find(part, frames)
        return self.find(frames, steps=material.steps)


def tools_of(settings: SegmentSettings, device: str) -> shot.Tools:
    """Make flow and encoder of the settings.

    Raises:
        UserError: an estimator, an encoder or their weights do not exist.
    """
    from commonfate.models.encoders.create import create

    estimator, _, weights = settings.flow.partition(".")
    if estimator == "truth":
        raise ConfigError("--flow truth: only embedded videos have it; name an estimator, e.g. dis")
    named = FlowSource(estimator=estimator, weights=weights or None)
    source = SHIPPED.get(settings.flow, named)
    if estimator == "dis":
        source = source.model_copy(update={"preset": "finest"})
    encoder = None if settings.quality == "fast" else create(settings.encoder)
    return shot.Tools(source, encoder, device, settings.camera)
