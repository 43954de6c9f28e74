"""Features of the frames of videos: in batches of equal sizes, one pass each, into a writer."""

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from commonfate.base.errors import ConfigError, UserError
from commonfate.base.progress import track
from commonfate.models.encoders import FEATURES as ENCODER_FEATURES
from commonfate.models.encoders import Encoder
from commonfate.models.encoders import Feature as EncoderFeature
from commonfate.models.grouping import spectral
from commonfate.prediction.features.pictures import picture
from commonfate.prediction.features.views import View
from commonfate.storage.feature_items import NotStorable
from commonfate.storage.features import FeatureWriter

log = logging.getLogger(__name__)
WAITING = 4
"""Pictures that wait for others of their size, at most, in batches."""


class Source(Protocol):
    """A video, or an image as a video of one frame."""

    @property
    def name(self) -> str:
        """Name, unique in the store."""

    @property
    def place(self) -> str:
        """Path or name for messages."""

    @property
    def times(self) -> Sequence[int]:
        """Frames whose features are wanted, ascending, counted from 0."""

    def images(self, times: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield some of `times`, in order, with the frame, (H, W, 3) uint8 RGB.

        Raises:
            UserError: a frame cannot be read; the message is the reason.
        """


@dataclass(frozen=True)
class _Waiting:
    """A picture that waits for its batch."""

    video: str
    t: int
    size: tuple[int, int]
    picture: Tensor


def check(encoder: Encoder, view: View) -> None:
    """Refuse a view that an encoder does not have.

    Raises:
        ConfigError: the view's size is no multiple of the encoder's patch, or the encoder lacks a
            feature.
    """
    view.check(encoder.patch)
    if lacking := [name for name in _of_encoder(view) if name not in encoder.offers]:
        raise ConfigError(
            f"view {view}: the encoder has no {' and no '.join(lacking)}, only "
            f"{', '.join(encoder.offers)}"
        )


class Extractor:
    """Pictures come one at a time; features go to the writer as soon as a batch is full.

    Args:
        encoder: in eval mode, on its device.
        view: features and geometry, see `check`.
        writer: open.
        batch_size: pictures in a pass.

    Attributes:
        left_out: reasons, by video whose features cannot be stored.
    """

    def __init__(
        self, encoder: Encoder, view: View, writer: FeatureWriter, batch_size: int
    ) -> None:
        check(encoder, view)
        self.left_out: dict[str, str] = {}
        self._encoder, self._view, self._writer = encoder, view, writer
        self._batch_size = batch_size
        self._device = encoder.mean.device
        self._waiting: dict[tuple[int, int], list[_Waiting]] = {}

    def put(self, video: str, t: int, frame: np.ndarray) -> None:
        """Take a frame, (H, W, 3) uint8 RGB.

        Raises:
            StoreError: the view has no place for a picture of this size.
        """
        height, width = frame.shape[:2]
        placement = self._view.place((height, width), self._encoder.patch)
        taken = picture(frame, placement, self._view.bicubic)
        batch = self._waiting.setdefault(placement.size, [])
        batch.append(_Waiting(video, t, (height, width), taken))
        if len(batch) == self._batch_size:
            self._encode(placement.size)
        elif sum(map(len, self._waiting.values())) >= WAITING * self._batch_size:
            self._encode(max(self._waiting, key=lambda size: len(self._waiting[size])))

    def finish(self) -> None:
        """Encode the pictures that still wait."""
        while self._waiting:
            self._encode(next(iter(self._waiting)))

    def _encode(self, size: tuple[int, int]) -> None:
        batch = self._waiting.pop(size)
        images = torch.stack([each.picture for each in batch])
        began = time.perf_counter()
        with torch.inference_mode():
            features = self._encoder(images.to(self._device), _of_encoder(self._view))
        # Only when its results are here has a GPU done its work.
        arrays = {name: values.float().cpu().numpy() for name, values in features.items()}
        share = (time.perf_counter() - began) / len(batch)
        for n, each in enumerate(batch):
            if each.video in self.left_out:
                continue
            try:
                began = time.perf_counter()
                own = _stored({name: array[n] for name, array in arrays.items()}, self._view)
                seconds = share + time.perf_counter() - began
                self._writer.add(each.video, each.t, each.size, own, seconds)
            except NotStorable as error:
                self.left_out[each.video] = f"frame {each.t}: {error}"
                log.warning("%s: left out: %s", each.video, self.left_out[each.video])


def _of_encoder(view: View) -> list[EncoderFeature]:
    """Features that the encoder gives for a view."""
    names = [name for name in ENCODER_FEATURES if name in view.features]
    return names if "eigenvectors" not in view.features or "keys" in names else [*names, "keys"]


def _stored(features: dict[str, np.ndarray], view: View) -> dict[str, np.ndarray]:
    """Features of one picture that a view names, from those of the encoder."""
    own: dict[str, np.ndarray] = {}
    own |= {name: values for name, values in features.items() if name in view.features}
    if "eigenvectors" in view.features:
        keys = features["keys"]
        if not np.isfinite(keys).all():
            raise NotStorable("its keys are not finite: NaN or infinity")
        solved = spectral.spectrum(keys.reshape(-1, keys.shape[-1]))
        own["eigenvectors"] = solved.vectors.reshape(-1, *keys.shape[:2])
        own["eigenvalues"] = solved.values
    return own


def extract(
    sources: Sequence[Source],
    encoder: Encoder,
    view: View,
    writer: FeatureWriter,
    batch_size: int,
) -> dict[str, str]:
    """Stage the features of all frames that are not staged yet.

    A video of which a frame cannot be read is left out as a whole, with a warning; the others go
    on.

    Args:
        sources: videos and images.
        encoder, view, writer, batch_size: as of `Extractor`.

    Returns:
        Reasons, by video that is left out.
    """
    extractor = Extractor(encoder, view, writer, batch_size)
    missing = {
        source.name: [t for t in source.times if not writer.has(source.name, t)]
        for source in sources
    }
    left_out: dict[str, str] = {}
    total = sum(len(source.times) for source in sources)
    start = total - sum(map(len, missing.values()))
    if start:
        log.info("%d of %d frames are there from an earlier run", start, total)
    frames = _put_all(sources, missing, extractor, left_out)
    for _ in track(frames, "features (frames)", total, start):
        pass
    extractor.finish()
    return extractor.left_out | left_out


def _put_all(
    sources: Sequence[Source],
    missing: dict[str, list[int]],
    extractor: Extractor,
    left_out: dict[str, str],
) -> Iterator[None]:
    """Give all frames to the extractor; yields once for each, also for those left out."""
    for source in sources:
        times = missing[source.name]
        done = 0
        try:
            for t, frame in source.images(times) if times else ():
                extractor.put(source.name, t, frame)
                done += 1
                yield
        except ConfigError:  # not the fault of a video
            raise
        except UserError as error:
            left_out[source.name] = str(error)
            log.warning("%s: left out: %s", source.place, error)
        yield from (None for _ in range(len(times) - done))


def digest(encoder: Encoder) -> str:
    """SHA-256 of an encoder's kind and of its weights."""
    sha256 = hashlib.sha256(f"{type(encoder).__name__} {encoder.dim} {encoder.patch}".encode())
    for name, tensor in sorted(encoder.state_dict().items()):
        sha256.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        sha256.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha256.hexdigest()
