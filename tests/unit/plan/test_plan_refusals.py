"""Tables that cannot be made from a configuration: only who asks for one is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commonfate import config, plan
from commonfate.base.errors import ConfigError
from commonfate.base.settings import merged

Planned = Callable[..., plan.Plan]


@pytest.fixture
def planned(default: dict[str, Any], declared: Path) -> Planned:
    """All declared tables of the demo, whose configuration is changed."""
    return lambda changes: plan.make(config.load(merged(default, changes)), declared)


def _refused(built: plan.Plan) -> set[str]:
    """Tables that are refused; all others can be asked for."""
    for name in built.config.tables:
        if name in built.refused:
            for ask in (built.evaluations, built.table_config, built.datasets):
                with pytest.raises(ConfigError) as error:
                    ask(name)
                assert str(error.value) == built.refused[name]
        else:
            assert built.evaluations(name) and built.table_config(name)
    return set(built.refused)


def test_gaps_that_a_single_row_needs_stop_no_other_table(planned: Planned) -> None:
    built = planned({"datasets": {"sprites": {"gaps": [-3, 3]}}})
    assert _refused(built) == {"timet_table11"}
    assert built.refused["timet_table11"] == (
        "workflow/tables/timet_table11.yaml: row 'Optical flow' on benchmark sprites_carried_1: "
        "flow_warp moves masks by flow of gap -1, which data set sprites lacks; add it to "
        "datasets.sprites.gaps"
    )
    # Its forwarder is the run of other tables, too; its flow is of no other.
    assert "frozen-vit_demo_8.photos" in built.runs
    with pytest.raises(ConfigError) as error:
        built.run("flow_warp-farneback-sprites")
    first, second = str(error.value).splitlines()
    assert first == "run 'flow_warp-farneback-sprites' is of no table of this configuration"
    with pytest.raises(ConfigError, match=r"configuration; did you mean first_mask-sprites\?$"):
        planned({}).run("first_mask-sprite")
    assert second.startswith("timet_table11 is refused: workflow/tables/timet_table11.yaml: row ")


@pytest.mark.parametrize(
    ("changes", "refused", "message"),
    [
        (
            {"datasets": {"sprite_photos": {"train_images": 0}}},
            # Probes of Tables VI and VII, and the images that FlowDINO learns from.
            {"table1", *(f"flowdino_table{number}" for number in (1, 2, 3, 5, 6, 7))},
            "split 'train': data set sprite_photos has only val",
        ),
        (
            {"benchmarks": {"sprite_retrieval": {"settings": {"classes": 21}}}},
            {"timet_table8"},
            "has 21 classes, data set sprite_semantic 6; set settings.classes of the benchmark",
        ),
        (
            {"methods": {"amd": {"size": "full"}}},
            {"amd_table2", "amd_classes"},
            "start: semantic has size small, amd full; they must be equal",
        ),
        (
            {"methods": {"semantic": {"classes": 5}}},
            {"amd_table2", "amd_classes"},
            "semantic has 5 classes, data set sprite_classes 6; set methods.semantic.classes",
        ),
        (
            {"tables": {"gwm_table2": {"flow": None}}},
            {"gwm_table2"},
            "needs flow; name a source in the config under tables.gwm_table2.flow",
        ),
    ],
)
def test_what_stops_a_table_stops_that_one_alone(
    planned: Planned, changes: dict, refused: set[str], message: str
) -> None:
    built = planned(changes)
    assert _refused(built) == refused
    assert all(message in reason for reason in built.refused.values())


def test_a_folder_is_needed_by_the_tables_that_read_it(planned: Planned, tmp_path: Path) -> None:
    changes = {
        "datasets": {"davis2016": {"adapter": "davis", "root": str(tmp_path / "no")}},
        "benchmarks": {
            "davis2016": {"dataset": "davis2016"},
            "sprites": {"pretrain_datasets": ["davis2016"]},
        },
        "tables": {"gwm_table3": {"benchmarks": ["davis2016"]}},
    }
    built = planned(changes)
    # Of the tables on sprites those with rows of AMD need what these learn from.
    assert _refused(built) == {"table1", "gwm_table3", "amd_table3", "amd_figure5"}
    assert built.refused["gwm_table3"] == (
        f"config: datasets.davis2016.root = '{tmp_path}/no': no such folder, but table gwm_table3 "
        "needs it; set it in the config or with --config 'datasets={davis2016: {root: /path}}'"
    )
    assert built.datasets("gwm_table2") == ["sprites"]
    (tmp_path / "no").mkdir()
    assert _refused(planned(changes)) == set()
