"""A user's own images for `commonfate probe`: checked, and their features extracted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commonfate.base.errors import ConfigError
from commonfate.base.settings import Settings
from commonfate.cli import features
from commonfate.evaluation.features.run import settings as known_settings

if TYPE_CHECKING:
    import numpy as np

    from commonfate.evaluation.features.run.score import Data
    from commonfate.prediction.features.views import View

Reader = Callable[[str, int], "np.ndarray"]


@dataclass(frozen=True)
class Prepared:
    """Inputs of a protocol: data, and frames of the scored and of the training images."""

    data: "Data"
    frames: Reader | None
    train_frames: Reader | None


def prepare(
    images: Sequence[Path],
    settings: Mapping[str, Settings | None],
    device: str,
    threads: int | None,
    output: Path,
    chosen: dict[str, Any],
) -> dict[str, Prepared]:
    """Features of a user's own images, extracted into the folder: for each view a store.

    Args:
        images: files and folders that are scored.
        settings: by protocol.
        device, threads: of the encoder.
        output: folder of features and scores.
        chosen: options of `commonfate probe`.

    Returns:
        For each protocol its data and frames.

    Raises:
        ConfigError: a protocol lacks images or masks.
    """
    from commonfate.datasets import image_file
    from commonfate.datasets.annotations import KINDS, is_kind
    from commonfate.evaluation.features.run import own_images
    from commonfate.evaluation.features.run.parts import Stores
    from commonfate.evaluation.features.run.score import Data

    kind = chosen["annotation_kind"]
    if not is_kind(kind):
        raise ConfigError(f"--annotation-kind {kind!r}: known are {', '.join(KINDS)}")
    if "propagation" in settings:
        raise ConfigError("--protocol propagation is for videos, with --manifest")
    for name in settings:
        _check(name, chosen)
    test, files = own_images.listing("val", images, chosen["labels"], kind)
    train, train_files = None, dict[str, str]()
    if chosen["train"]:
        train, train_files = own_images.listing(
            "train", chosen["train"], chosen["train_labels"], kind
        )

    def stores(split: str, paths: Sequence[Path], view: str) -> Stores:
        store = output / "features" / f"{split}.{view}.zarr.zip"
        click.get_current_context().invoke(
            features.command,
            files=tuple(paths),
            encoder=chosen["encoder"],
            part=chosen["part"],
            seed=chosen["seed"],
            view_name=view,
            device=device,
            threads=threads,
            output=store,
        )
        return Stores([store])

    def reader(paths: Mapping[str, str]) -> Reader:
        return lambda image, t: image_file.pixels(paths[image])

    # Images without stored features are read in the middle of a training, where none may fail.
    seen_anew = any(known_settings.augments(each) for each in settings.values())
    whole = own_images.readable(train, train_files) if train and seen_anew else train
    own_views = _views(list(settings), chosen["view_name"])
    extracted: dict[tuple[str, str], Stores] = {}
    result = {}
    for name, view in own_views.items():
        learns = train is not None and known_settings.PROTOCOLS[name].fits
        stored = learns and not known_settings.augments(settings[name])
        for split, paths in (("val", images), *([("train", chosen["train"])] if stored else [])):
            if (split, view) not in extracted:
                extracted[split, view] = stores(split, paths, view)
        data = Data(
            test,
            extracted["val", view],
            (train if stored else whole) if learns else None,
            extracted["train", view] if stored else None,
            clip_length=chosen["clip_length"],
            held_bytes=int(chosen["hold_gib"] * 2**30),
        )
        result[name] = Prepared(data, reader(files), reader(train_files))
    return result


def _views(protocols: Sequence[str], chosen: str | None) -> dict[str, str]:
    """View for each protocol; protocols of one geometry share the features of all of them.

    Args:
        protocols: their names.
        chosen: view for all, but for localization; None: each protocol's own.

    Raises:
        ConfigError: the chosen view lacks a feature.
    """
    from commonfate.prediction.features import views
    from commonfate.prediction.features.views import FEATURES, View

    parsed: dict[str, View] = {}
    for name in protocols:
        own = chosen is None or name == "localization"
        view = views.parse(known_settings.view_of(name) if own else str(chosen))
        reads = known_settings.PROTOCOLS[name].reads
        if lacking := [feature for feature in reads if feature not in view.features]:
            raise ConfigError(
                f"--view {view}: protocol {name} reads {' and '.join(lacking)}; add it, or leave "
                "--view out"
            )
        parsed[name] = view
    result = {}
    for name, view in parsed.items():
        same = [each for each in parsed.values() if _geometry(each) == _geometry(view)]
        names = {feature for each in same for feature in each.features}
        shared = View(view.geometry, view.size, tuple(n for n in FEATURES if n in names))
        result[name] = str(shared)
    return result


def _geometry(view: "View") -> tuple[str, int | None]:
    return view.geometry, view.size


def _check(name: str, chosen: dict[str, Any]) -> None:
    """Refuse a protocol that own images lack something for, before features are made.

    Raises:
        ConfigError: this is so.
    """
    protocol = known_settings.PROTOCOLS[name]
    by_mask = protocol.truth != "image_labels"
    if by_mask and not chosen["labels"]:
        raise ConfigError(f"protocol {name} scores against masks: name them with --labels")
    if protocol.fits and not chosen["train"]:
        raise ConfigError(f"protocol {name} learns from images: name them with --train")
    if protocol.fits and by_mask and not chosen["train_labels"]:
        raise ConfigError(f"protocol {name} learns from masks: name them with --train-labels")
