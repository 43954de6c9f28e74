"""Scales: changes of the demo, or settings that stand by themselves on the defaults."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from commonfate.base.errors import ConfigError
from commonfate.base.settings import to_pairs
from commonfate.config import Config, load
from commonfate.methods.settings import MethodsConfig
from commonfate.scales import changes_demo, joined

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config.yaml").read_text())
OWN = {"scale": "mine", "datasets": {"cats": {"adapter": "sprites"}}}


def _shipped(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())


def test_what_names_no_scale_changes_the_demo() -> None:
    config = load(joined(DEMO, {"seeds": [3], "methods": {"gwm": {"iterations": 7}}}))
    assert (config.scale, config.seeds, config.methods.gwm.iterations) == ("demo", (3,), 7)
    assert config.methods.gwm.width == DEMO["methods"]["gwm"]["width"]
    assert set(config.tables) == set(DEMO["tables"])


@pytest.mark.parametrize("given", [{}, {"scale": "demo"}, {"scale": "x", "based_on": "demo"}])
def test_the_demo_by_its_name_or_by_none(given: dict[str, Any]) -> None:
    assert changes_demo(given)
    assert joined(DEMO, given) == {**DEMO, **given}


def test_a_scale_of_another_name_has_nothing_of_the_demo() -> None:
    assert load(joined(DEMO, OWN)) == load(OWN) == Config.model_validate(OWN)
    config = load(joined(DEMO, OWN))
    assert config.methods == MethodsConfig()
    assert list(config.datasets) == ["cats"]
    assert (config.benchmarks, config.tables, config.flow_roles) == ({}, {}, {})


def test_a_scale_that_is_based_on_the_demo_keeps_what_it_does_not_set() -> None:
    config = load(joined(DEMO, {**OWN, "based_on": "demo"}))
    assert list(config.datasets) == [*DEMO["datasets"], "cats"]
    assert config.methods == load(DEMO).methods


def test_a_scale_can_be_based_on_the_demo_alone() -> None:
    with pytest.raises(ConfigError, match=r"^config: based_on = 'davis': Input should be 'demo'$"):
        load(joined(DEMO, {**OWN, "based_on": "davis"}))


def test_a_scale_without_data_is_told_how_to_have_the_demos() -> None:
    with pytest.raises(ConfigError) as error:
        load(joined(DEMO, {"scale": "mine", "methods": {"gwm": {"iterations": 7}}}))
    assert str(error.value) == (
        "config: scale 'mine' has no datasets; name some, or add based_on: demo for what it does "
        "not set to be as in config.yaml"
    )


def test_flow_sources_that_need_no_download_are_there_at_every_scale() -> None:
    config = load({**OWN, "flow": {"sources": {"raft.things": {"estimator": "raft"}}}})
    shipped = ["dis", "farneback", "truth", "raft_small.sprites", "arflow.sprites"]
    assert list(config.flow.sources) == [*shipped, "raft.things"]
    assert load(OWN).flow.sources == load(DEMO).flow.sources
    changed = load({**OWN, "flow": {"sources": {"dis": {"preset": "fast"}}}}).flow.sources["dis"]
    assert (changed.estimator, changed.preset) == ("dis", "fast")


@pytest.mark.parametrize("method", MethodsConfig.model_fields)
def test_at_scale_paper_every_setting_is_the_default_unless_the_file_sets_it(method: str) -> None:
    values = joined(DEMO, _shipped("paper"))
    settings = getattr(Config.model_validate(values).methods, method)
    changed = set(to_pairs(settings)) - set(to_pairs(type(settings)()))
    assert changed == {
        # Every 250 iterations, as the released code.
        "gwm": {"snapshots=60"},
        "gwm_maskformer": {"snapshots=60"},
        "feature_clustering": {"features=dino_vits8"},
    }.get(method, set())


@pytest.mark.parametrize("name", ["paper", "davis", "davis_gpu"])
def test_tables_of_real_data_have_nothing_of_the_demo(name: str) -> None:
    values = joined(DEMO, _shipped(name))
    assert values == _shipped(name)
    config = Config.model_validate(values)
    assert not {item.adapter for item in config.datasets.values()} & {"sprites", "sprite_images"}
    assert all(key in _shipped(name)["tables"] for key in config.tables)


def test_rows_of_the_demo_do_not_shorten_trainings_of_the_paper() -> None:
    config = Config.model_validate(joined(DEMO, _shipped("paper")))
    assert DEMO["tables"]["gwm_choices"]["rows"]
    assert config.tables["gwm_choices"].rows == {}
