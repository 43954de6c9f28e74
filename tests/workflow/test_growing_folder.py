"""A folder of videos that changes between runs: what has changed is made again, and no more."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commonfate.base import parquet

SAMPLES = "results/smoke/samples/mine-all-pairs/index.parquet"
NOTHING = (set(), [])


def add(folder: Path, frames: int = 3) -> None:
    folder.mkdir(parents=True)
    for t in range(frames):
        Image.fromarray(np.full((32, 48, 3), 9 * t, np.uint8)).save(folder / f"{t:05d}.png")


def add_masks(folder: Path, frames: int = 3) -> None:
    folder.mkdir(parents=True)
    mask = np.zeros((32, 48), np.uint8)
    mask[8:24, 8:24] = 255
    for t in range(frames):
        Image.fromarray(mask).save(folder / f"{t:05d}.png")


class Runs:
    """The workflow on one data set, `mine`, two videos a shard."""

    def __init__(self, workflow, settings: str) -> None:
        self.workflow = workflow
        self.options = ["--config", "shard_size=2", f"datasets={{mine: {settings}}}"]

    def planned(self, *config: str, target: str = SAMPLES) -> tuple[set[str], list[str]]:
        """Rules that would run, and the shards whose frames they would make."""
        options = [*self.options, *config]
        output = self.workflow.run("--dry-run", *options, targets=(target,))
        rules = set(re.findall(r"^(?:local)?rule (\w+):", output, re.MULTILINE))
        shards = re.findall(
            r"^    output: results/smoke/frames/mine/(\d{4})\.zarr", output, re.MULTILINE
        )
        return rules, sorted(shards)

    def run(self) -> dict[str, tuple[int, str]]:
        """Shard and status of each video."""
        self.workflow.run(*self.options, targets=(SAMPLES,))
        table = parquet.read(self.workflow.folder / "results/smoke/videos/mine/manifest.parquet")
        return {row.id: (row.shard, row.status) for row in table.itertuples()}


@pytest.fixture
def runs(workflow_in: Callable, tmp_path: Path) -> Callable[..., Runs]:
    (tmp_path / "run").mkdir()

    def make(adapter: str, **settings: str) -> Runs:
        values = {"adapter": adapter, "root": str(tmp_path / "v"), **settings}
        text = ", ".join(f"{key}: {value}" for key, value in values.items())
        return Runs(workflow_in(tmp_path / "run"), f"{{{text}}}")

    return make


def test_videos_that_come_change_and_go(runs: Callable[..., Runs], tmp_path: Path) -> None:
    root = tmp_path / "v"
    for name in ("b", "c", "d"):
        add(root / name)
    (root / "e.mp4").symlink_to("/not/fetched/yet.mp4")
    here = runs("folder")
    assert here.run() == {"b": (0, "ok"), "c": (0, "ok"), "d": (1, "ok"), "e": (1, "left_out")}
    assert here.planned() == NOTHING

    add(root / "a")  # the shard that `b` and `c` fill is left alone
    after_it = {"videos", "frames", "manifest", "samples"}
    assert here.planned() == (after_it, ["0002"])
    assert here.run()["a"] == (2, "ok")
    assert here.planned() == NOTHING

    shutil.copy(root / "c/00000.png", root / "b/00001.png")
    assert here.planned() == (after_it, ["0000"])
    (root / "e.mp4").unlink()
    assert here.planned() == (after_it, ["0000", "0001"])
    assert here.run() == {"a": (2, "ok"), "b": (0, "ok"), "c": (0, "ok"), "d": (1, "ok")}
    assert here.planned() == NOTHING

    shutil.rmtree(root / "d")  # the last of its shard: nothing is to be made of it
    assert here.planned() == ({"manifest", "samples"}, [])
    assert sorted(here.run()) == ["a", "b", "c"]
    assert here.planned() == NOTHING
    add(root / "f")
    assert here.planned() == (after_it, ["0002"])


def test_gaps_decode_nothing_again(runs: Callable[..., Runs], tmp_path: Path) -> None:
    add(tmp_path / "v/long", frames=4)
    add(tmp_path / "v/short", frames=2)
    here = runs("folder")
    assert here.run() == {"long": (0, "ok"), "short": (0, "ok")}
    other = runs("folder", gaps="[-3, 3]")
    assert other.planned() == ({"manifest", "samples"}, [])
    assert other.run() == {"long": (0, "ok"), "short": (0, "left_out")}
    assert runs("folder", gaps="[-3, 3]", pair_gaps="[2]").planned() == ({"samples"}, [])
    # Nor does the quality of JPEG, as frames are stored without loss.
    assert other.planned("frames={quality: 80}") == NOTHING


@pytest.mark.slow
def test_frames_that_a_data_set_ships(runs: Callable[..., Runs], tmp_path: Path) -> None:
    root = tmp_path / "v"
    lines = []
    for name in ("bear", "cow", "dog"):
        add(root / "JPEGImages/480p" / name)
        add_masks(root / "Annotations/480p" / name)
        pair = "/JPEGImages/480p/{0}/{1:05d}.png /Annotations/480p/{0}/{1:05d}.png"
        lines += [pair.format(name, t) for t in range(3)]
    listed = root / "ImageSets/480p/val.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text("\n".join(lines))
    here = runs("davis", splits="[val]")
    here.run()
    assert here.planned() == NOTHING
    annotation = root / "Annotations/480p/cow/00001.png"
    os.utime(annotation, ns=(0, 0))
    assert here.planned()[1] == ["0000"]
    here.run()
    assert here.planned() == NOTHING
    for top in ("JPEGImages", "Annotations"):
        folder = root / top / "480p/dog"
        shutil.copy(folder / "00002.png", folder / "00003.png")
    assert here.planned() == NOTHING  # it is in no list
    listed.write_text("\n".join([*lines, pair.format("dog", 3)]))
    assert here.planned()[1] == ["0001"]


@pytest.mark.slow
def test_rendered_data_are_rendered_once(workflow_in: Callable, tmp_path: Path) -> None:
    here = workflow_in(tmp_path)
    inventory = ("results/smoke/videos/sprites/inventory/0000.parquet",)
    here.run(targets=inventory)
    assert here.planned(targets=inventory) == set()
    gaps = "datasets={sprites: {gaps: [-1, 1, -2, 2], pair_gaps: [3]}}"
    assert here.planned("--config", gaps, targets=inventory) == set()
    more = "datasets={sprites: {videos: 30}}"
    assert here.planned("--config", more, targets=inventory) == {"sprites", "videos"}


def test_a_folder_that_holds_no_video_is_told_without_a_traceback(
    runs: Callable[..., Runs], tmp_path: Path
) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v/notes.txt").write_text("no video")
    here = runs("folder")
    process = here.workflow.start(*here.options, targets=(SAMPLES,))
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "datasets.mine.root" in output and "holds no video" in output
    assert "Traceback" not in output
