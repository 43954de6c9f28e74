"""Classes and the held-out videos of YouTube-VOS' training split.

meta.json: {"videos": {"003234408d": {"objects": {"1": {"category": "penguin", ...}}}}}
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from commonfate.base.errors import StoreError
from commonfate.datasets.layouts import DOCS
from commonfate.datasets.settings import YoutubeVosConfig

META = "train/meta.json"
NO_CLASS = 255
"""Number of an object that meta.json does not have; its pixels are void."""


def class_names(settings: YoutubeVosConfig) -> tuple[str, ...]:
    """Background, then the categories of meta.json in alphabetical order; empty without the file.

    Raises:
        StoreError: the file is damaged.
    """
    path = settings.root / META
    if not path.is_file():
        return ()
    categories = {name for video in _objects(path).values() for name in video.values()}
    return ("background", *sorted(categories))


def kinds(settings: YoutubeVosConfig) -> dict[str, str]:
    """Annotation kind of each video of meta.json, e.g. `objects:7.2`, see `VideoSource`.

    The number of a class is its place in `class_names`.

    Raises:
        StoreError: the file is missing or damaged, or has more than 254 categories.
    """
    path = settings.root / META
    if not path.is_file():
        raise StoreError(f"{path}: no such file, but classes are wanted; {DOCS} says what it is")
    numbers = {name: number for number, name in enumerate(class_names(settings))}
    if len(numbers) > NO_CLASS:
        raise StoreError(f"{path}: has {len(numbers) - 1} categories, more than a mask can hold")
    return {
        video: "objects:"
        + ".".join(
            str(numbers[objects[n]] if n in objects else NO_CLASS)
            for n in range(1, max(objects, default=0) + 1)
        )
        for video, objects in _objects(path).items()
        if objects
    }


def is_held_out(video: str, settings: YoutubeVosConfig) -> bool:
    """True for the share `held_out` of all videos, drawn by a hash of seed and name.

    TimeT holds out a fifth by an unseeded shuffle and publishes no list.
    """
    digest = hashlib.sha256(f"{settings.held_out_seed}/{video}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < settings.held_out * 2**64


def _objects(path: Path) -> dict[str, dict[int, str]]:
    """Category of each object of each video."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, changed_ns: int) -> dict[str, dict[int, str]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            video: {int(n): str(item["category"]) for n, item in entry["objects"].items()}
            for video, entry in content["videos"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path}: cannot be read as YouTube-VOS' meta.json ({error!r}); {DOCS} says where it "
            f"comes from"
        ) from error
