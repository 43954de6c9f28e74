"""Each choice of the released evaluations alone, on stored features: what it adds to the score.

    R=results/features/frozen-random.vit_demo_8-s0/last
    snakemake --cores 2 --configfile benchmarks/released_choices.yaml -- ...   # see the README
    python benchmarks/released_choices.py $R

A choice is a setting in which the scoring `released` differs from `leak_free`. Each is made alone,
with all others as in `leak_free`, then all of them together. Settings are those of the benchmarks
in config.yaml, and for CamVid in released_choices.yaml, with one clustering a seed. Differences are
those of equal seeds; behind them twice their standard error over the seeds. What has no seed
(boxes, carried masks) has one score.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
import yaml
from real_protocols import CLIP, threads
from tabulate import tabulate

from commonfate.base.settings import merged
from commonfate.config import Config, load
from commonfate.evaluation.features import (
    clustering,
    foreground,
    linear,
    probe,
    propagated,
    propagation,
    prototypes,
)
from commonfate.evaluation.features.benchmarks import FeatureBenchmark
from commonfate.evaluation.features.run import carrying, images, maps
from commonfate.evaluation.features.run.lazy import held
from commonfate.evaluation.features.run.parts import Part, Stores, of_manifest, part
from commonfate.evaluation.features.settings import ProbeSettings

HERE = Path(__file__).resolve().parent
PAIRS = {
    "sprite_linear": "camvid_linear",
    "clips_frame": "camvid_frame",
    "clips_clip": "camvid_clip",
    "sprite_k6": "camvid_dataset",
    "sprite_k40": "camvid_dataset_k100",
    "sprite_foreground": None,
    "sprite_prototypes": None,
    "sprite_boxes": None,
    "sprites_carried_2": None,
}
"""Benchmarks on the demo's data, and those on CamVid, where the protocol fits it."""
TITLES = {
    "sprite_linear": "linear, mIoU",
    "clips_frame": "clustering of frames (F), mIoU",
    "clips_clip": "clustering of clips (C), mIoU",
    "sprite_k6": "clustering of the data set, K as classes, mIoU",
    "sprite_k40": "clustering of the data set, K = 40 (CamVid: 100), mIoU",
    "sprite_foreground": "foreground, J",
    "sprite_prototypes": "prototypes, mIoU",
    "sprite_boxes": "localization, CorLoc",
    "sprites_carried_2": "propagation, J",
}
SENTENCES = {
    "keep": "best epoch, chosen on the scored images",
    "images": "only the first eight batches of images",
    "absent_as_zero": "classes that do not occur count as 0",
    "score.side": "scored at 100 x 100 pixels",
    "batch": "16 clips are reduced together, and their mean counts once",
    "clustering.side": "features enlarged to 224 (data set: 112) pixels before they are clustered",
    "void_is_a_class": "void is clustered and scored as a class",
    "left_over": "clusters that no class takes are background",
    "background": "background counts as a class (both scorings)",
    "foreground.side": "scored at 100 x 100 pixels",
    "tuned": "cut tuned on the training truth; scored images clustered anew",
    "void_is_foreground": "void counts as foreground",
    "corners": "resized from the corners of pixels",
    "prototypes.side": "masks of 224 x 224 pixels",
    "released": "overlap of exactly one half is right",
    "merged": "all objects are one",
    "view": "scored at the size of the encoder's picture",
    "late": "frame t + 1 is scored by the truth of frame t",
    "exchanged": "of merged objects: foreground and background exchanged where that fits better",
}
BESIDE = {"exchanged": "merged"}
"""Choices that are compared with another score than the leak-free one."""
ALL = "all together"
Scores = dict[str, float]
"""By choice; `""` is the leak-free score."""


@dataclass(frozen=True)
class Case:
    """A benchmark with its features and truth."""

    name: str
    benchmark: Any
    test: Part
    train: Part | None
    clips: int
    """Most clips that are clustered one by one, spread over all."""


def case_of(name: str, config: Config, root: Path, clips: int) -> Case:
    """Open the stores of a benchmark below the folder of an encoder's features."""
    benchmark = config.benchmarks[name]
    assert isinstance(benchmark, FeatureBenchmark)

    def opened(split: str) -> Part:
        manifest = root.parents[2] / "videos" / benchmark.dataset / "manifest.parquet"
        selection = split if benchmark.frames_of == "annotated" else f"{split}.all"
        folder = root / f"{benchmark.dataset}-{selection}" / str(benchmark.checked_view())
        stores = Stores(sorted(folder.glob("*.zarr.zip"))).having(benchmark.reads, benchmark.kind)
        return part(of_manifest(manifest, split), stores, benchmark.truth)

    train = opened(benchmark.fit_split) if benchmark.fits else None
    return Case(name, benchmark, opened(benchmark.split), train, clips)


