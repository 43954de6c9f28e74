"""Planning a table of a test's own rows."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from commonfate import config, datasets, plan
from commonfate.base.settings import merged
from commonfate.prediction import crf
from commonfate.scales import joined

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def crf_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan rows with a CRF whatever is installed: nothing here computes one."""
    monkeypatch.setattr(crf, "is_installed", lambda: True)


@pytest.fixture(scope="session")
def default() -> dict[str, Any]:
    """What config.yaml says."""
    return yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.fixture(scope="session")
def declared() -> Path:
    """Folder of the tables that the project declares."""
    return ROOT / "workflow/tables"


@pytest.fixture(scope="session")
def shipped(
    default: dict[str, Any], declared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], plan.Plan]:
    """Plan all tables of a scale that the project ships; its data sets are empty folders."""

    def planned(scale: str) -> plan.Plan:
        path = ROOT / "config" / f"{scale}.yaml"
        values = joined(default, {} if scale == "demo" else yaml.safe_load(path.read_text()))
        folder = tmp_path_factory.mktemp("data")
        for name, dataset in values["datasets"].items():
            if dataset["adapter"] not in datasets.RENDERED:
                values = merged(values, {"datasets": {name: {"root": str(folder)}}})
        built = plan.make(config.load(values), declared)
        assert built.refused == {}
        return built

    return planned


@pytest.fixture
def make(tmp_path: Path, default: dict[str, Any]) -> Callable[..., plan.Plan]:
    """Plan a table of the given rows, and ask for it.

    Keywords change its declaration, `changes` the config.
    """

    def made(*rows: dict[str, Any], changes: dict | None = None, **declared: Any) -> plan.Plan:
        table = {"title": "A table", "caption": "Of tests.", "rows": list(rows)}
        (tmp_path / "table1.yaml").write_text(yaml.safe_dump({**table, **declared}))
        one_table = {**default, "tables": {"table1": {**default["tables"]["table1"], "rows": {}}}}
        built = plan.make(config.load(merged(one_table, changes or {})), tmp_path)
        built.evaluations("table1")
        return built

    return made


@pytest.fixture
def shapes() -> dict[str, Any]:
    """Changes of the config: labelled images of five shapes and a background, to score classes.

    Pre-training is on the videos.
    """
    return {
        "datasets": {
            "shapes": {"adapter": "sprite_images", "labels": "classes", "train_images": 4},
            "others": {"adapter": "sprites", "seed": 9},
        },
        "benchmarks": {
            "shapes": {
                "dataset": "shapes",
                "train_split": "train",
                "pretrain_datasets": ["sprites"],
                "metrics": ["mIoU"],
            }
        },
        "tables": {"table1": {"benchmarks": ["shapes"], "flow": None}},
    }


@pytest.fixture(scope="session")
def is_wildcard() -> Callable[[str, str], bool]:
    """Whether a text fits the workflow's constraint of a wildcard: `is_wildcard("run", slug)`."""
    text = (ROOT / "workflow/rules/common.smk").read_text()

    def fits(name: str, value: str) -> bool:
        return re.fullmatch(re.search(rf'{name}=r"(.+)"', text)[1], value) is not None

    return fits
