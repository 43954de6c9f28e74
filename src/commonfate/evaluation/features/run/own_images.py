"""A user's own images with masks beside them, or in a folder a class, as a split of a data set."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from commonfate.base.errors import ConfigError, did_you_mean
from commonfate.base.progress import track
from commonfate.datasets import image_file
from commonfate.datasets.image_file import ImageError
from commonfate.datasets.search import IMAGE_SUFFIXES, walk
from commonfate.evaluation.features.run.parts import Listing
from commonfate.prediction.benchmark import AnnotatedVideo
from commonfate.prediction.features import own_files

log = logging.getLogger(__name__)


def listing(
    split: str, images: Sequence[Path], masks: Sequence[Path], kind: str
) -> tuple[Listing, dict[str, str]]:
    """Images under the names that `commonfate features` gives them, with masks and labels.

    A mask is that of the image with the same name and folder, apart from the suffix and the folder
    that was named; where no such mask is, that of the only image with its file's name. The label of
    an image is the name of the folder that it is in, below the folder that was named.

    Args:
        split: name of the images, `val` or `train`.
        images: files and folders.
        masks: files and folders of masks; none: the images have labels alone.
        kind: of the masks, see `datasets.annotations`.

    Returns:
        The images, and their files by name.

    Raises:
        ConfigError: a path is missing, a file is a video, or no image has a mask.
    """
    sources = own_files.given(images)
    if videos := [source.path for source in sources if not own_files.is_image(source.path)]:
        raise ConfigError(
            f"{videos[0]}: is no image; frames of videos are scored as a data set, with --manifest "
            "(docs/features.md)"
        )
    by_key = _by_key(masks)
    left_out = {source.id: source.fault for source in sources if source.fault}
    listed, labels, matched = [], {}, set()
    for source in sources:
        if source.fault:
            continue
        path = Path(source.path)
        root = _root_of(path, images)
        parent = path.parent.name if root is not None and path.parent != root else ""
        if parent:
            labels[source.id] = parent
        mask = _mask_of(path, root, by_key)
        if mask is not None:
            matched.add(mask)
        elif masks:
            left_out[source.id] = f"has no mask of its name in {' '.join(map(str, masks))}"
            continue
        annotations = {} if mask is None else {0: mask}
        listed.append(AnnotatedVideo(source.id, 1, kind, annotations))
    where = " ".join(map(str, images))
    if masks and not matched:
        names = [key for key in by_key if "/" not in key]
        example = Path(sources[0].path)
        raise ConfigError(
            f"{where}: no image has a mask; of {example.name} a mask {example.stem}.png is "
            f"expected in {' '.join(map(str, masks))}{did_you_mean(example.stem, names)}"
        )
    if left_out:
        name, reason = next(iter(left_out.items()))
        count = f"{len(left_out)} of {len(sources)} images are left out"
        log.warning("%s: %s, e.g. %s: %s", where, count, name, reason)
    if spare := len({*by_key.values()} - {None} - matched):
        log.warning("%d masks are of no image", spare)
    return Listing(where, split, listed, left_out, labels), {s.id: s.path for s in sources}


def readable(listed: Listing, files: Mapping[str, str]) -> Listing:
    """The listing without the images that cannot be read; each is read for that.

    Args:
        listed: images.
        files: their files by name.
    """
    left_out: dict[str, str] = {}
    for image in track(listed.videos, "reading images", len(listed.videos)):
        try:
            image_file.pixels(files[image.name])
        except ImageError as error:
            left_out[image.name] = str(error)
            log.warning("%s: left out: %s", files[image.name], error)
    videos = [image for image in listed.videos if image.name not in left_out]
    return replace(listed, videos=videos, left_out={**listed.left_out, **left_out})


def _by_key(paths: Sequence[Path]) -> Mapping[str, Path | None]:
    """Masks by name with and without folders; None where several have the name."""
    result: dict[str, Path | None] = {}
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path}: no such file or folder")
        for file in _files(path):
            inside = file.relative_to(path) if path.is_dir() else Path(file.name)
            for key in {inside.with_suffix("").as_posix(), f"*/{file.stem}"}:
                result[key] = None if key in result else file
    return result


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = [folder / name for folder, names in walk(path, _refuse) for name in names]
    return sorted(file for file in files if file.suffix.lower() in IMAGE_SUFFIXES)


def _refuse(error: OSError) -> None:
    raise error


def _root_of(path: Path, roots: Sequence[Path]) -> Path | None:
    return next((root for root in roots if root.is_dir() and path.is_relative_to(root)), None)


def _mask_of(path: Path, root: Path | None, masks: Mapping[str, Path | None]) -> Path | None:
    inside = path.relative_to(root) if root else Path(path.name)
    same = masks.get(inside.with_suffix("").as_posix())
    return same or masks.get(f"*/{path.stem}")
