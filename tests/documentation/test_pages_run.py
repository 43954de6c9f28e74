"""Pages about one's own videos, run as printed, except for what takes long or downloads."""

import json
import re
import shutil
from collections.abc import Mapping

import cv2
import numpy as np
import pytest

from commonfate.storage.features import FeatureReader
from commonfate.storage.flow import open_reader
from helpers import pages, videos
from helpers.pages import ROOT

pytestmark = pytest.mark.slow

SIZE = (128, 160)
NO_DOWNLOAD = {"raft.things": "raft_small.sprites"}
"""A network whose weights are bundled, for one whose weights are fetched."""


def commands(page: str) -> list[str]:
    """Commands of the blocks of a page."""
    return [each.text for each in pages.commands(ROOT / page) if not each.inline]


def run(clone, texts: list[str], changes: Mapping[str, str]) -> list[str]:
    """Run commands one after another, each with changes, all of which must be of use."""
    unused = set(changes)
    outputs = []
    for text in texts:
        for printed, instead in changes.items():
            if printed in text:
                unused.discard(printed)
                text = text.replace(printed, instead)
        outputs.append(clone.run(text))
    assert not unused, f"printed nowhere: {unused}"
    return outputs


@pytest.fixture(scope="module")
def user(clone):
    """The clone with a user's videos."""
    for path in ("clip.mp4", "blackswan.mp4", "my_videos/a.mp4", "my_videos/b.mp4"):
        videos.write(clone.folder / path, 6, SIZE)
    return clone


def test_the_first_minute_of_readme(user) -> None:
    assert "make try" in commands("README.md")
    user.run("make try")
    picture = cv2.imread(str(user.folder / "first_look/flow.png"))
    assert picture is not None and picture.std() > 0
    (own,) = re.findall(r"`(\S*commonfate try \S+)`", (ROOT / "README.md").read_text())
    user.run(own)
    assert list((user.folder / "first_look").glob("flow.png"))


def test_your_videos(user) -> None:
    page = ROOT / "docs/your-videos.md"
    (settings,) = [block.text for block in pages.blocks(page) if block.kind == "yaml"]
    folder = user.folder.parent / "videos"
    shutil.copytree(user.folder / "my_videos", folder, dirs_exist_ok=True)
    text = settings.replace("/path/to/videos", str(folder))
    assert text != settings
    (user.folder / "mine.yaml").write_text(text)
    run(user, commands("docs/your-videos.md"), {"iterations=1000": "iterations=2"})
    for name in ("first_look/flow.png", "flow.png", "segments/clip/sheet.jpg"):
        assert (user.folder / name).is_file()
    for kind in ("foreground", "components", "groups"):
        masks = sorted((user.folder / "masks" / kind).rglob("*.png"))
        assert [mask.parent.name for mask in masks] == ["a"] * 6 + ["b"] * 6
        assert cv2.imread(str(masks[0]), cv2.IMREAD_UNCHANGED).shape[:2] == SIZE


def test_flow(user) -> None:
    shutil.rmtree(user.folder / "flow", ignore_errors=True)
    run(
        user,
        commands("docs/flow.md"),
        {
            **NO_DOWNLOAD,
            "--devices all": "--devices cpu,cpu",  # where there is no GPU
            "snakemake --cores 2 results": "snakemake -n --cores 2 results",  # minutes
            "train-flow": "train-flow --set iterations=2",  # an hour and a half
        },
    )
    assert sorted(open_reader(user.folder / "flow/flow.zarr.zip").videos) == ["a", "b"]
    assert (user.folder / "flow.mp4").stat().st_size > 0
    assert (user.folder / "results/flow_weights/raft_small.sprites.safetensors").is_file()


def test_flow_files(user) -> None:
    shutil.rmtree(user.folder / "flow", ignore_errors=True)
    user.run("commonfate flow blackswan.mp4 -o made && mv made/flow.zarr.zip .")
    to_files, to_store, to_tiff, from_sintel = commands("docs/flow-files.md")
    user.run(to_files)
    before = open_reader(user.folder / "flow.zarr.zip").read("blackswan", 1, 3)
    files = sorted((user.folder / "flow/1/blackswan").glob("*.flo"))
    assert [path.name for path in files] == [f"{number:05d}.flo" for number in range(5)]
    user.run(to_store)
    after = open_reader(user.folder / "flow.zarr.zip").read("blackswan", 1, 3)
    assert np.array_equal(before, after)
    user.run(to_tiff)
    assert np.array_equal(open_reader(user.folder / "flow.tiff").read("blackswan", 1, 3), before)
    sintel = user.folder / "sintel/training/flow/alley_1"
    sintel.mkdir(parents=True)
    for number, path in enumerate(files, 1):
        shutil.copy(path, sintel / f"frame_{number:04d}.flo")
    user.run(from_sintel)
    assert np.array_equal(
        open_reader(user.folder / "sintel.zarr.zip").read("alley_1", 1, 3), before
    )


def test_features(user) -> None:
    """The commands for one's own images; those after them need a dataset."""
    cv2.imwrite(str(user.folder / "photo.png"), np.zeros((40, 60, 3), np.uint8))
    (user.folder / "photos").mkdir(exist_ok=True)
    (user.folder / "photo.png").rename(user.folder / "photos/a.png")
    rng = np.random.default_rng(0)
    for place in ("images/val", "images/train", "classes/val/a", "classes/train/a"):
        (user.folder / place).mkdir(parents=True)
        for n in range(2):
            colours = rng.integers(0, 256, (40, 60, 3), np.uint8)
            cv2.imwrite(str(user.folder / place / f"{n}.png"), colours)
    for place in ("masks/val", "masks/train"):
        (user.folder / place).mkdir(parents=True)
        for n in range(2):
            cv2.imwrite(str(user.folder / place / f"{n}.png"), np.eye(40, 60, n, np.uint8))
    encoders = ("dino.vits16", "my_checkpoint.pth")  # fetched, and a user's own
    run(user, commands("docs/features.md")[:3], dict.fromkeys(encoders, "random.vit_smoke_8"))
    assert FeatureReader(user.folder / "features.zarr.zip").videos == ["a", "clip"]
    for name, metric in (("linear", "mIoU"), ("clustering", "mIoU"), ("knn", "top1")):
        scores = json.loads((user.folder / f"out/{name}.json").read_text())
        assert 0 <= scores["metrics"][metric] <= 1 and scores["n_frames"] == 2
        assert cv2.imread(str(user.folder / f"out/{name}.png")) is not None


def test_weights(user) -> None:
    texts = [text for text in commands("docs/weights.md") if text.startswith("commonfate weights")]
    (fetch,) = [text for text in texts if " fetch " in text]
    outputs = {text: user.run(text) for text in texts if text != fetch}
    (everything,) = [out for text, out in outputs.items() if text == "commonfate weights list"]
    for name in fetch.split()[3:]:
        assert re.search(rf"(?<!\S){re.escape(name)}(?!\S)", everything), name
