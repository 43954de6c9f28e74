"""Flow of real frames by the masks that follow: variants of DIS, and ARFlow that learns from them.

    python benchmarks/real_flow.py train WORK --iterations 7000
    python benchmarks/real_flow.py score WORK/snapshots/*.pt dis: dis:PatchStride=2 arflow.sprites

`train` goes on from `arflow.sprites` with ARFlow's own loss (photometric, smoothness, hidden pixels
and, in the last fifth, the second pass), on pairs of frames of the eight DAVIS sequences in --data:
the frames as `commonfate segment` sees them, without labels. After a kill the same command goes on.

`score` prints J of the eight at full size, of the step `cut` of real_segments.py (evidence of both
directions averaged along the flow, its cut chosen by edges), and ARFlow's photometric term on fixed
pairs, which says how well DIS, too, minimises the loss. `dis:` alone is the flow of `segment`.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np
import real_data
import torch
from lightning.fabric import Fabric
from real_segments import SETTINGS, SHARED, Scores
from tabulate import tabulate
from torch import Tensor
from torch.utils.data import Dataset

from commonfate.flow.estimators import registry
from commonfate.flow.estimators.base import FlowEstimator
from commonfate.flow.estimators.classical import Classical
from commonfate.flow.settings import SHIPPED, FlowSource
from commonfate.foreground import appearance, flows, motion, shot
from commonfate.foreground.settings import silent
from commonfate.models.pwc.losses import Weights, reconstruction_loss
from commonfate.training.data import Batch, load
from commonfate.training.flow.arflow_loss_terms import visible
from commonfate.training.flow.settings import FlowTrainingSettings, recipe
from commonfate.training.flow.task import FlowTask
from commonfate.training.launch import Options, launch, machine
from commonfate.training.loop import carry_out
from commonfate.training.run_folder import RunFolder
from commonfate.weights import state_dict

GAPS = (1, 1, 2)
TERMS = Weights(0.15, 0.85, 1.0, (1.0,))
FIXED = 8
"""Pairs of a sequence whose photometric term is measured."""


class RealPairs(Dataset):
    """Pairs of crops (2, 3, h, w) uint8 RGB by index, each a function of the seed and the index."""

    def __init__(self, videos: list[np.ndarray], crop: tuple[int, int], seed: int) -> None:
        self._videos, self._crop, self._seed = videos, crop, seed
        lengths = np.array([len(video) for video in videos], float)
        self._shares = lengths / lengths.sum()

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self._seed, index])
        video = self._videos[rng.choice(len(self._videos), p=self._shares)]
        gap = int(rng.choice(GAPS))
        t = int(rng.integers(len(video) - gap))
        order = (t, t + gap) if rng.random() < 0.5 else (t + gap, t)
        height, width = self._crop
        top = int(rng.integers(video.shape[1] - height + 1))
        left = int(rng.integers(video.shape[2] - width + 1))
        pair = video[list(order), top : top + height, left : left + width]
        if rng.random() < 0.5:
            pair = pair[:, :, ::-1]
        return {"images": torch.from_numpy(np.ascontiguousarray(pair.transpose(0, 3, 1, 2)))}


class RealData:
    """Batches of real pairs (see `training.data.TrainingData`)."""

    def __init__(self, videos: list[np.ndarray], settings: FlowTrainingSettings) -> None:
        self._videos, self._settings = videos, settings

    def batches(
        self, seed: int, start: int, stop: int, fabric: Fabric, workers: int
    ) -> Iterator[Batch]:
        size = self._settings.batch_size
        plan = (list(range(i * size, (i + 1) * size)) for i in range(start, stop))
        return load(RealPairs(self._videos, self._settings.crop, seed), plan, fabric, workers)

    def spread(self, count: int, fabric: Fabric) -> Iterator[Batch]:
        return iter(())

    def describe(self, seed: int, iteration: int) -> str:
        return f"Iteration {iteration}, real pairs"


class RealTask(FlowTask):
    """ARFlow without the held-out rendered pairs, whose flow it is not asked for here."""

    def is_measured(self, iteration: int) -> bool:
        return False


def videos_of(data: Path, limit: int | None) -> Iterator[tuple[str, real_data.Images, np.ndarray]]:
    """Name, images and frames (T, h, w, 3) at the short side of `segment`."""
    for name, images in real_data.davis(data, limit):
        resized = [real_data.resized(image, SETTINGS.short_side, 1) for image in images.frames]
        yield name, images, np.stack(resized)


@click.group(help=__doc__.splitlines()[0])
def main() -> None:
    pass


data_option = click.option("--data", type=click.Path(path_type=Path), default=SHARED)


@main.command()
@click.argument("work", type=click.Path(path_type=Path))
@data_option
@click.option("--iterations", default=7000, help="two hours of a core")
@click.option("--learning-rate", default=2e-4)
@click.option("--threads", default=1)
def train(work: Path, data: Path, iterations: int, learning_rate: float, threads: int) -> None:
    """Train into the folder WORK."""
    settings = recipe(
        "arflow",
        [
            "start=sprites",
            "normalise=null",
            "crop=[192,320]",
            "scene_size=[192,320]",
            f"iterations={iterations}",
            f"regularise_from={iterations * 4 // 5}",
            f"learning_rate={learning_rate}",
            "snapshots=5",
        ],
    )
    cv2.setNumThreads(threads)
    fabric = launch("cpu", 1, 1, threads, settings.precision, settings.batch_size)
    task = RealTask("arflow", settings, 0)
    data_of = RealData([frames for _, _, frames in videos_of(data, None)], settings)
    run = {
        "method": "flow arflow",
        "network": "arflow",
        "settings": settings.model_dump(mode="json"),
        "seed": 0,
        "samples": f"{data}, from weights {task.start_sha256()}",
        "code": "benchmark",
        "provenance": machine(fabric),
    }
    folder = RunFolder(work)
    with folder.locked():
        carry_out(task, data_of, folder, run, fabric, Options(log_every=20), tuple(run))


@main.command()
@click.argument("sources", nargs=-1, required=True)
@data_option
@click.option("--limit", type=int, help="only the first so many frames of a sequence")
@click.option("--threads", default=1)
def score(sources: tuple[str, ...], data: Path, limit: int | None, threads: int) -> None:
    """J of each of SOURCES: snapshots of `train`, variants of DIS, names of shipped sources."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    names = [name for name, _ in real_data.davis(data, 1)]
    header = ("", *names, "J", "photometric", "s a pair")
    table = []
    for source in sources:
        estimator = created(source)
        scores, terms, seconds = Scores(), [], 0.0
        for name, images, frames in videos_of(data, limit):
            estimated = Estimated(frames, estimator)
            gap = flows.suitable_gap(estimated)
            began = time.process_time()
            flow = estimated.of_gaps(sorted({1, -1, gap, -gap}), silent)
            seconds += (time.process_time() - began) / len(flow) / len(frames)
            draft = shot.by_motion(motion.gather(flow, gap), appearance.colours_of(frames))
            empty = np.zeros(frames.shape[:3], np.float32)
            scores.add(draft.probability if draft else empty, images.truth, 0)
            terms.append(photometric(frames, flow))
            click.echo(f"{source} {name} {scores.leak_free[-1]:.1f} {terms[-1]:.3f}", err=True)
        mean, term = f"{np.mean(scores.leak_free):.1f}", f"{np.mean(terms):.3f}"
        each = [f"{j:.1f}" for j in scores.leak_free]
        table.append((source, *each, mean, term, f"{seconds / len(names):.2f}"))
        click.echo(tabulate(table, header, tablefmt="github", disable_numparse=True))


