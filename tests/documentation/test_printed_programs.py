"""Programs that pages print, run as printed in a folder that has what they name."""

import ast
import csv
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from commonfate import cli
from commonfate.methods.dino.method import create
from commonfate.methods.dino.settings import DinoSettings
from commonfate.storage.features import FeatureReader
from commonfate.storage.flow import open_reader
from commonfate.tables import render
from commonfate.training import checkpoint
from helpers import moving, pages, videos
from helpers.pages import ROOT, Block

PROGRAMS = [block for block in pages.BLOCKS if block.kind == "python"]
FRAMES = 6


def of(page: str, *, having: str) -> Block:
    """The only program of a page that contains a text."""
    path = ROOT / "docs" / page
    (block,) = [each for each in PROGRAMS if each.page == path and having in each.text]
    return block


def run(block: Block) -> dict[str, Any]:
    """Run a program; its variables, and the value of a last line that is an expression as `_`."""
    tree, variables = ast.parse(block.text), {}
    if isinstance(tree.body[-1], ast.Expr):
        tree.body[-1] = ast.Assign([ast.Name("_", ast.Store())], tree.body[-1].value)
    exec(compile(ast.fix_missing_locations(tree), block.place, "exec"), variables)
    return variables


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the flow of a video, under the names that pages give it."""
    folder = tmp_path_factory.mktemp("pages")
    videos.write(folder / "blackswan.mp4", FRAMES)
    verb("flow", folder / "blackswan.mp4", "-o", folder / "flow")
    shutil.copy(folder / "flow/flow.zarr.zip", folder / "flow.zarr.zip")
    return folder


def verb(*arguments: str | Path) -> None:
    result = CliRunner().invoke(cli.commonfate, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as working folder."""
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def tiff(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make `flow.tiff` of a layout."""

    def make(layout: str) -> None:
        source = ("convert", here / "flow.zarr.zip")
        verb(*source, "-o", tmp_path / "flow.tiff", "--tiff-layout", layout)
        monkeypatch.chdir(tmp_path)

    return make


def truth(folder: Path) -> np.ndarray:
    """Flow of gap 1 of frame 3, as the project reads it: (2, H, W)."""
    return open_reader(folder / "flow.zarr.zip").read("blackswan", 1, 3)


def test_your_videos_reads_flow(here: Path) -> None:
    variables = run(of("your-videos.md", having="open_reader"))
    assert variables["flow"].shape == (2, 48, 64)


def test_segment_reads_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frames, truth = moving.film(5)
    moving.write(tmp_path / "clip.mp4", frames)
    masks = run(of("segment.md", having="commonfate.segment"))["masks"]
    assert masks.shape == truth.shape


def test_flow_files_reads_flow_through_the_project(here: Path) -> None:
    variables = run(of("flow-files.md", having="open_reader"))
    assert np.array_equal(variables["flow"], truth(here))
    assert variables["_"]["pixels"] == (FRAMES - 1) * 48 * 64


def test_flow_files_reads_flow_through_zarr_alone(here: Path) -> None:
    variables = run(of("flow-files.md", having="ZipStore"))
    assert np.array_equal(variables["flow"], truth(here))


def test_flow_files_reads_planar_tiff(here: Path, tiff: Callable[[str], None]) -> None:
    tiff("planar")
    variables = run(of("flow-files.md", having="(pairs, 2, H, W) int16"))
    assert variables["pages"].shape == (FRAMES - 1, 2, 48, 64)
    assert np.array_equal(variables["flow"], truth(here))


def test_flow_files_reads_packed_tiff(here: Path, tiff: Callable[[str], None]) -> None:
    tiff("packed")
    before = of("flow-files.md", having="(pairs, 2, H, W) int16").text.split("\n")[0]
    block = of("flow-files.md", having="(pairs, H, W) int32")
    variables = run(Block(block.page, block.line, f"{before}\n{block.text}"))
    assert np.array_equal(np.stack([variables["u"][3], variables["v"][3]]), truth(here))


@pytest.fixture
def stored(here: Path) -> Path:
    """The same with the features of the video and of an image of another size."""
    cv2.imwrite("photo.png", np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8))
    shutil.copy("blackswan.mp4", "clip.mp4")
    encoder = ("--encoder", "random.vit_smoke_8", "--view", "64.tokens", "--device", "cpu")
    verb("features", "photo.png", "clip.mp4", "-o", "features.zarr.zip", *encoder)
    return here


def test_features_reads_features(stored: Path) -> None:
    variables = run(of("features.md", having="FeatureReader"))
    assert variables["tokens"].shape == (8, 8, 48)
    assert (variables["height"], variables["width"]) == (48, 64)
    assert variables["whole"].shape == (FRAMES, 8, 8, 48)
    assert variables["items"] == FRAMES + 1


def test_features_reads_features_through_zarr_alone(stored: Path) -> None:
    variables = run(of("features.md", having="ZipStore"))
    expected = FeatureReader("features.zarr.zip").read("clip", 0)
    assert np.array_equal(variables["tokens"], expected)


def test_tables_reads_scores_of_all_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("results/tables/table1.long.csv")
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        writer = csv.DictWriter(file, render.LONG, restval="-")
        writer.writeheader()
        for seed, value in enumerate((1.0, 2.0, 6.0)):
            writer.writerow({"row": "A", "column": "J", "seed": seed, "value": value})
    means = run(of("tables.md", having="groupby"))["_"]
    assert means.loc["A", "J"].tolist() == [3.0, pytest.approx(7**0.5), 3.0]


def test_dino_reads_the_encoder_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run of a small network that has taken no step."""
    settings = DinoSettings(dim=12, depth=1, heads=2, outputs=4, hidden=4, bottleneck=2)
    torch.manual_seed(0)
    state = {"settings": settings.model_dump(mode="json"), "iteration": 0}
    (tmp_path / "run").mkdir()
    checkpoint.save(
        tmp_path / "run/checkpoint.pt", state | {"model": create(settings).build().state_dict()}
    )
    monkeypatch.chdir(tmp_path)
    assert run(of("dino.md", having="encoder_of"))["_"].shape == (1, 4, 6, 12)


def test_timet_makes_the_loss_of_two_clips() -> None:
    torch.manual_seed(0)
    variables = run(of("timet.md", having="cross_entropy"))
    assert variables["loss"].isfinite()
    assert variables["head"].weight.grad.abs().max() > 0
    lengths = variables["prototypes"].weight.norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(200))


def test_every_program_is_run_by_a_test_above() -> None:
    names = {block.page.name for block in PROGRAMS}
    expected = ("your-videos", "segment", "dino", "features", "flow-files", "tables", "timet")
    assert names == {f"{name}.md" for name in expected}
    assert len(PROGRAMS) == 11


def test_the_list_of_voc_is_made_of_its_masks(tmp_path: Path) -> None:
    """docs/datasets.md: `trainaug.txt` of a folder that has none, by the shell's own programs."""
    page = ROOT / "docs/datasets.md"
    (block,) = [each for each in pages.blocks(page) if each.kind == "shell"]
    for name in ("SegmentationClassAug/a.png", "SegmentationClassAug/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("b\n")
    done = subprocess.run(["bash", "-ec", block.text], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ImageSets/Segmentation/trainaug.txt").read_text() == "a\n"
    assert done.stdout.split()[0] == "1"
