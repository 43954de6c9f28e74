"""The configuration: the shipped scales are valid, and mistakes are told in one line."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
import yaml

from commonfate.base.errors import ConfigError
from commonfate.config import load
from commonfate.scales import joined

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def _with(key: str, value: Any) -> dict[str, Any]:
    """The default configuration with one value changed."""
    values = copy.deepcopy(DEFAULT)
    *parents, last = key.split("/")
    level = values
    for parent in parents:
        level = level[parent]
    level[last] = value
    return values


def _mistake(values: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as error:
        load(values)
    return str(error.value)


def test_the_default_is_the_demo_on_embedded_data() -> None:
    config = load(DEFAULT)
    assert config.scale == "demo"
    used = {dataset.adapter for dataset in config.datasets.values()}
    assert used == {"sprites", "sprite_images"}
    assert config.methods.gwm.components == 4  # the paper's, as config.yaml does not change it


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_scale_is_valid(path: Path, tmp_path: Path) -> None:
    values = joined(DEFAULT, yaml.safe_load(path.read_text()))
    for dataset in values["datasets"].values():
        if "root" in dataset:
            dataset["root"] = str(tmp_path)
    assert load(values).scale == path.stem


def test_the_front_page_of_the_report_names_keys_that_exist() -> None:
    text = (ROOT / "workflow/report/workflow.rst").read_text()
    job = SimpleNamespace(config={**DEFAULT, "seeds": [3, 4]})
    page = jinja2.Template(text, undefined=jinja2.StrictUndefined).render(snakemake=job)
    assert "scale **demo**" in page and "seeds\n3, 4 " in page


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "sead",
            1,
            "config: sead is unknown; did you mean seeds? Known: scale, based_on, seeds, "
            "shard_size, train_threads, predict_threads, train_devices, weights_folder, datasets, "
            "decode, frames, flow, flow_training, flow_quality, flow_roles, data_roles, methods, "
            "crf, benchmarks, tables",
        ),
        (
            "zzz",
            1,
            "config: zzz is unknown. Known: scale, based_on, seeds, shard_size, train_threads, "
            "predict_threads, train_devices, weights_folder, datasets, decode, frames, flow, "
            "flow_training, flow_quality, flow_roles, data_roles, methods, crf, benchmarks, "
            "tables",
        ),
        (
            "datasets/sprites/size",
            [65, 96],
            "config: datasets.sprites.size = [65, 96]: height and width must be even numbers of at "
            "least 32",
        ),
        (
            "datasets/sprites/vidoes",
            3,
            "config: datasets.sprites.vidoes is unknown; did you mean videos? Known: "
            "shard_size, gaps, pair_gaps, adapter, videos, frames, size, fps, seed, codec, "
            "labels, look",
        ),
        (
            "methods/gwm/merge/featurs",
            "pixels",
            "config: methods.gwm.merge.featurs is unknown; did you mean features? Known: "
            "by, features, weights, gap, epsilon",
        ),
        (
            "tables/table1/benchmark",
            [],
            "config: tables.table1.benchmark is unknown; did you mean benchmarks? Known: "
            "benchmarks, seeds, flow, rows, by_default",
        ),
    ],
)
def test_an_unknown_key(key: str, value: Any, message: str) -> None:
    assert _mistake(_with(key, value)) == message


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "flow/container",
            "zar",
            "config: flow.container = 'zar': Input should be 'zarr' or 'tiff'",
        ),
        (
            "frames/quality",
            101,
            "config: frames.quality = 101: Input should be less than or equal to 100",
        ),
        (
            "seeds",
            ["abc"],
            "config: seeds.0 = 'abc': Input should be a valid integer, unable to parse string as "
            "an integer",
        ),
        ("seeds", 3, "config: seeds = 3: Input should be a valid list"),
        ("seeds", [], "config: seeds = []: name at least one seed, e.g. [0, 1, 2]"),
        ("seeds", [1, 1], "config: seeds = [1, 1]: seed 1 is there twice"),
        ("seed", 3, "config: seed is not a key any more; write seeds: [3]"),
        (
            "flow",
            3,
            "config: flow = 3: expected a group of the keys sources, container, tiff_layout, "
            "steps_per_pixel, batch_size",
        ),
        (
            "datasets/sprites/gaps",
            ["a"],
            "config: datasets.sprites.gaps.0 = 'a': Input should be a valid integer, unable to "
            "parse string as an integer",
        ),
        (
            "datasets/sprites/gaps",
            [1, 0],
            "config: datasets.sprites: gaps [1, 0] must be different and not 0",
        ),
        (
            "datasets/sprites/adapter",
            "sprits",
            "config: datasets.sprites.adapter 'sprits' is unknown; did you mean sprites? Known: "
            "sprites, sprite_images, davis, segtrack, fbms, images, youtube_vos, voc, davis2017, "
            "visor, uvo, vspw, moments, epic, voc_boxes, coco20k, cocostuff27, imagenet, folder",
        ),
        (
            "data_roles",
            {"images": ["sprits"]},
            "config: data_roles.images 'sprits' is unknown; did you mean sprites? Known: "
            "sprites, sprite_images, sprite_classes, sprite_semantic, sprite_photos, sprite_clips",
        ),
        (
            "data_roles",
            {"images": ["sprites", "sprites"]},
            "config: data_roles.images: 'sprites' is there twice",
        ),
        (
            "data_roles",
            {"images": []},
            "config: data_roles.images = []: List should have at least 1 item after validation, "
            "not 0",
        ),
        (
            "datasets/cats",
            {"root": "cats"},
            "config: datasets.cats.adapter is required but missing",
        ),
        (
            "datasets/cats",
            {"adapter": "folder"},
            "config: datasets.cats.root is required but missing",
        ),
        (
            "datasets/My Cats",
            {"adapter": "sprites"},
            "config: datasets.My Cats: a name has 64 lower-case letters, digits, '_' and '.' at "
            "most, e.g. davis2016",
        ),
        (
            "methods/gwm/image_size",
            [100, 224],
            "config: methods.gwm: image_size (100, 224) must be multiples of 16",
        ),
        (
            "flow/sources/mine",
            {},
            "config: flow.sources.mine.estimator is required but missing",
        ),
    ],
)
def test_a_value_that_is_not_allowed(key: str, value: Any, message: str) -> None:
    assert _mistake(_with(key, value)) == message


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "tables/table1/benchmarks",
            ["sprite"],
            f"config: tables.table1.benchmarks 'sprite' is unknown; did you mean sprites? "
            f"Known: {', '.join(DEFAULT['benchmarks'])}",
        ),
        (
            "tables/table1/flow",
            "raft.things",
            "config: tables.table1.flow 'raft.things' is unknown. Known: dis, farneback, truth, "
            "raft_small.sprites, arflow.sprites",
        ),
        (
            "benchmarks/sprites/dataset",
            "davis2016",
            f"config: benchmarks.sprites.dataset 'davis2016' is unknown. Known: "
            f"{', '.join(DEFAULT['datasets'])}",
        ),
    ],
)
def test_a_name_of_something_that_is_not_there(key: str, value: Any, message: str) -> None:
    assert _mistake(_with(key, value)) == message


@pytest.mark.parametrize("key", ["train_datasets", "pretrain_datasets"])
def test_what_is_learnt_from_must_exist(key: str) -> None:
    assert _mistake(_with(f"benchmarks/sprites/{key}", ["sprite"])).startswith(
        f"config: benchmarks.sprites.{key} 'sprite' is unknown; did you mean sprites? Known: "
    )


@pytest.mark.parametrize("name", ["pairs", "labels"])
def test_samples_without_flow_keep_their_names(name: str) -> None:
    message = f"{name!r} is what samples without flow are called; rename it"
    assert _mistake(_with(f"flow/sources/{name}", {"estimator": "dis"})).endswith(message)


def test_several_mistakes_are_several_lines() -> None:
    values = _with("seeds", [-1])
    values["flow"]["container"] = "zip"
    assert len(_mistake(values).splitlines()) == 2


def test_a_recipe_of_flow_training_keeps_what_is_not_changed() -> None:
    config = load(_with("flow_training", {"arflow": {"iterations": 7}}))
    assert config.flow_training["arflow"].iterations == 7
    assert config.flow_training["arflow"].objective == "arflow"
    assert config.flow_training["raft_small"].objective == "supervised"


def test_only_flow_that_is_known_can_be_compared_with() -> None:
    values = _with("datasets/mine", {"adapter": "folder", "root": "."})
    values["flow_quality"] = {"datasets": ["mine"], "sources": ["dis"]}
    assert _mistake(values) == (
        "config: flow_quality.datasets 'mine' is unknown. Known: sprites, sprite_clips"
    )
    assert "flow_quality.sources 'fis'" in _mistake(_with("flow_quality/sources", ["fis"]))
