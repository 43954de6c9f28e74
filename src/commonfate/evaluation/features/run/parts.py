"""Items of a split, which a protocol scores or fits on: their features and their truth."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import annotations
from commonfate.evaluation.features.run.lazy import HELD_BYTES, Lazy, as_array
from commonfate.prediction import benchmark
from commonfate.prediction.benchmark import AnnotatedVideo
from commonfate.prediction.features import pictures, views
from commonfate.prediction.features.views import Placement, View
from commonfate.storage.feature_shards import FeatureShards
from commonfate.storage.features import FeatureReader

log = logging.getLogger(__name__)
Item = tuple[str, int]
"""A video and the number of its frame; an image is frame 0 of itself."""
NAMED = 3
"""Largest number of videos that a message names."""


@dataclass(frozen=True)
class Listing:
    """Videos and images of a split, and their truth on disk.

    Attributes:
        where: manifest or folder, for messages.
        split: its name.
        videos: usable ones, sorted by name.
        left_out: reasons, by video that is not usable.
        labels: class of a whole image, by video that has one.
    """

    where: str
    split: str
    videos: list[AnnotatedVideo]
    left_out: Mapping[str, str]
    labels: Mapping[str, str]


def of_manifest(manifest: Path, split: str) -> Listing:
    """Videos of a manifest's split.

    Raises:
        StoreError: the file is damaged or no manifest, or no video of the split is usable.
        ConfigError: the manifest has no such split.
    """
    listed = benchmark.read_whole(manifest, split)
    table = parquet.read(manifest)
    labels = dict(zip(table["id"], table["label"], strict=True)) if "label" in table else {}
    named = {video: str(label) for video, label in labels.items() if label}
    return Listing(str(manifest), split, listed.videos, listed.left_out, named)


class Stores:
    """Stores of features, of one view or several.

    Raises:
        ConfigError, StoreError: as `FeatureShards`.
    """

    def __init__(self, paths: Sequence[Path], option: str = "--features") -> None:
        by_view: dict[str, list[Path]] = {}
        for path in paths:
            by_view.setdefault(FeatureReader(path).view, []).append(path)
        self._views = {name: FeatureShards(each) for name, each in by_view.items()}
        self._option = option
        self.paths = list(paths)

    def having(self, features: Sequence[str], protocol: str) -> FeatureShards:
        """The stores of the view that has some features, of several the smallest.

        Raises:
            ConfigError: there is none, or the choice is open.
        """
        fitting = {
            name: view
            for name in self._views
            if set(features) <= set((view := views.parse(name)).features)
        }
        if not fitting:
            have = ", ".join(self._views) or "none"
            wanting = " and ".join(features)
            raise ConfigError(
                f"{self._option}: protocol {protocol} reads {wanting}, but the stores are of view "
                f"{have}; make them with commonfate features --view 448.{'+'.join(features)} or "
                "another view that has them"
            )
        least = min(len(view.features) for view in fitting.values())
        smallest = [name for name, view in fitting.items() if len(view.features) == least]
        if len(smallest) > 1:
            raise ConfigError(
                f"{self._option}: protocol {protocol} can read views {' and '.join(smallest)}; "
                "name the stores of one"
            )
        return self._views[smallest[0]]


@dataclass(frozen=True)
class Part:
    """Items with features and truth.

    Attributes:
        listing: the videos.
        shards: their features; None where the protocol reads none.
        items: those that are scored or fitted on, by video and frame.
        left_out: reasons, by video without an item.
        held_bytes: largest array of tokens that is held in memory.
    """

    listing: Listing
    shards: FeatureShards | None
    items: list[Item]
    left_out: Mapping[str, str]
    held_bytes: int = HELD_BYTES

    @cached_property
    def videos(self) -> dict[str, AnnotatedVideo]:
        """The listed videos by name."""
        return {video.name: video for video in self.listing.videos}

    @property
    def view(self) -> View:
        """View of the features."""
        return views.parse(self.stores.view)

    @property
    def stores(self) -> FeatureShards:
        """The features, where the protocol reads some."""
        assert self.shards is not None
        return self.shards

    @cached_property
    def patch(self) -> int:
        """Pixels of a patch's side."""
        return int(self.stores.reader(self.items[0][0]).provenance["patch"])

    def placement(self, video: str) -> Placement:
        """Resizing and cutting of a video's frames."""
        return self.view.place(self.stores.reader(video).size(video), self.patch)

    def native(self, item: Item) -> np.ndarray:
        """Label map of an item as it is on disk, (H, W) uint8, 255 void.

        Raises:
            StoreError: it is missing or damaged.
        """
        video = self.videos[item[0]]
        return annotations.labels(video.annotations[item[1]], video.kind).copy()

    def truth(self, item: Item) -> np.ndarray:
        """Label map of an item in the place of the view, (h, w) uint8, 255 void."""
        return pictures.labels(self.native(item), self.placement(item[0]))

    def picture(self, item: Item, frame: np.ndarray) -> np.ndarray:
        """A frame, (H, W, 3) uint8, in the place of the view."""
        placed = pictures.picture(frame, self.placement(item[0]), self.view.bicubic)
        return (placed * 255).round().byte().permute(1, 2, 0).numpy()

    def features(self, name: str) -> Lazy:
        """A feature of all items, (n, ...), read when it is indexed.

        Raises:
            ConfigError: shapes differ.
        """
        stores = self.stores
        shapes = {stores.reader(video).shape(video, name): video for video, _ in self.items}
        if len(shapes) > 1:
            (first, one_video), (second, other), *_ = shapes.items()
            raise ConfigError(
                f"{self.listing.where}: features of {one_video!r} are {first}, of {other!r} "
                f"{second}; this protocol takes pictures of one size: choose a view such as "
                f"448.{name}"
            )
        return Lazy(lambda i: stores.read(*self.items[i], name), len(self.items))

    def tokens(self) -> np.ndarray:
        """Tokens of all items, (n, h, w, C): held, or read when they are indexed.

        Raises:
            ConfigError: shapes differ.
        """
        array = self.features("tokens")
        if array.nbytes > self.held_bytes:
            log.info(
                "%s: %.1f GiB of tokens are read again in each pass; --hold-gib holds them",
                self.listing.where,
                array.nbytes / 2**30,
            )
        return as_array(array, self.held_bytes)

    def truths(self) -> Lazy:
        """Truth of all items, (n, h, w) uint8, in the place of the view."""
        return Lazy(lambda i: self.truth(self.items[i]), len(self.items))


