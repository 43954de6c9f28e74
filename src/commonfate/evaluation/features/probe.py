"""Training and scoring of a head on frozen features: the part that linear and FCN probes share."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.base.progress import track
from commonfate.datasets.mask_values import VOID
from commonfate.evaluation.features.dense import Counts, enlarged, nearest_labels, pair
from commonfate.evaluation.features.result import Result
from commonfate.evaluation.features.settings import ProbeSettings

Batch = tuple[np.ndarray, np.ndarray]
"""Features (b, h, w, C) float and truth (b, H, W) uint8, 255 void."""
Epochs = Callable[[int], Iterable[Batch]]
"""Batches of an epoch, by its number from 0: of cached features, or of augmented images that went
through the backbone just now."""


def cached(features: np.ndarray, truth: np.ndarray, batch: int, seed: int | None = None) -> Epochs:
    """Batches of features that are the same in every epoch.

    Args:
        features: (n, h, w, C) float.
        truth: (n, H, W) uint8.
        batch: images of a batch; the last has the rest.
        seed: of an order of its own for each epoch; None: as given (TimeT's released code).

    Raises:
        ValueError: features and truth are of different numbers of images.
    """
    if len(features) != len(truth):
        raise ValueError(f"features of {len(features)} images, truth of {len(truth)}")

    def epoch(number: int) -> Iterator[Batch]:
        for chosen in shares(len(features), batch, seed, number):
            yield features[chosen], truth[chosen]

    return epoch


def shares(count: int, batch: int, seed: int | None, epoch: int) -> Iterator[np.ndarray]:
    """Numbers of the images of each batch of an epoch, ascending; see `cached`."""
    order = np.arange(count)
    if seed is not None:
        np.random.default_rng([seed, epoch]).shuffle(order)
    for start in range(0, count, batch):
        yield np.sort(order[start : start + batch])


def fit(
    head: nn.Module, epochs: Epochs, settings: ProbeSettings, steps: int | None = None
) -> Iterator[nn.Module]:
    """Train a head; yield it after each epoch, the same module every time.

    Batches that are void everywhere are left out. The cosine falls from step to step, which needs
    their number.

    Args:
        head: from features (b, C, h, w) to (b, K, H, W), at `side` if that is set.
        epochs: training batches.
        settings: of the training.
        steps: batches of an epoch, for the cosine and to show progress.

    Raises:
        ValueError: `steps` is missing for a cosine, there is no batch that is not void, truth has
            a class too many, or the loss is not finite.
    """
    cosine = settings.drop_every is None
    if cosine and steps is None:
        raise ValueError("a cosine schedule needs the number of batches of an epoch")
    optimiser = _optimiser(head, settings)
    start, total, done, used = settings.learning_rate, settings.epochs * (steps or 1), 0, 0
    for epoch in track(range(settings.epochs), "training the head", settings.epochs):
        head.train()
        for features, truth in epochs(epoch):
            share = done / total if cosine else epoch // (settings.drop_every or 1)
            rate = start * (1 + np.cos(np.pi * min(share, 1))) / 2 if cosine else start * 0.1**share
            for group in optimiser.param_groups:
                group["lr"] = rate
            done += 1
            loss = _loss(head, features, truth, settings)
            if loss is None:
                continue
            used += 1
            if not torch.isfinite(loss):
                raise ValueError(f"the loss of the head is {float(loss)} in epoch {epoch}")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if not used:
            raise ValueError("training images: there is none with a pixel that is not void")
        head.eval()
        yield head


def _loss(
    head: nn.Module, features: np.ndarray, truth: np.ndarray, settings: ProbeSettings
) -> Tensor | None:
    """Cross-entropy of a batch; None if every pixel is void."""
    maps, labels = pair(features, truth, "training features")
    beyond = labels[(labels >= settings.classes) & (labels != VOID)]
    if len(beyond):
        raise ValueError(f"class {int(beyond.max())} is not one of 0 to {settings.classes - 1}")
    side = settings.side
    labels = nearest_labels(labels, maps.shape[-2:] if side is None else (side, side))
    if settings.void_is_a_class:
        labels = torch.where(labels == VOID, settings.classes, labels)
    if bool((labels == VOID).all()):
        return None
    device = next(head.parameters()).device
    return functional.cross_entropy(head(maps.to(device)), labels.to(device), ignore_index=VOID)


def _optimiser(head: nn.Module, settings: ProbeSettings) -> torch.optim.Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(head.parameters(), rate, weight_decay=decay)
    return torch.optim.SGD(head.parameters(), rate, momentum=0.9, weight_decay=decay)


@torch.no_grad()
def score(head: nn.Module, batches: Iterable[Batch], settings: ProbeSettings) -> Result:
    """Score a head on images, from the pixels of all of them; see `Counts.result`."""
    counts, done = Counts(settings.classes, settings.outputs), 0
    device, limit, side = next(head.parameters()).device, settings.score.images, settings.score.side
    for features, truth in batches:
        rest = len(features) if limit is None else min(limit - done, len(features))
        if rest <= 0:
            break
        maps, labels = pair(features[:rest], truth[:rest], "test features")
        if side is not None:
            labels = nearest_labels(labels, (side, side))
        counts.add(enlarged(head(maps.to(device)), labels.shape[-2:]).argmax(1), labels)
        done += rest
    return counts.result(settings.score.absent_as_zero)


def run(
    build: Callable[[int], nn.Module],
    training: Epochs,
    test: Callable[[], Iterable[Batch]],
    settings: ProbeSettings,
    steps: int | None = None,
) -> Result:
    """Train a head and score it, by the last epoch or the best.

    Args:
        build: makes the head for features of C channels, under the seed.
        training: training batches.
        test: the batches that are scored, anew at each call; sizes may differ between batches.
        settings: of training and score.
        steps: see `fit`.

    Returns:
        As `Counts.result`. The best epoch is chosen on the scored images themselves: a note names
        it.

    Raises:
        ValueError: see `fit` and `dense.pair`.
    """
    first = next(iter(training(0)), None)
    if first is None or not len(first[0]):
        raise ValueError("training images: there are none")
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        head = build(first[0].shape[-1])
        best: Result | None = None
        for epoch, trained in enumerate(fit(head, training, settings, steps)):
            if settings.score.keep == "last" and epoch + 1 < settings.epochs:
                continue
            result = score(trained, test(), settings)
            if best is None or result.metrics["mIoU"] > best.metrics["mIoU"]:
                best, chosen = result, epoch
    assert best is not None  # there is an epoch at least
    if settings.score.keep == "last":
        return best
    note = f"epoch {chosen + 1} of {settings.epochs} is the best on the scored images"
    return Result(**{**vars(best), "notes": (*best.notes, note)})
