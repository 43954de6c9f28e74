"""Protocols that score label maps: probes, retrieval, clusters, prototypes, foreground."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from commonfate.base.errors import ConfigError
from commonfate.datasets.mask_values import VOID
from commonfate.evaluation.features import (
    clustering,
    fcn,
    foreground,
    linear,
    probe,
    prototypes,
    retrieval,
)
from commonfate.evaluation.features.dense import nearest_labels
from commonfate.evaluation.features.result import Result
from commonfate.evaluation.features.retrieval import Memory
from commonfate.evaluation.features.run.lazy import Lazy, held
from commonfate.evaluation.features.run.parts import Part
from commonfate.evaluation.features.settings import (
    ClusteringSettings,
    FcnSettings,
    ForegroundClusteringSettings,
    ForegroundSettings,
    ProbeSettings,
    PrototypesSettings,
    RetrievalSettings,
)

if TYPE_CHECKING:
    from commonfate.evaluation.features.run.augmented import Training

AT_ONCE = 16
"""Images that are scored at once."""
NEED_BACKGROUND = ("foreground", "foreground_clustering", "prototypes", "propagation")
"""Protocols for which label 0 is no class."""


def classes_of(train: Part) -> int:
    """Number of classes: one more than the highest in the truth of the training images."""
    maps = (train.native(item) for item in train.items)
    labels = (labels[labels != VOID] for labels in maps)
    return 1 + max((int(each.max()) for each in labels if each.size), default=0)


def head(
    test: Part,
    train: Part,
    settings: ProbeSettings,
    device: str,
    training: "Training | None" = None,
) -> Result:
    """Train a head and score it.

    Args:
        test, train: items; those of `train` have features if `training` is None.
        settings: of the scoring; `FcnSettings` are those of an FCN head, others of a linear one.
        device: of the head.
        training: frames and encoder of training images that are cropped anew in each epoch.

    Raises:
        ConfigError, ValueError: see `probe.run` and `Part.features`.
    """
    if training is None:
        epochs = _stored(train, settings)
    else:
        from commonfate.evaluation.features.run import augmented

        epochs = augmented.epochs(train, training, test.view, settings.batch_size, settings.seed)
    scored = probe.cached(test.tokens(), _truth(test), AT_ONCE)

    def build(channels: int) -> nn.Module:
        if isinstance(settings, FcnSettings):
            return fcn.FCNHead(channels, settings).to(device)
        return linear.LinearHead(channels, settings).to(device)

    steps = -(-len(train.items) // settings.batch_size)
    return probe.run(build, epochs, lambda: scored(0), settings, steps)


def _stored(train: Part, settings: ProbeSettings) -> probe.Epochs:
    """Batches of stored features; truth is held at the size at which the head learns it."""
    tokens = train.tokens()
    size = (settings.side,) * 2 if settings.side else tokens.shape[1:3]

    def learnt(i: int) -> np.ndarray:
        labels = torch.from_numpy(train.truth(train.items[i]).astype(np.int64))[None]
        return nearest_labels(labels, size)[0].numpy().astype(np.uint8)

    truth = held(Lazy(learnt, len(train.items)))
    return probe.cached(tokens, truth, settings.batch_size, settings.seed)


def retrieved(test: Part, train: Part, settings: RetrievalSettings, device: str) -> Result:
    """Fill the memory and look the classes up.

    Features and truth are read once, some images at a time; the memory is held.
    """
    tokens, labels = train.features("tokens"), train.truths()
    memory = retrieval.remember(_lazy(tokens), _lazy(labels), settings)
    moved = Memory(memory.vectors.to(device), memory.shares.to(device), memory.images)
    features, truth = test.features("tokens"), test.truths()

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, len(truth), AT_ONCE):
            chosen = np.arange(start, min(start + AT_ONCE, len(truth)))
            yield features[chosen], truth[chosen]

    return retrieval.score(moved, batches(), settings, -(-len(truth) // AT_ONCE))


def clustered(test: Part, settings: ClusteringSettings, clips: np.ndarray) -> Result:
    """Cluster the tokens; see `clustering.score`."""
    return clustering.score(test.tokens(), _truth(test), settings, clips)


def clustered_inside(test: Part, settings: ForegroundClusteringSettings) -> Result:
    """Extract the foreground, and cluster its tokens; see `clustering.score`."""
    tokens, attention = test.tokens(), held(test.features("attention"))
    inside = foreground.patches(tokens, attention, settings.extraction)
    return clustering.score(tokens, _truth(test), settings, inside=inside)


def grouped(test: Part, settings: PrototypesSettings) -> Result:
    """Cluster the objects of images; see `prototypes.score`."""
    attention = held(test.features("attention"))
    return prototypes.score(test.tokens(), attention, _truth(test), settings)


def extracted(test: Part, train: Part, settings: ForegroundSettings) -> Result:
    """Fit clusters to the training images, and score the foreground of the others."""
    tokens, attention = train.tokens(), held(train.features("attention"))
    truth = _truth(train) if settings.tuned else None
    extractor = foreground.fit(tokens, attention, settings, truth)
    tokens, attention = test.tokens(), held(test.features("attention"))
    return foreground.score(extractor, tokens, attention, _truth(test), settings)


def clips_of(part: Part, length: int) -> np.ndarray:
    """Number of the clip of each item: `length` annotated frames of a video in a row, (n,)."""
    numbers: list[int] = []
    last, place = None, 0
    for video, _ in part.items:
        place = place + 1 if video == last else 0
        starts = place % length == 0
        numbers.append((numbers[-1] + 1 if numbers else 0) if starts else numbers[-1])
        last = video
    return np.array(numbers)


def check_classes(test: Part, train: Part) -> None:
    """Refuse truth of different kinds.

    Raises:
        ConfigError: the two splits' annotations mean different things.
    """
    kinds = [{_meaning(part, video) for video, _ in part.items} for part in (test, train)]
    if kinds[0] != kinds[1]:
        scored, learnt = (" and ".join(sorted(each)) for each in kinds)
        raise ConfigError(
            f"{train.listing.where}: annotations of the training images are {learnt}, those of the "
            f"scored images in {test.listing.where} {scored}, so the classes differ; name data "
            "sets of the same classes"
        )


def check_background(name: str, test: Part) -> None:
    """Refuse masks without background for protocols that need one: label 0 is a class there.

    Raises:
        ConfigError: this is so.
    """
    kinds = {test.videos[video].kind for video, _ in test.items}
    if name in NEED_BACKGROUND and "coco_stuff27" in kinds:
        raise ConfigError(
            f"protocol {name}, {test.listing.where}: label 0 of coco_stuff27 masks is a class, not "
            "background; name data whose masks have a background"
        )


def _meaning(part: Part, video: str) -> str:
    kind = part.videos[video].kind.partition(":")[0]
    return {"objects": "classes", "union": "binary", "grey": "binary", "fbms": "binary"}.get(
        kind, "binary" if kind == "colours" else kind
    )


def _truth(part: Part) -> np.ndarray:
    return held(part.truths())


def _lazy(array: Lazy) -> Any:
    """For parameters that are arrays: only indexed."""
    return array
