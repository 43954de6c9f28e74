"""Training images that are cropped and flipped anew in each epoch, and their features."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from commonfate.base.errors import ConfigError
from commonfate.evaluation.features.benchmarks import NOT_ONE_SIZE
from commonfate.evaluation.features.probe import Batch, Epochs, shares
from commonfate.evaluation.features.run.parts import Part
from commonfate.models.encoders import Encoder
from commonfate.prediction.features import pictures
from commonfate.prediction.features.extract import digest
from commonfate.prediction.features.views import Placement, View
from commonfate.samples.augment import augment, channels_first

SCALE = (0.8, 1.0)
"""Smallest and largest share of an image's area (Leopart's and FlowDINO's released code)."""


@dataclass(frozen=True)
class Training:
    """Frames of the training images, and the encoder that sees them.

    Attributes:
        encoder: in evaluation mode, on its device.
        frames: reads a frame, (H, W, 3) uint8 RGB, by video and number.
        paths: files that frames are read from, for the provenance of scores.
    """

    encoder: Encoder
    frames: Callable[[str, int], np.ndarray]
    paths: Sequence[Path] = ()


def check(training: Training, test: Part) -> None:
    """Refuse an encoder that is not that of the scored features, and pictures of several sizes.

    Raises:
        ConfigError: this is so.
    """
    store = test.stores.reader(test.items[0][0])
    if digest(training.encoder) != store.provenance.get("encoder_sha256"):
        raise ConfigError(
            f"{store.path}: is of another encoder than the one that sees the training images; "
            "name with --encoder (and --part, --seed) the one that made it"
        )
    if not test.view.one_size:
        raise ConfigError(f"view {test.view}: {NOT_ONE_SIZE}, or --set augmented=false")


def epochs(train: Part, training: Training, view: View, batch: int, seed: int) -> Epochs:
    """Batches of features of random parts of the training images, and of their truth.

    A part has 0.8 to 1 of the image's area and sides of 3:4 to 4:3, where the image allows it. It
    is resized bilinearly to the view's square, and flipped half the time. An image's part is a
    function of the seed, the epoch and its place in the list.

    Args:
        train: the images.
        training: their frames, and the encoder.
        view: of the scored features; gives the side of the square, a multiple of the patch.
        batch: images of a batch; the last has the rest.
        seed: of order and parts.

    Returns:
        For an epoch, features (b, h, w, C) float32 and truth (b, S, S) uint8, 255 void.
    """
    change = v2.Compose([v2.RandomResizedCrop(view.size, SCALE), v2.RandomHorizontalFlip()])

    def drawn(i: int, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        video, t = train.items[i]
        frame = training.frames(video, t)
        size = (frame.shape[0], frame.shape[1])
        truth = pictures.labels(train.native((video, t)), Placement(size, 0, 0, size))
        image = tv_tensors.Image(channels_first([frame])[0])
        labels = tv_tensors.Mask(torch.from_numpy(truth))
        own = int(np.random.default_rng([seed, epoch, i]).integers(2**63))
        image, labels = augment(change, (image, labels), own)
        return image.float() / 255, labels

    @torch.no_grad()
    def epoch(number: int) -> Iterator[Batch]:
        for chosen in shares(len(train.items), batch, seed, number):
            images, labels = zip(*(drawn(int(i), number) for i in chosen), strict=True)
            stacked = torch.stack(images).to(training.encoder.mean.device)
            tokens = training.encoder(stacked, ("tokens",))["tokens"]
            yield tokens.cpu().float().numpy(), torch.stack(labels).numpy()

    return epoch
