"""Scores of one protocol on stored features."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from commonfate.base.errors import ConfigError, UserError
from commonfate.datasets.mask_values import VOID
from commonfate.evaluation.features.result import Result
from commonfate.evaluation.features.run import carrying, images, maps, statement
from commonfate.evaluation.features.run import settings as known_settings
from commonfate.evaluation.features.run.lazy import HELD_BYTES
from commonfate.evaluation.features.run.outcome import Average, Outcome
from commonfate.evaluation.features.run.parts import Item, Listing, Part, Stores, part

if TYPE_CHECKING:
    from commonfate.evaluation.features.run.augmented import Training

MAIN = {"localization": "CorLoc", "knn": "top1", "foreground": "J", "propagation": "J"}
"""Metric that counts, where it is not mIoU."""
SCORES = {"localization": "overlap", "knn": "right", "foreground": "J", "propagation": "J&F"}
"""Score of an item, where it is not mIoU."""


@dataclass(frozen=True)
class Data:
    """Files that protocols read.

    Attributes:
        test, train: videos that are scored and learnt from; `train` None: not named.
        stores, train_stores: their features.
        boxes: table of true boxes; None: boxes of masks.
        flow: stores of flow.
        clip_length: annotated frames of a clip of `clustering`.
        held_bytes: see `Part`.
        training: frames and encoder of the training images, for heads whose training crops them
            anew; they read no `train_stores`.
    """

    test: Listing
    stores: Stores
    train: Listing | None = None
    train_stores: Stores | None = None
    boxes: Path | None = None
    flow: Sequence[Path] = ()
    clip_length: int | None = None
    held_bytes: int = HELD_BYTES
    training: "Training | None" = None


def inputs(data: Data) -> tuple[Path, ...]:
    """Files behind scores, for their provenance: manifests, features, frames, boxes, flow."""
    listed = [data.test.where, *([data.train.where] if data.train else [])]
    manifests = [Path(where) for where in listed if Path(where).is_file()]
    stores = [*data.stores.paths, *(data.train_stores.paths if data.train_stores else ())]
    flow = [path for path in data.flow if path.is_file()]
    seen = data.training.paths if data.training else ()
    return (*manifests, *stores, *seen, *flow, *([data.boxes] if data.boxes else []))


def score(
    name: str, settings: Any, data: Data, released: bool, device: str, own_classes: bool
) -> tuple[Outcome, Part, Part | None, Any]:
    """Run a protocol.

    Args:
        name: of the protocol.
        settings: its settings, before the scoring.
        data: files.
        released: the scoring.
        device: of heads and of the memory.
        own_classes: the settings' number of classes is the user's; else that of the training truth.

    Returns:
        The outcome, the scored items, those learnt from, and the settings of the scoring.

    Raises:
        UserError: files and settings do not go together; the message names the protocol.
    """
    test, train = _parts(name, settings, data)
    chosen = known_settings.as_scored(settings, released)
    details: dict[str, Any] = {}
    if hasattr(chosen, "classes"):
        details["classes"] = "by settings"
        if not own_classes:
            assert train is not None
            chosen = type(chosen).model_validate(
                chosen.model_dump() | {"classes": maps.classes_of(train)}
            )
            details["classes"] = "0 to the highest in the training images' truth"
    try:
        outcome = _Run(name, chosen, data, released, device, test, train, details).outcome()
    except UserError:
        raise
    except ValueError as error:
        advice = "; state their number with --set classes=N" if "class " in str(error) else ""
        raise ConfigError(f"protocol {name}, {data.test.where}: {error}{advice}") from error
    return outcome, test, train, chosen


def _parts(name: str, settings: Any, data: Data) -> tuple[Part, Part | None]:
    protocol = known_settings.get(name)
    without = name == "propagation" and settings.by != "forwarder" and not data.stores.paths
    shards = None if without else data.stores.having(protocol.reads, name)
    test = part(data.test, shards, protocol.truth, data.held_bytes)
    maps.check_background(name, test)
    if not protocol.fits:
        return test, None
    if known_settings.augments(settings):
        return test, _seen_anew(name, test, data)
    if data.train is None or data.train_stores is None or not data.train_stores.paths:
        raise ConfigError(
            f"protocol {name} learns from training images: name their features with "
            "--train-features (or, of your own images, --train)"
        )
    train_shards = data.train_stores.having(protocol.reads, name)
    train = part(data.train, train_shards, protocol.truth, data.held_bytes)
    first, second = (_origin(each) for each in (test, train))
    if first != second:
        raise ConfigError(
            f"{train.stores.reader(train.items[0][0]).path}: is of view {second[0]}, or of another "
            f"encoder than {test.stores.reader(test.items[0][0]).path} (view {first[0]}); name "
            "features of one encoder and view"
        )
    if protocol.truth == "labels":
        maps.check_classes(test, train)
    return test, train


def _seen_anew(name: str, test: Part, data: Data) -> Part:
    """Training images whose features are not stored."""
    if data.train is None or data.training is None:
        raise ConfigError(
            f"protocol {name} crops and flips its training images anew in each epoch: name their "
            "frame stores with --frames and the encoder with --encoder; or learn from stored "
            f"features, with --set {name}.augmented=false and --train-features"
        )
    from commonfate.evaluation.features.run import augmented

    augmented.check(data.training, test)
    train = part(data.train, None, "labels", data.held_bytes)
    maps.check_classes(test, train)
    return train


def _origin(each: Part) -> tuple[str, str | None]:
    reader = each.stores.reader(each.items[0][0])
    return reader.view, reader.provenance.get("encoder_sha256")


@dataclass
class _Run:
    name: str
    settings: Any
    data: Data
    released: bool
    device: str
    test: Part
    train: Part | None
    details: dict[str, Any]

    def outcome(self) -> Outcome:
        """Fit, score, and describe."""
        if self.name == "localization":
            return self._localization()
        if self.name == "knn":
            return self._knn()
        if self.name == "propagation":
            return self._propagation()
        result = self._maps()
        frames = [[item] for item in self.test.items[: len(result.items)]]
        truth = self._foreground if self.name == "foreground" else self.test.truth
        return self._described(result, frames, truth, self.test.picture)

    def _foreground(self, item: Item) -> np.ndarray:
        labels = self.test.truth(item)
        return np.where(labels == VOID, VOID, labels > 0).astype(np.uint8)

    def _maps(self) -> Result:
        test, train, settings = self.test, self.train, self.settings
        length = self.data.clip_length or 1
        self.details |= {"clip_length": length, "objects": self._has_objects}
        if self.name == "clustering":
            if settings.level == "clip" and self.data.clip_length is None:
                raise ConfigError("clustering of level=clip needs --clip-length")
            return maps.clustered(test, settings, maps.clips_of(test, length))
        if self.name == "foreground_clustering":
            return maps.clustered_inside(test, settings)
        if self.name == "prototypes":
            return maps.grouped(test, settings)
        assert train is not None
        if self.name == "foreground":
            return maps.extracted(test, train, settings)
        if self.name == "retrieval":
            return maps.retrieved(test, train, settings, self.device)
        training = self.data.training if known_settings.augments(settings) else None
        return maps.head(test, train, settings, self.device, training)

    @property
    def _has_objects(self) -> bool:
        """True if labels number objects, and mean nothing from one video to another."""
        return "instances" in {self.test.videos[video].kind for video, _ in self.test.items}

    def _localization(self) -> Outcome:
        table = self.data.boxes
        self.details["boxes"] = str(table) if table else "those around the objects of the masks"
        boxes = images.true_boxes(self.test, table)
        result = images.localized(self.test, boxes, self.released)
        none = np.zeros((0, 4))
        return self._described(
            result, [[item] for item in self.test.items], lambda item: boxes.get(item, none), _whole
        )

    def _knn(self) -> Outcome:
        assert self.train is not None
        result, names = images.classified(self.test, self.train, self.settings)
        labels = self.test.listing.labels
        frames = [[item] for item in self.test.items]
        return self._described(
            result, frames, lambda item: labels[item[0]], self.test.picture, names
        )

    def _propagation(self) -> Outcome:
        test, settings = self.test, self.settings
        chains = carrying.clips(test, settings.step)
        result = carrying.carried(test, settings, chains, self.data.flow, self.released)
        if self.released:
            result = Result(
                **{**vars(result), "metrics": {"J": result.metrics["IoU"], **result.metrics}}
            )
        in_view = carrying.in_view(test, self.released)
        self.details["size"] = "the view's picture" if in_view else "the annotations' size"
        truth = carrying.truth_of(test, self.released)
        frames = [clip[1:] for clip in chains]
        return self._described(result, frames, truth, test.picture if in_view else _whole)

    def _described(
        self,
        result: Result,
        frames: list[list[Item]],
        truth: Any,
        picture: Any,
        class_names: tuple[str, ...] = (),
    ) -> Outcome:
        sentences = (
            statement.opening(self.test, self.train),
            statement.of_protocol(self.name, self.settings, self.released, self.details),
        )
        return Outcome(
            result,
            frames,
            self._score_of_items(),
            MAIN.get(self.name, "mIoU"),
            self._average(),
            " ".join(sentences),
            {"localization": "boxes", "knn": "classes"}.get(self.name, "maps"),  # type: ignore[arg-type]
            truth,
            picture,
            class_names,
        )

    def _score_of_items(self) -> str:
        if self.name == "propagation" and self.released:
            return "IoU"
        return SCORES.get(self.name, "mIoU")

    def _average(self) -> Average:
        if self.name == "clustering":
            levels: dict[str, Average] = {"frame": "frame", "clip": "clip", "dataset": "pooled"}
            return levels[self.settings.level]
        if self.name == "propagation":
            return "frame" if self.released else "object"
        return "frame" if self.name in ("localization", "knn", "foreground") else "pooled"


def _whole(item: Item, frame: np.ndarray) -> np.ndarray:
    """The frame as it is."""
    return frame