def variants(settings: Any, released: Any, prefix: str = "") -> dict[str, Any]:
    """Settings as given (under `""`), with each choice alone, and with all of them."""
    fields = [
        field
        for field in type(settings).model_fields
        if field != "repeats" and getattr(settings, field) != getattr(released, field)
    ]
    result = {"": settings}
    for field in fields:
        changed = settings.model_copy(update={field: getattr(released, field)})
        result[f"{prefix}.{field}" if f"{prefix}.{field}" in SENTENCES else field] = changed
    changes = {field: getattr(released, field) for field in fields}
    return result | {ALL: settings.model_copy(update=changes)}


def of_linear(case: Case, seed: int) -> Scores:
    """Scores of one head; how it is scored does not change its training."""
    assert case.train is not None
    base = case.benchmark.settings
    chosen = variants(base.score, base.released, "score")
    settings: dict[str, ProbeSettings] = {
        name: base.model_copy(update={"score": score, "seed": seed})
        for name, score in chosen.items()
    }
    training = probe.cached(case.train.tokens(), held(case.train.truths()), base.batch_size, seed)
    scored = probe.cached(case.test.tokens(), held(case.test.truths()), maps.AT_ONCE)
    torch.manual_seed(seed)
    head = linear.LinearHead(case.train.tokens().shape[-1], base)
    result: Scores = {}
    for epoch, trained in enumerate(probe.fit(head, training, base), 1):
        for name, each in settings.items():
            if each.score.keep == "last" and epoch < base.epochs:
                continue
            value = probe.score(trained, scored(0), each).metrics["mIoU"]
            result[name] = max(result.get(name, 0.0), value)
    return result


def of_clustering(case: Case, seed: int) -> Scores:
    """Scores of one clustering by each variant, and leak-free without background."""
    settings = case.benchmark.settings.model_copy(update={"seed": seed, "repeats": 1})
    tokens, truth = case.test.tokens(), held(case.test.truths())
    clips = (
        np.arange(len(truth)) // CLIP
        if case.benchmark.dataset == "camvid"
        else maps.clips_of(case.test, case.benchmark.clip_length)
    )
    if settings.level != "dataset":
        numbers = np.unique(clips)
        spread = np.linspace(0, len(numbers) - 1, min(case.clips, len(numbers))).astype(int)
        kept = np.flatnonzero(np.isin(clips, numbers[spread]))
        tokens, truth, clips = tokens[kept], truth[kept], clips[kept]
    chosen = variants(settings, settings.as_released(), "clustering")
    without = settings.model_copy(update={"background": False})
    return {
        name: clustering.score(tokens, truth, each, clips).metrics["mIoU"]
        for name, each in (chosen | {"background": without}).items()
    }


def of_foreground(case: Case, seed: int) -> Scores:
    """Scores of one clustering of the training images by each variant."""
    assert case.train is not None
    settings = case.benchmark.settings.model_copy(update={"seed": seed})
    read = [
        (each.tokens(), held(each.features("attention")), held(each.truths()))
        for each in (case.train, case.test)
    ]
    (tokens, attention, truth), scored = read
    result = {}
    for name, each in variants(settings, settings.as_released(), "foreground").items():
        extractor = foreground.fit(tokens, attention, each, truth if each.tuned else None)
        result[name] = foreground.score(extractor, *scored, each).metrics["J"]
    return result


def of_prototypes(case: Case, seed: int) -> Scores:
    """Scores of one clustering of the objects."""
    settings = case.benchmark.settings.model_copy(update={"seed": seed, "repeats": 1})
    test = case.test
    read = test.tokens(), held(test.features("attention")), held(test.truths())
    chosen = variants(settings, settings.as_released(), "prototypes")
    return {name: prototypes.score(*read, each).metrics["mIoU"] for name, each in chosen.items()}


def of_boxes(case: Case, seed: int) -> Scores:
    """CorLoc of boxes; the seed changes nothing."""
    boxes = images.true_boxes(case.test, None)
    corloc = [images.localized(case.test, boxes, way).metrics["CorLoc"] for way in (False, True)]
    return {"": corloc[0], "released": corloc[1], ALL: corloc[1]}


