"""Masks that would be read as empty, or beside their frames: found by `frames`, before training."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate.base import parquet
from commonfate.cli import commonfate
from commonfate.datasets import image_file
from commonfate.prediction import maps
from commonfate.storage.frames import FrameReader

MASK = np.zeros((20, 30), np.uint8)
MASK[5:15, 10:20] = 1


def run(*arguments):
    return CliRunner().invoke(commonfate, list(map(str, arguments)))


def list_and_extract(folder, *settings):
    """Report of `frames` by id, and what it says on the way."""
    chosen = [word for setting in settings for word in ("--set", setting)]
    listed = run("videos", "--dataset", "mine", *chosen, "--output", folder / "i.parquet")
    assert listed.exit_code == 0, listed.output
    done = run(
        *("frames", "--inventory", folder / "i.parquet", "--shard", "0", "--gap", "0"),
        *("--output", folder / "0.zarr.zip", "--report", folder / "0.parquet"),
    )
    assert done.exit_code == 0, done.output
    return parquet.read(folder / "0.parquet").set_index("id"), done.stderr


@pytest.fixture
def benchmark(tmp_path):
    """Save images and masks under some names: `benchmark(name, mask)`."""
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()

    def save(name, mask, **options):
        Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(tmp_path / f"images/{name}.png")
        mask.save(tmp_path / f"masks/{name}.png", **options)

    return save


def palette():
    image = Image.fromarray(MASK * 2)
    image.putpalette(maps.voc_palette().tobytes())
    return image


def test_masks_are_read_right_or_left_out_by_name(benchmark, tmp_path):
    benchmark("good", Image.fromarray(MASK * 255))
    benchmark("ones", Image.fromarray(MASK))
    wrong = {
        "green": Image.fromarray(MASK[..., None] * np.array([0, 255, 0], np.uint8)),
        "labels": Image.fromarray(MASK * 2),
        "palette": palette(),
        "alpha": Image.fromarray(MASK[..., None] * np.array([0, 0, 0, 255], np.uint8)),
        "wide": Image.fromarray(MASK * 255).resize((50, 20)),
        "bomb": Image.new("1", (20000, 10000)),
    }
    for name, mask in wrong.items():
        benchmark(name, mask)
    report, message = list_and_extract(tmp_path, "adapter=images", f"root={tmp_path}")
    assert set(report.index[report["status"] == "ok"]) == {"good", "ones"}
    for name in wrong:
        assert f"masks/{name}.png" in report.loc[name, "reason"]
        assert f"images/{name}.png: left out: " in message
    assert FrameReader(tmp_path / "0.zarr.zip").videos == ["good", "ones"]


@pytest.mark.parametrize(("mask", "kind"), [("palette", "instances"), ("green", "colours")])
def test_the_advice_makes_them_usable(benchmark, tmp_path, mask, kind):
    green = Image.fromarray(MASK[..., None] * np.array([0, 255, 0], np.uint8))
    benchmark("a", {"palette": palette(), "green": green}[mask])
    settings = ("adapter=images", f"root={tmp_path}")
    report, _ = list_and_extract(tmp_path, *settings)
    assert kind in report.loc["a", "reason"].partition("annotation_kind to ")[2]
    report, _ = list_and_extract(tmp_path, *settings, f"annotation_kind={kind}")
    assert (report.loc["a", "status"], report.loc["a", "annotation_kind"]) == ("ok", kind)


def test_a_photograph_stored_sideways_fits_its_upright_mask(benchmark, tmp_path):
    benchmark("a", Image.fromarray(MASK.T * 255))
    exif = Image.Exif()
    exif[image_file.ORIENTATION] = 6
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :3] = 255  # the left columns of what is stored are the top rows of what is shown
    Image.fromarray(pixels).save(tmp_path / "images/a.png", exif=exif)
    report, _ = list_and_extract(tmp_path, "adapter=images", f"root={tmp_path}")
    row = report.loc["a"]
    assert (row["status"], row["height"], row["width"]) == ("ok", 30, 20)
    shown = FrameReader(tmp_path / "0.zarr.zip").read("a", 0)
    assert shown.shape == (30, 20, 3)
    assert shown[:3].min() == 255 and shown[3:].max() == 0


def test_palettes_in_a_folder_of_davis_2016(tmp_path):
    lines = []
    for t in range(2):
        image, mask = (f"{top}/480p/dog/{t:05d}" for top in ("JPEGImages", "Annotations"))
        for name in (image, mask):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(tmp_path / f"{image}.jpg")
        palette().save(tmp_path / f"{mask}.png")
        lines.append(f"/{image}.jpg /{mask}.png")
    (tmp_path / "ImageSets/480p").mkdir(parents=True)
    (tmp_path / "ImageSets/480p/val.txt").write_text("\n".join(lines))
    settings = ("adapter=davis", f"root={tmp_path}", "splits=[val]")
    report, _ = list_and_extract(tmp_path, *settings)
    assert report.loc["dog", "status"] == "left_out"
    assert "Annotations/480p/dog/00000.png: has a palette" in report.loc["dog", "reason"]
    report, _ = list_and_extract(tmp_path, *settings, "annotation_kind=instances")
    assert report.loc["dog", "status"] == "ok"
