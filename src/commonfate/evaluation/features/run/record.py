"""Files of a protocol's scores: the JSON, and the folder of predictions beside it."""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base import provenance
from commonfate.base.files import check_replaceable, exclusive, replacing_directory, write_json
from commonfate.evaluation import kinds
from commonfate.evaluation.features.run.outcome import Outcome
from commonfate.evaluation.features.run.parts import Item, Part
from commonfate.prediction import maps


@dataclass(frozen=True)
class Probed:
    """A protocol that was run.

    Attributes:
        protocol: its name.
        scoring: `leak_free` or `released`.
        settings: of the scoring.
        outcome: scores.
        test: the items that were to be scored.
        seconds: by the clock, of fitting and scoring.
        inputs: files that were read.
    """

    protocol: str
    scoring: str
    settings: Any
    outcome: Outcome
    test: Part
    seconds: float
    inputs: tuple[Path, ...]


def write(probed: Probed, output: Path) -> dict[str, Any]:
    """Write the scores, and a folder of what was scored.

    The folder beside `output` has its name without `.json`: `VIDEO/00000.png`, label maps in the
    colours of VOC (255: no class), or `boxes.json` or `classes.json`.

    Args:
        probed: the protocol and its scores.
        output: JSON file, replaced in one step, after the folder.

    Returns:
        The content of the JSON.

    Raises:
        ConfigError: there is a folder that this program did not make.
    """
    folder = output.with_suffix("")
    check_replaceable(folder, output, "statement")
    content = _content(probed)
    with exclusive(output):
        with replacing_directory(folder) as temporary:
            _predictions(probed.outcome, temporary)
        write_json(output, content)
    return content


def _content(probed: Probed) -> dict[str, Any]:
    outcome, test = probed.outcome, probed.test
    result, values = outcome.result, outcome.values
    reasons = {
        frame: reason
        for number, reason in result.left_out.items()
        for frame in outcome.frames[number]
    }
    scored = {video for video, _ in values}
    unscored = {video: reason for (video, _), reason in reasons.items() if video not in scored}
    annotated: dict[str, list[int]] = {}
    for video, t in test.items:
        annotated.setdefault(video, []).append(t)
    settings = probed.settings.model_dump(mode="json") if probed.settings else {}
    return {
        "protocol": probed.scoring,
        "foreground": probed.protocol,
        "foreground_looks_at_ground_truth": _looks_at_ground_truth(probed.protocol),
        "statement": outcome.statement,
        "settings": settings,
        "metrics": _numbers(result.metrics),
        "main_metric": outcome.main,
        "score_of_frames": outcome.score,
        "spread": _numbers(result.spread),
        "repeats": [_numbers(each) for each in result.repeats],
        "classes": _classes(outcome, result.classes),
        "classes_of_repeats": [_classes(outcome, each) for each in result.repeated_classes],
        "average": outcome.average,
        "sequences": _sequences(values, outcome.main),
        "n_sequences": len(scored),
        "n_frames": len(values),
        "excluded_frames": {
            video: [t for t in times if (video, t) not in values]
            for video, times in annotated.items()
        },
        "left_out": {**test.left_out, **unscored},
        "left_out_frames": {f"{video} {t:05d}": reason for (video, t), reason in reasons.items()},
        "notes": list(result.notes),
        "split": test.listing.split,
        **_features(probed),
        "provenance": provenance.record(
            "probe",
            {"protocol": probed.protocol, "scoring": probed.scoring, **settings},
            sorted({*probed.inputs}),
        ),
    }


def _looks_at_ground_truth(protocol: str) -> bool:
    return kinds.KINDS["features"].looks_at_ground_truth(protocol)


def _features(probed: Probed) -> dict[str, Any]:
    """Encoder, view and time: of the encoder, or, without one, of the protocol itself."""
    device, encoder, view = "cpu", "none", None
    count = len(probed.test.items)
    seconds, of = [probed.seconds / max(count, 1)], "fitting and scoring"
    if probed.test.shards is not None:
        record = probed.test.stores.reader(probed.test.items[0][0]).provenance
        device, view = str(record.get("device", "cpu")), probed.test.stores.view
        encoder = str(record.get("settings", {}).get("encoder", "unnamed"))
        seconds, of = _of_encoder(probed.test), "encoder"
    return {
        "run": None,
        "method": "features",
        "encoder": encoder,
        "view": view,
        "description": {"network": encoder, **({"features": view} if view else {})},
        "seconds_per_frame": {
            "median": statistics.median(seconds),
            "mean": statistics.fmean(seconds),
            "device": device,
            "of": of,
            "frames": count,
        },
        "seconds": probed.seconds,
    }


def _of_encoder(test: Part) -> list[float]:
    """The encoder's seconds for each item; frames of a video have their mean."""
    each = {}
    for video in {video for video, _ in test.items}:
        reader = test.stores.reader(video)
        each[video] = reader.seconds(video) / len(reader.frames(video))
    return [each[video] for video, _ in test.items]


def _sequences(values: Mapping[Item, float], main: str) -> dict[str, Any]:
    by_video: dict[str, dict[int, float]] = {}
    for (video, t), value in values.items():
        by_video.setdefault(video, {})[t] = value
    return {
        video: {
            "frames": {f"{t:05d}": frames[t] for t in sorted(frames)},
            "metrics": {main: float(np.mean(list(frames.values())))},
        }
        for video, frames in by_video.items()
    }


def _classes(outcome: Outcome, values: np.ndarray | None) -> dict[str, float]:
    """Score of each class that occurs, by name or number."""
    if values is None:
        return {}
    names = outcome.class_names or tuple(map(str, range(len(values))))
    return {
        name: float(value)
        for name, value in zip(names, values, strict=False)
        if math.isfinite(value)
    }


def _numbers(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Metrics as JSON can hold them; None is one that could not be measured."""
    return {name: float(value) if math.isfinite(value) else None for name, value in metrics.items()}


def _predictions(outcome: Outcome, folder: Path) -> None:
    if outcome.shows == "maps":
        for number, place, (video, t) in _places(outcome):
            labels = np.asarray(outcome.prediction(number, place), np.uint8)
            maps.write_labels(folder / video / f"{t:05d}.png", labels, maps.voc_palette())
        return
    listed: dict[str, dict[str, Any]] = {}
    for number, place, (video, t) in _places(outcome):
        predicted, true = outcome.prediction(number, place), outcome.truth((video, t))
        score = float(outcome.result.items[number])
        entry = {
            "predicted": predicted if isinstance(predicted, str) else predicted.tolist(),
            "true": true if isinstance(true, str) else true.tolist(),
            outcome.score: score if math.isfinite(score) else None,
        }
        listed.setdefault(video, {})[f"{t:05d}"] = entry
    write_json(folder / f"{outcome.shows}.json", listed)


def _places(outcome: Outcome) -> Iterable[tuple[int, int, Item]]:
    """Item, place in it, and frame, of everything that was predicted."""
    for number, frames in enumerate(outcome.frames):
        if number < len(outcome.result.predictions):
            yield from ((number, place, frame) for place, frame in enumerate(frames))