def part(
    listing: Listing, shards: FeatureShards | None, truth: str, held_bytes: int = HELD_BYTES
) -> Part:
    """Items of a listing that have truth.

    Args:
        listing: the videos.
        shards: their features; None: the protocol reads none.
        truth: `labels` and `masks`: annotated frames; `boxes`: frames with features, of videos with
            masks the annotated ones; `image_labels`: frames with features of videos with a label.
        held_bytes: see `Part`.

    Raises:
        ConfigError: the features are of other videos or frames.
        StoreError: there is no item.
    """
    items: list[Item] = []
    left_out = dict(listing.left_out)
    missing = []
    stored: set[str] = set() if shards is None else set(shards.videos)
    for video in listing.videos:
        if reason := _without_truth(video, listing, truth):
            left_out[video.name] = reason
        elif shards is not None and video.name in shards.left_out:
            left_out[video.name] = f"has no features: {shards.left_out[video.name]}"
        elif shards is not None and video.name not in stored:
            missing.append(video.name)
        else:
            items += [(video.name, t) for t in _times(video, shards, truth, listing)]
    if missing:
        raise ConfigError(
            f"{listing.where}: {len(missing)} videos of split {listing.split}, such as "
            f"{', '.join(missing[:NAMED])}, are in no store of features that is named; name the "
            "stores of all shards, made from this manifest"
        )
    if not items:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:NAMED])
        raise StoreError(f"{listing.where}: split {listing.split} has nothing to score ({reasons})")
    return Part(listing, shards, items, left_out, held_bytes)


def _without_truth(video: AnnotatedVideo, listing: Listing, truth: str) -> str | None:
    if truth == "image_labels":
        return None if video.name in listing.labels else "has no label"
    if truth == "boxes":
        return None
    if not video.annotations:
        return "has no annotations"
    if not annotations.is_kind(video.kind):
        raise StoreError(
            f"{listing.where}: video {video.name!r} has annotation_kind {video.kind!r}; allowed "
            f"are {', '.join(annotations.KINDS)}"
        )
    return None


def _times(
    video: AnnotatedVideo, shards: FeatureShards | None, truth: str, listing: Listing
) -> Sequence[int]:
    annotated = list(video.annotations)
    if shards is None:
        return annotated
    stored = shards.reader(video.name).frames(video.name)
    if truth == "boxes" and annotated:
        return [t for t in stored if t in video.annotations]
    if truth in ("boxes", "image_labels"):
        return stored
    if lacking := sorted({*annotated} - {*stored}):
        raise ConfigError(
            f"{listing.where}: frame {lacking[0]} of video {video.name!r} is annotated, but has no "
            f"features in {shards.reader(video.name).path}; make them with --frames-of annotated "
            "and without --every"
        )
    return annotated
