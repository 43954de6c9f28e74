"""Photometric error on real frames, whose flow nobody knows.

The second frame, pulled back along the flow, should look like the first. That is no end-point
error: where nothing has texture any flow passes, and light that changes counts against good flow.
Beside an end-point error on rendered data it tells whether a network learnt more than those data.
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
from commonfate.flow.quality.sample import of_images


def frame_pairs(folder: Path, count: int) -> list[tuple[Path, Path]]:
    """Pairs of consecutive frames, spread evenly over the videos of a folder.

    Args:
        folder: DAVIS 2016 as its authors ship it, or any folder with folders of numbered images.
        count: how many pairs at most.

    Raises:
        UserError: the folder holds no two frames in a row.
    """
    from commonfate import datasets
    from commonfate.datasets.settings import DavisConfig, FolderConfig

    is_davis = (folder / "JPEGImages").is_dir()
    lists = (folder / "ImageSets" / "480p").glob("*.txt") if is_davis else ()
    splits = sorted({path.stem for path in lists} & {"train", "val"})
    settings = DavisConfig(root=folder, splits=splits) if is_davis else FolderConfig(root=folder)
    found = [
        (Path(first), Path(second))
        for video in datasets.open("frames_of", settings, folder).videos()
        for first, second in zip(
            video.frame_files or (), (video.frame_files or ())[1:], strict=False
        )
    ]
    if not found:
        raise UserError(f"{folder}: holds no two numbered images in a row")
    return spread(found, count)


def measure(
    estimator: FlowEstimator, found: Sequence[tuple[Path, Path]], folder: Path
) -> dict[str, Any]:
    """Mean photometric error of an estimator on pairs of images.

    Returns:
        `frames_of`, the folder's name; `pairs`; `error`, the mean absolute difference in grey
        levels (0 to 255) over the pixels that stay in the frame; `unwarped`, the same of the frames
        as they are, over all pixels; `inside`, the share of pixels that stay in the frame.
    """
    sums = np.zeros(4)
    for first, second in track(found, "photometric error (pairs)", len(found)):
        images = [_read(path) for path in (first, second)]
        sums += compare(*images, of_images(estimator, *images))
    error, inside, unwarped, pixels = sums
    facts = {"frames_of": folder.resolve().name, "pairs": len(found)}
    means = {"error": ratio(error, inside), "unwarped": ratio(unwarped, pixels)}
    return {**facts, **means, "inside": ratio(inside, pixels)}


def compare(first: np.ndarray, second: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Sums over the pixels of one pair.

    Args:
        first, second: (H, W, 3) uint8, RGB.
        flow: (2, H, W) float32, from the first to the second, pixels; NaN where unknown.

    Returns:
        (4,) float64: sum of the absolute differences of the first frame and the second looked up
        along the flow (mean of the channels), number of pixels that it is summed over, sum of the
        differences of the frames as they are, number of all pixels.
    """
    import torch

    from commonfate.flow.warp import look_up

    one, other = (
        torch.from_numpy(image).permute(2, 0, 1).float()[None] for image in (first, second)
    )
    warped, inside = look_up(other, torch.from_numpy(flow)[None])
    difference = (one - warped).abs().mean(1)[inside].double()
    unwarped = (one - other).abs().mean(1).double()
    sums = (difference.sum(), inside.sum(), unwarped.sum())
    return np.array([*map(float, sums), unwarped.numel()])


def _read(path: Path) -> np.ndarray:
    try:
        return image_file.pixels(path)
    except ImageError as error:
        raise StoreError(f"{path}: {error}; put it back") from error
