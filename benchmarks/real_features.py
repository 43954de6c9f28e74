"""Encoders on real images: boxes, classes and carried masks, beside what needs no network.

    python benchmarks/real_features.py random.vit_demo_8 colour
    python benchmarks/real_features.py run/checkpoint.pt run/checkpoint.pt:student --quick

Encoders are names or files for `models.encoders.create`, a part of a file behind a colon; `colour`
is colour and position alone. Data lie in --data, else ../shared/data: folders `raccoon` and
`camvid` in VOC's layout, `DAVIS2016`. Images are resized to a short side of --short-side
(CamVid 240x320, DAVIS 240x424); truth keeps its size. Features are made once for each encoder
and kept in memory (CamVid: 0.25 GB at width 192 and patches of 8).

Boxes: keys of the last layer, Fiedler vector, largest component. CamVid: linear probe (50 epochs,
batch 16, seeds 0 to 2), retrieval from 100,000 patches of the training frames (seeds 0 to 2), and
on the validation frames F, C (clips of 16 frames), D of K = 11 by Hungarian matching, and K = 100
by precision, three clusterings each. DAVIS: the mask of each sequence's first frame, carried in
steps of 2, 5, 10 and 19 frames; J and F of aligned frames at full size, and TimeT's released score.
Foreground: J of a linear probe that learns from six sequences and is scored on two, every choice.

An encoder may have a label before an equals sign; those of one label, seeds of a training, make one
row of means and deviations.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import real_data
import real_foreground
import real_protocols as protocols
from real_encoders import Features, features_of
from tabulate import tabulate

from commonfate.evaluation.features import localization, propagated
from commonfate.evaluation.features.settings import FRAMES_APART
from commonfate.flow.settings import SHIPPED

SHARED = Path(__file__).resolve().parents[2] / "shared/data"
PARTS = ("raccoon", "davis", "carried", "camvid")
SEED = "#"
"""Between the label of an encoder and its number."""
CENTRE = {"raccoon": 0.8, "davis": 0.7}
"""Share of each side of the best centred box, as ../shared/data/README.md gives it."""


@dataclass(frozen=True)
class Work:
    """Amount of work: every n-th image, frames of a DAVIS sequence (None: all), protocols.

    And the sources of flow that carry masks.
    """

    every: int
    frames: int | None
    size: protocols.Size
    sources: tuple[str, ...] = ("dis",)


WHOLE = Work(1, None, protocols.Size())
QUICK = Work(8, 12, protocols.Size(repeats=1, epochs=5, starts=1))

Boxes = dict[str, list[np.ndarray]]


def of_one(features: Features, image: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens, and the box (4,) by keys, of an image (H, W, 3)."""
    small = real_data.resized(image, side, features.patch)
    tokens, keys = features(small[None])
    scale = side / min(image.shape[:2])
    return tokens[0], protocols.spectral_box(keys[0], features.patch, small.shape[:2], scale)


def no_network(boxes: Boxes, images: real_data.Images, data: str) -> None:
    """Add the whole images and their centred boxes."""
    for image in images.frames:
        boxes["whole image"].append(real_data.centred(image.shape[:2], 1))
        boxes["centred box"].append(real_data.centred(image.shape[:2], CENTRE[data]))


Cell = float | tuple[float, float]
"""A percentage, or one with its deviation."""


def table(
    title: str, headers: Sequence[str], rows: Sequence[tuple[str, str, Sequence[Cell]]]
) -> None:
    """Print a Markdown table.

    Args:
        title: what is scored.
        headers: of the columns.
        rows: encoder, a second text or "", and values; rows whose encoders have one label and whose
            second text is the same are averaged.
    """
    groups: dict[tuple[str, ...], list[Sequence[Cell]]] = {}
    for name, second, values in rows:
        key = (name.partition(SEED)[0], *([second] if second else []))
        groups.setdefault(key, []).append(values)
    lines = [(*key, *(averaged(c) for c in zip(*of, strict=True))) for key, of in groups.items()]
    text = tabulate(lines, headers, tablefmt="github", disable_numparse=True)
    click.echo(f"\n{title}\n\n{text}")


def averaged(cells: Sequence[Cell]) -> str:
    """Text of a value; of several, their mean and the deviation (n - 1) of a seed."""
    if len(cells) == 1:
        cell = cells[0]
        return f"{cell[0]:.1f} ± {cell[1]:.1f}" if isinstance(cell, tuple) else f"{cell:.1f}"
    values = [cell[0] if isinstance(cell, tuple) else cell for cell in cells]
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f} ({len(values)})"


def corloc(boxes: Boxes, truth: list[np.ndarray]) -> list[tuple[str, str, list[Cell]]]:
    """CorLoc, percent, a row a way."""
    scores = {w: localization.score(np.stack(b), truth) for w, b in boxes.items() if b}
    return [(way, "", [100 * result.metrics["CorLoc"]]) for way, result in scores.items()]


def run_raccoon(encoders: dict[str, Features], root: Path, side: int, work: Work) -> None:
    """Print CorLoc of the raccoons."""
    images = real_data.raccoons(root, work.every)
    boxes: Boxes = {way: [] for way in ("whole image", "centred box", *encoders)}
    no_network(boxes, images, "raccoon")
    for name, features in encoders.items():
        boxes[name] = [of_one(features, image, side)[1] for image in images.frames]
    title = f"Raccoons, {len(images.truth)} images"
    table(title, ("boxes", "CorLoc"), corloc(boxes, images.truth))


