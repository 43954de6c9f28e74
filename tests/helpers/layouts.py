"""Folders of data sets as their authors lay them out, without their data."""

from pathlib import Path

import yaml
from PIL import Image

from commonfate import config, datasets
from helpers.pages import ROOT

PAPER = ROOT / "config/paper.yaml"


def paper(folder: Path) -> None:
    """Make in `folder` the folders of all real data sets of scale `paper`, without any file."""
    values = yaml.safe_load(PAPER.read_text())
    roots = {
        name: Path(dataset["root"])
        for name, dataset in values["datasets"].items()
        if "root" in dataset
    }
    for name, root in roots.items():
        values["datasets"][name]["root"] = str(folder / root)
        (folder / root).mkdir(parents=True, exist_ok=True)
    for name, settings in config.load(values).datasets.items():
        if name in roots:
            for below in datasets.layout(settings):
                (settings.root / below).mkdir(parents=True, exist_ok=True)


def davis(root: Path, frames: int = 3) -> None:
    """Write DAVIS 2016 with one grey sequence of either split."""
    for split, sequence in (("train", "bear"), ("val", "blackswan")):
        for kind, mode, suffix in (("JPEGImages", "RGB", "jpg"), ("Annotations", "L", "png")):
            folder = root / kind / "480p" / sequence
            folder.mkdir(parents=True)
            for number in range(frames):
                Image.new(mode, (64, 48), 255).save(folder / f"{number:05d}.{suffix}")
        lists = root / "ImageSets/480p"
        lists.mkdir(parents=True, exist_ok=True)
        names = [f"{sequence}/{number:05d}" for number in range(frames)]
        lines = [f"/JPEGImages/480p/{n}.jpg /Annotations/480p/{n}.png\n" for n in names]
        (lists / f"{split}.txt").write_text("".join(lines))