def of_carried(case: Case, seed: int) -> Scores:
    """J of masks that the forwarder carries; the seed changes nothing."""
    native, viewed = (
        [
            (propagation.by_forwarder(truth[0], tokens), truth)
            for truth, tokens in clips_of(case, released)
        ]
        for released in (False, True)
    )
    aligned = propagated.score(native).metrics
    late = [(masks[1:], truth[:-1]) for masks, truth in native]
    # score_released drops the first prediction and compares the rest with one frame earlier.
    undone = [
        (np.concatenate([masks[:1], masks]), np.concatenate([truth, truth[-1:]]))
        for masks, truth in native
    ]
    return {
        "": aligned["J"],
        "merged": aligned["J_merged"],
        "view": propagated.score(viewed).metrics["J"],
        "late": propagated.score(late).metrics["J"],
        "exchanged": propagated.score_released(undone).metrics["IoU"],
        ALL: propagated.score_released(viewed).metrics["IoU"],
    }


def clips_of(case: Case, released: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Truth (T, H, W) and tokens (T, h, w, C) of the clips, at the size that is scored."""
    place = carrying.truth_of(case.test, released)
    for clip in carrying.clips(case.test, case.benchmark.settings.step):
        tokens = np.stack([case.test.stores.read(*item, "tokens") for item in clip])
        yield np.stack([place(item) for item in clip]), tokens


RUNS: dict[str, Callable[[Case, int], Scores]] = {
    "linear": of_linear,
    "clustering": of_clustering,
    "foreground": of_foreground,
    "prototypes": of_prototypes,
    "localization": of_boxes,
    "propagation": of_carried,
}
UNSEEDED = ("localization", "propagation")


def rows_of(case: Case, seeds: int) -> dict[str, tuple[str, str, str]]:
    """Score without, score with, and difference, percent, by choice."""
    run = RUNS[case.benchmark.kind]
    count = 1 if case.benchmark.kind in UNSEEDED else seeds
    each = []
    for seed in range(count):
        began = time.process_time()
        each.append(run(case, seed))
        spent = time.process_time() - began
        click.echo(f"{case.name}, seed {seed}, {spent:.0f} s: {each[-1]}", err=True)
    values = {name: 100 * np.array([scores[name] for scores in each]) for name in each[0]}
    result = {}
    leak_free = values.pop("")
    for name, with_it in sorted(values.items(), key=lambda item: item[0] == ALL):
        without = values[BESIDE[name]] if name in BESIDE else leak_free
        pair = (with_it, without) if name == "background" else (without, with_it)
        gained = pair[1] - pair[0]
        error = 2 * gained.std(ddof=1) / np.sqrt(count) if count > 1 else None
        text = f"{gained.mean():+.1f}" + ("" if error is None else f" ± {error:.1f}")
        result[name] = (f"{pair[0].mean():.1f}", f"{pair[1].mean():.1f}", text)
    return result


def configuration() -> Config:
    """The demo's configuration with CamVid's benchmarks."""
    files = (HERE.parent / "config.yaml", HERE / "released_choices.yaml")
    demo, camvid = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    return load(merged(demo, camvid))


@click.command(help=__doc__.splitlines()[0])
@click.argument("root", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--benchmark", "names", multiple=True, type=click.Choice(list(PAIRS)))
@click.option("--seeds", default=5, show_default=True)
@click.option("--clips", default=20, show_default=True, help="clips that are clustered, at most")
@click.option("--camvid/--no-camvid", default=True, show_default=True)
@click.option("--demo/--no-demo", default=True, show_default=True)
def main(
    root: Path, names: Sequence[str], seeds: int, clips: int, camvid: bool, demo: bool
) -> None:
    """Print a table of the choices of some benchmarks, all unless they are named."""
    threads(1)
    config = configuration()
    nothing = ("-",) * 3
    chosen = names or tuple(PAIRS)
    sides = {name: (name if demo else None, PAIRS[name] if camvid else None) for name in chosen}
    # All are opened first, so that a store that is missing is not found after minutes of work.
    opened = {
        name: [case_of(side, config, root, clips) if side else None for side in both]
        for name, both in sides.items()
    }
    rows = []
    for name, cases in opened.items():
        first, second = (rows_of(case, seeds) if case else {} for case in cases)
        for choice in {**first, **second}:
            sentence = SENTENCES.get(choice, choice)
            columns = (*first.get(choice, nothing), *second.get(choice, nothing))
            rows.append((TITLES[name], sentence, *columns))
    each = ("without", "with", "adds")
    headers = ("protocol", "choice", *each, *(f"CamVid {column}" for column in each))
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