def run_davis(encoders: dict[str, Features], root: Path, side: int, work: Work) -> None:
    """Print CorLoc of the boxes of masks, and J of the linear foreground probe."""
    boxes: Boxes = {way: [] for way in ("whole image", "centred box", "residual flow", *encoders)}
    sequences: dict[str, dict[str, real_foreground.Described]] = {name: {} for name in encoders}
    truth: list[np.ndarray] = []
    for sequence, images in real_data.davis(root, work.frames):
        log(f"DAVIS {sequence}")
        truth += real_data.boxes_of(images.truth)
        no_network(boxes, images, "davis")
        last = len(images.frames) - 1
        pairs = [(t, t + 1 if t < last else t - 1) for t in range(last + 1)]
        flows = protocols.flows(SHIPPED["dis"], images.frames, pairs)
        boxes["residual flow"] += [protocols.flow_box(flow) for flow in flows]
        for name, features in encoders.items():
            described = [of_one(features, image, side) for image in images.frames]
            boxes[name] += [box for _, box in described]
            tokens = np.stack([tokens for tokens, _ in described])
            sequences[name][sequence] = real_foreground.Described(tokens, np.stack(images.truth))
    title = f"Boxes of DAVIS's masks, {len(truth)} frames"
    table(title, ("boxes", "CorLoc"), corloc(boxes, truth))
    rows = [
        (name, "", [tuple(100 * value for value in real_foreground.score(of))])
        for name, of in sequences.items()
    ]
    table("Linear foreground probe on DAVIS, folds of two sequences", ("features", "J"), rows)


def run_carried(encoders: dict[str, Features], root: Path, side: int, work: Work) -> None:
    """Print the scores of carried masks."""
    by_flow = [(source, how) for source in work.sources for how in ("direct", "frame by frame")]
    ways = ("first mask", *(", ".join(way) for way in by_flow), *encoders)
    carried: dict[str, list[list[propagated.Clip]]] = {way: [] for way in ways}
    for sequence, images in real_data.davis(root, work.frames):
        log(f"carried: DAVIS {sequence}")
        masks = np.stack(images.truth)
        carried["first mask"].append(protocols.still(masks))
        small = [real_data.resized(image, side, 1) for image in images.frames]
        for source, how in by_flow:
            shown = images.frames if source == "dis" else small
            of_source = protocols.moved(SHIPPED[source], shown, masks, how != "direct")
            carried[f"{source}, {how}"].append(of_source)
        for name, features in encoders.items():
            shown = [real_data.resized(image, side, features.patch) for image in images.frames]
            carried[name].append(protocols.forwarded(features(np.stack(shown))[0], masks))
    rows = [
        (way, name, [100 * scores[name] for scores in by_step])
        for way, sequences in carried.items()
        for by_step in [[protocols.propagation_scores(c) for c in zip(*sequences, strict=True)]]
        for name in by_step[0]
    ]
    headers = ("carried by", "score", *(f"{step} frames" for step in FRAMES_APART))
    table("Masks of DAVIS's first frames", headers, rows)


def run_camvid(encoders: dict[str, Features], root: Path, side: int, work: Work) -> None:
    """Print the probes, retrieval and clusterings of CamVid."""
    sets = [real_data.camvid(root, s, work.every) for s in ("train", "val")]
    rows: list[tuple[str, str, list[Cell]]] = []
    names: list[str] = []
    for name, features in encoders.items():
        log(f"CamVid {name}")
        training, validation = (tokens_and_truth(features, images, side) for images in sets)
        scores = protocols.camvid_scores(training, validation, real_data.CAMVID_CLASSES, work.size)
        names = list(scores)
        rows.append((name, "", [tuple(100 * value for value in scores[n]) for n in names]))
    title = f"CamVid, {len(sets[0].frames)} and {len(sets[1].frames)} frames, mIoU"
    table(title, ("features", *names), rows)


def tokens_and_truth(
    features: Features, images: real_data.Images, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens (n, h, w, C) of images of one size, and their truth (n, H, W)."""
    small = [real_data.resized(image, side, features.patch) for image in images.frames]
    return features(np.stack(small))[0], np.stack(images.truth)


def log(message: str) -> None:
    """Print the time and a message to stderr."""
    click.echo(f"{time.strftime('%H:%M:%S')} {message}", err=True)


RUNS: dict[str, Callable[[dict[str, Features], Path, int, Work], None]] = {
    "raccoon": run_raccoon,
    "davis": run_davis,
    "carried": run_carried,
    "camvid": run_camvid,
}


@click.command(help=__doc__.splitlines()[0])
@click.argument("encoders", nargs=-1, required=True)
@click.option("--data", type=click.Path(path_type=Path), default=SHARED, help="folder of the data")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), default=PARTS)
@click.option("--short-side", default=240, help="of the images that encoders see, pixels")
@click.option("--threads", default=1, help="threads of torch and OpenCV")
@click.option("--quick", is_flag=True, help="a small part of everything, in about five minutes")
@click.option("--every", default=1, help="take every n-th image of raccoons and CamVid")
@click.option(
    "--flow",
    "sources",
    multiple=True,
    type=click.Choice([name for name in SHIPPED if name != "truth"]),
    default=("dis",),
    help="source of flow that carries masks; networks see the small images",
)
def main(
    encoders: tuple[str, ...],
    data: Path,
    parts: tuple[str, ...],
    short_side: int,
    threads: int,
    quick: bool,
    every: int,
    sources: tuple[str, ...],
) -> None:
    """Print a table for each part."""
    protocols.threads(threads)
    work = replace(QUICK if quick else replace(WHOLE, every=every), sources=sources)
    described = {}
    for number, name in enumerate(encoders):
        label, equals, file = name.partition("=")
        described[f"{label}{SEED}{number}" if equals else name] = features_of(file or name)
    for part in parts:
        began = time.process_time()
        RUNS[part](described, data, short_side, work)
        log(f"{part}: {time.process_time() - began:.0f} s of processor time")


if __name__ == "__main__":
    main()
