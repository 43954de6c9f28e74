"""Check of the masks of a video, made with that of its frames: before anything is trained."""

from collections.abc import Sequence
from pathlib import Path

from commonfate.base.errors import StoreError
from commonfate.datasets import annotations, mask_values
from commonfate.datasets.mask_values import misread


def check(files: Sequence[str], kind: str, size: tuple[int, int]) -> list[str]:
    """Read every mask of a video.

    Args:
        files: annotation of each frame, "" if it has none, see `VideoSource`.
        kind: of the masks, one of `annotations.KINDS`.
        size: height and width of the frames.

    Returns:
        Remarks on masks that are odd, but used.

    Raises:
        StoreError: a mask is missing or damaged, has another aspect ratio than the frames, or does
            not fit its kind; or no mask of the video has foreground, though not all are black.
    """
    paths = [Path(file) for file in files if file]
    any_foreground, empty = False, []
    for path in paths:
        _check_aspect(path, size)
        foreground, void = annotations.read(path, kind)
        any_foreground |= bool(foreground.any())
        if not foreground.any() and (void.any() or _is_dark(path, kind)):
            empty.append(path)
    if empty and not any_foreground and kind != "grey":
        problem = "is not black, but no mask of this video has foreground"
        raise misread(empty[0], kind, problem, "binary")
    return _remarks(paths, size, empty if kind == "grey" else [])


def _check_aspect(path: Path, size: tuple[int, int]) -> None:
    """Refuse a mask whose aspect ratio differs from its frame's by more than a pixel."""
    (height, width), mask = size, annotations.size(path)
    if abs(mask[0] * width - height * mask[1]) > max(height, width, *mask):
        turned = " (is one of the two turned by 90 degrees?)" if mask == (width, height) else ""
        raise StoreError(
            f"{path}: this mask is {mask[1]}x{mask[0]}, its frame {width}x{height}{turned}; make "
            f"it the frame's size"
        )


def _is_dark(path: Path, kind: str) -> bool:
    """True if a mask without foreground is not black; only for kinds that allow dark masks."""
    if kind.startswith("fbms"):
        return bool(annotations.read(path, "fbms:0.001")[0].any())
    return kind == "grey" and bool(mask_values.levels(path, kind).any())


def _remarks(paths: Sequence[Path], size: tuple[int, int], faint: Sequence[Path]) -> list[str]:
    remarks = []
    if faint:
        least = annotations.GREY_FOREGROUND_FROM
        remarks.append(f"{faint[0]}: no value of this mask reaches {least}: it has no foreground")
    for path in paths:
        if (its_size := annotations.size(path)) != size:
            remarks.append(
                f"{path}: this mask is {its_size[1]}x{its_size[0]}, its frame {size[1]}x{size[0]}; "
                f"scores are taken at the size of the mask"
            )
            break
    return remarks