class Estimated(flows.Flows):
    """Flow of a shot by any estimator, also by those that no source names."""

    def __init__(self, frames: np.ndarray, estimator: FlowEstimator) -> None:
        self._estimator, self._threads = estimator, 1
        self._encoded = estimator.encode(list(frames))
        self._size = frames.shape[1:3]


class DisVariant(Classical):
    """DIS down to full size, with settings of OpenCV's changed: `dis:PatchStride=2`."""

    def __init__(self, changes: str) -> None:
        self.name = self.description = f"dis:{changes}"
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._dis.setFinestScale(0)
        for change in filter(None, changes.split(",")):
            key, value = change.split("=")
            getattr(self._dis, f"set{key}")(float(value) if "." in value else int(value))

    def calculate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return self._dis.calc(first, second, None)


def created(source: str) -> FlowEstimator:
    """The estimator of an argument of `score`."""
    if source.startswith("dis:"):
        return DisVariant(source.removeprefix("dis:"))
    if source.endswith(".pt"):
        named = FlowSource(estimator="arflow", weights=str(exported(Path(source))))
        return registry.create(named)
    return registry.create(SHIPPED[source])


def exported(snapshot: Path) -> Path:
    """Weights of a snapshot as a file that flow sources take, beside it."""
    state = torch.load(snapshot, weights_only=True, map_location="cpu")
    file = snapshot.resolve().with_suffix(".safetensors")
    state_dict.write(file, state_dict.halved(state["model"]), {})
    return file


def photometric(frames: np.ndarray, flow: dict[int, np.ndarray]) -> float:
    """ARFlow's photometric term at the finest scale, mean over fixed pairs in both directions."""
    values = []
    for t in np.linspace(0, len(frames) - 2, FIXED).astype(int):
        images = [torch.from_numpy(frames[i]).permute(2, 0, 1)[None] / 255 for i in (t, t + 1)]
        fields = [torch.from_numpy(flow[gap][i])[None].float() for gap, i in ((1, t), (-1, t + 1))]
        for a, b in ((0, 1), (1, 0)):
            shown = visible(fields[a], fields[b], "coverage")
            term = reconstruction_loss(images[a], images[b], [fields[a]], shown, TERMS)
            values.append(float(term))
    return float(np.mean(values))


if __name__ == "__main__":
    main()
