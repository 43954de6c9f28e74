"""Segmentation of a user's own videos: from files to masks, one video after the other."""

import json
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from commonfate.base import progress, provenance
from commonfate.base.errors import ConfigError, UserError
from commonfate.base.files import exclusive, replacing_directory
from commonfate.flow.extraction import own_videos
from commonfate.flow.settings import SHIPPED, FlowSource
from commonfate.foreground import objects, shot
from commonfate.segmentation import outputs, shots
from commonfate.segmentation.settings import SegmentSettings
from commonfate.storage.frames import FrameReader
from commonfate.videos.decode import Decoding

log = logging.getLogger(__name__)
FOREGROUND = 128
"""Level of grey from which on a pixel is foreground, of 255."""


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
) -> list[Result]:
    """Segment videos; those that are there already, made from the same files, are kept.

    Args:
        paths: video files, and folders that are searched for videos and folders of frames.
        output: folder; a folder a video, and `videos.parquet`, which names those left out.
        settings: of the segmentation.
        tools: flow and encoder of the settings.
        decoding: of the videos.
        film: write a film of each video.
        retry: decode videos again that were left out.

    Returns:
        A result for each usable video; one that fails does not stop the others.

    Raises:
        UserError: not one video is usable.
    """
    own = own_videos.OwnVideos(paths, output, (1,), decoding)
    inputs = {"settings": settings.model_dump(mode="json"), "film": film, "own": own.settings}
    record = provenance.record("segment", inputs, inputs=[])
    with exclusive(output, output / ".lock"):
        finished = _finished(output, record)
        if finished and not (retry and own.left_out()):
            log.info("%s: all videos are there already", output)
            own.log_left_out()
            return finished
        with own.decoded(False, retry) as (report, store):
            reader = FrameReader(store)
            work = _Work(reader, output, settings, tools, film, record)
            return [work.result(name) for name in own_videos.rows(report)]


def _finished(output: Path, record: dict[str, Any]) -> list[Result]:
    """Results of all videos, if all are there; else none, and the videos must be decoded."""
    report = output / own_videos.REPORT
    names = list(own_videos.rows(report)) if report.is_file() else []
    heads = [(name, _existing(output / name, record)) for name in names]
    results = [Result(name, output / name, about) for name, about in heads if about is not None]
    return results if len(results) == len(names) else []


def _existing(folder: Path, record: dict[str, Any]) -> dict[str, Any] | None:
    """Head of the JSON of a video that was segmented by the same code with the same settings."""
    try:
        about = json.loads((folder / outputs.JSON).read_text(encoding="utf-8"))
        same = all(about["provenance"][key] == record[key] for key in ("settings", "code_sha256"))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return {key: value for key, value in about.items() if key != "frames"} if same else None


@dataclass(frozen=True)
class _Work:
    """Videos of a frame store, to be segmented into folders of `output`."""

    reader: FrameReader
    output: Path
    settings: SegmentSettings
    tools: shot.Tools
    film: bool
    record: dict[str, Any]

    def result(self, name: str) -> Result:
        """Segment a video, unless it is there; a failure is logged and returned."""
        folder = self.output / name
        if (about := _existing(folder, self.record)) is not None:
            log.info("%s is there already, made from this video", folder)
            return Result(name, folder, about)
        try:
            return Result(name, folder, self._segmented(name, folder))
        except UserError as error:
            log.error("%s: not segmented: %s", name, error)
            return Result(name, folder, {}, str(error))

    def _segmented(self, name: str, folder: Path) -> dict[str, Any]:
        """Head of the JSON of a video, whose folder is written."""
        began = time.monotonic()
        reader, settings = self.reader, self.settings
        count, size = reader.length(name), reader.size(name)
        frames = (reader.read(name, t) for t in range(count))
        changes = shots.changes(progress.track(frames, f"{name}: shots", count))
        starts = shots.cuts(changes)
        parts = shots.parts(starts, count, settings.longest)
        masks = np.zeros((count, *_working(size, settings.short_side)), np.uint8)
        described = []
        for part in parts:
            foreground = self._of_part(name, part, masks.shape[1:])
            ends = {"from": part.start, "to": part.stop - 1}
            described.append({**ends, "foreground": foreground.reason})
            if foreground.is_empty:
                log.warning("%s, frames %d to %d: %s", name, *ends.values(), foreground.reason)
            # Probabilities become levels of grey, of which 128 and more are foreground.
            masks[part.start : part.stop] = np.round(foreground.probability * 255)
        about = {
            "video": name,
            "frames_count": count,
            "size": list(size),
            "fps": reader.fps(name),
            "shots": starts,
            "parts": described,
            "empty_frames": int((masks < FOREGROUND).all((1, 2)).sum()),
            "provenance": self.record,
        }
        labels = _labels(masks, parts, size, settings.objects == "many")
        shown = progress.track(labels, f"{name}: files", count)
        with replacing_directory(folder) as temporary:
            about["seconds"] = round(time.monotonic() - began, 1)
            read = partial(reader.read, name)
            outputs.write(temporary, read, shown, count, reader.fps(name), self.film, about)
        return about

    def _of_part(self, name: str, part: range, size: tuple[int, ...]) -> shot.Foreground:
        large = (self.reader.read(name, t) for t in part)
        scaled = [cv2.resize(f, size[::-1], interpolation=cv2.INTER_AREA) for f in large]

        def steps(items: Iterable[Any], description: str, total: int) -> Iterator[Any]:
            return progress.track(items, f"{name}: {description}", total)

        return shot.segment(np.stack(scaled), self.tools, steps)


def _labels(
    masks: np.ndarray, parts: Sequence[range], size: tuple[int, int], many: bool
) -> Iterator[np.ndarray]:
    """(H, W) uint8 of every frame, at the video's size."""
    for part in parts:
        levels = masks[part.start : part.stop]
        of_objects = objects.instances(levels >= FOREGROUND) if many else None
        for t, level in enumerate(levels):
            large = cv2.resize(level, size[::-1], interpolation=cv2.INTER_LINEAR)
            mask = large >= FOREGROUND
            if of_objects is None:
                yield mask.astype(np.uint8)
            else:
                yield mask * _nearest(of_objects[t], size)


def _nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at another size; pixels beside an object have its label, too."""
    grown = np.where(labels > 0, labels, cv2.dilate(labels, np.ones((3, 3), np.uint8)))
    return cv2.resize(grown, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def _working(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Height and width at which a video is looked at; smaller ones as they are."""
    scale = min(1.0, short_side / min(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


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
