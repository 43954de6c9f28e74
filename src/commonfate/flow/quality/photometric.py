"""Photometric error: flow on real frames, whose true flow is unknown.

The second frame, warped back along the flow, should look like the first. This is no end-point
error: any flow passes where there is no texture, and changes of light count against good flow.
Beside the end-point error on rendered data it shows whether a network generalises beyond them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import StoreError, UserError
from commonfate.base.progress import track
from commonfate.datasets import image_file
from commonfate.datasets.image_file import ImageError
from commonfate.flow.drawing.review import spread
from commonfate.flow.estimators.base import FlowEstimator
from commonfate.flow.quality.errors import ratio
from commonfate.flow.quality.stored import of_images


def frame_pairs(folder: Path, count: int) -> list[tuple[Path, Path]]:
    """Pairs of consecutive frames, spread evenly over the videos of a folder.

    Args:
        folder: DAVIS 2016 as its authors ship it, or any folder with folders of numbered images.
        count: largest number of pairs.

    Raises:
        UserError: the folder holds no two consecutive frames.
    """
    from commonfate import datasets
    from commonfate.datasets.settings import DavisConfig, FolderConfig

    is_davis = (folder / "JPEGImages").is_dir()
    lists = (folder / "ImageSets" / "480p").glob("*.txt") if is_davis else ()
    splits = sorted({path.stem for path in lists} & {"train", "val"})
    settings = DavisConfig(root=folder, splits=splits) if is_davis else FolderConfig(root=folder)
    pairs = [
        (Path(first), Path(second))
        for video in datasets.open("frames_of", settings, folder).videos()
        for first, second in zip(
            video.frame_files or (), (video.frame_files or ())[1:], strict=False
        )
    ]
    if not pairs:
        raise UserError(f"{folder}: holds no two numbered images in a row")
    return spread(pairs, count)


def measure(
    estimator: FlowEstimator, pairs: Sequence[tuple[Path, Path]], folder: Path
) -> dict[str, Any]:
    """Mean photometric error of an estimator on pairs of images.

    Returns:
        `frames_of`, the folder's name; `pairs`; `error`, the mean absolute difference in grey
        levels (0 to 255) over the pixels that stay in the frame; `unwarped`, that of the frames
        without warping, over all pixels; `inside`, the share of pixels that stay in the frame.
    """
    sums = np.zeros(4)
    for first, second in track(pairs, "photometric error (pairs)", len(pairs)):
        images = [_read(path) for path in (first, second)]
        sums += compare(*images, of_images(estimator, *images))
    error, inside, unwarped, pixels = sums
    return {
        "frames_of": folder.resolve().name,
        "pairs": len(pairs),
        "error": ratio(error, inside),
        "unwarped": ratio(unwarped, pixels),
        "inside": ratio(inside, pixels),
    }


def compare(first: np.ndarray, second: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Sums over the pixels of one pair.

    Args:
        first: (H, W, 3) uint8, RGB.
        second: (H, W, 3) uint8, RGB.
        flow: (2, H, W) float32, from the first to the second, pixels; NaN where unknown.

    Returns:
        (4,) float64: sum of the absolute differences between the first frame and the warped second
        frame (mean of the channels), number of pixels in that sum, sum of the differences without
        warping, number of all pixels.
    """
    import torch

    from commonfate.flow.warp import look_up

    tensors = (torch.from_numpy(image).permute(2, 0, 1).float()[None] for image in (first, second))
    reference, target = tensors
    warped, inside = look_up(target, torch.from_numpy(flow)[None])
    difference = (reference - warped).abs().mean(1)[inside].double()
    unwarped = (reference - target).abs().mean(1).double()
    sums = (difference.sum(), inside.sum(), unwarped.sum())
    return np.array([*map(float, sums), unwarped.numel()])


def _read(path: Path) -> np.ndarray:
    try:
        return image_file.pixels(path)
    except ImageError as error:
        raise StoreError(f"{path}: {error}; put it back") from error
