"""The plan: which runs and evaluations a table needs, and under which names."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from commonfate import config, plan
from commonfate.errors import ConfigError
from commonfate.settings import merged

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
GWM = {"label": "ours", "method": "gwm"}
CLUSTERS = {"label": "clusters", "method": "feature_clustering"}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., plan.Plan]:
    """Plan a table of the given rows; keywords change its declaration, `changes` the config."""

    def made(*rows: dict[str, Any], changes: dict | None = None, **declared: Any) -> plan.Plan:
        table = {"title": "A table", "caption": "Of tests.", "rows": list(rows)}
        (tmp_path / "table1.yaml").write_text(yaml.safe_dump({**table, **declared}))
        one_table = {**DEFAULT, "tables": {"table1": DEFAULT["tables"]["table1"]}}
        return plan.make(config.load(merged(one_table, changes or {})), tmp_path)

    return made


def test_table1_has_the_runs_and_evaluations_that_it_should() -> None:
    made = plan.make(config.load(DEFAULT), ROOT / "workflow/tables")
    evaluations = made.evaluations("table1")
    assert list(dict.fromkeys(cell.run.slug for cell in evaluations)) == [
        "gwm-unet-quadratic-k4-dis-sprites-s0",
        "residual_flow-dis-sprites",
        "feature_clustering-kmeans-k2-pixels-sprites",
    ]
    assert [cell.scoring for cell in evaluations] == ["leak_free", "oracle", "released"] * 3
    folder = Path("results/evaluations/gwm-unet-quadratic-k4-dis-sprites-s0/sprites")
    assert evaluations[0].path == folder / "davis.unsupervised.last.json"
    assert evaluations[2].path == folder / "davis_released.oracle.best.json"
    assert evaluations[2].predictions == Path(
        "results/predictions/gwm-unet-quadratic-k4-dis-sprites-s0/sprites/best"
    )


@pytest.mark.parametrize("number", range(1, 13))
def test_every_table_of_the_paper_is_declared(number: int) -> None:
    made = plan.make(config.load(DEFAULT), ROOT / "workflow/tables")
    assert made.evaluations(f"gwm_table{number}")


def test_a_run_knows_its_samples(make) -> None:
    (run,) = make(GWM).runs.values()
    assert run.samples == "sprites-all-dis"
    assert (run.datasets, run.split, run.flow, run.seed) == (("sprites",), "all", "dis", 0)


def test_a_model_may_learn_from_several_datasets(make) -> None:
    other = {"adapter": "sprites", "seed": 9}
    changes = {
        "datasets": {"others": other},
        "benchmarks": {"sprites": {"train_datasets": ["sprites", "others"]}},
    }
    made = make(GWM, CLUSTERS, changes=changes)
    trained, untrained = made.runs.values()
    assert trained.slug == "gwm-unet-quadratic-k4-dis-sprites+others-s0"
    assert trained.samples == "sprites+others-all-dis"
    assert untrained.datasets == ("sprites",)
    assert set(json.loads(made.table_config("table1"))["datasets"]) == {"sprites", "others"}
    path = made.evaluations("table1")[0].path
    constraint = re.search(r'run=r"(.+)"', (ROOT / "workflow/rules/common.smk").read_text())[1]
    assert re.fullmatch(constraint, path.parents[1].name)


def test_a_row_asks_for_flow_by_its_role(make) -> None:
    rows = {**GWM, "flow": "raft"}
    (run,) = make(rows, changes={"flow_roles": {"raft": "farneback"}}).runs.values()
    assert run.flow == "farneback"
    with pytest.raises(ConfigError, match=r"row 'ours': no flow source plays the role 'tvl1'"):
        make({**GWM, "flow": "tvl1"})


def test_adaptation_and_crf_are_variants_of_the_predictions(make) -> None:
    rows = [GWM, {**GWM, "label": "both", "adapt": 20, "crf": True}]
    made = make(*rows, scorings=["leak_free", "released"])
    assert len(made.runs) == 1
    found = [cell.variant for cell in made.evaluations("table1")]
    assert found == ["last", "best", "last.adapt20.crf", "best.adapt20.crf"]
    constraint = re.search(r'variant=r"(.+)"', (ROOT / "workflow/rules/common.smk").read_text())[1]
    assert all(re.fullmatch(constraint, variant) for variant in found)


def test_what_has_nothing_to_train_is_neither_adapted_nor_chosen(make) -> None:
    made = make(CLUSTERS, scorings=["released"])
    assert [cell.variant for cell in made.evaluations("table1")] == ["last"]
    with pytest.raises(ConfigError, match="adapt 5: feature_clustering has nothing to train"):
        make({**CLUSTERS, "adapt": 5})


def test_the_released_scoring_has_its_own_frames(make) -> None:
    changes = {"benchmarks": {"sprites": {"released_protocol": "davis_released"}}}
    made = make(GWM, changes=changes, scorings=["leak_free", "released", "oracle"])
    found = [(cell.protocol, cell.foreground) for cell in made.evaluations("table1")]
    assert found == [("davis", "unsupervised"), ("davis_released", "oracle"), ("davis", "oracle")]


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"better": "ours", "worse": "their"}, "row 'their' is unknown; did you mean theirs?"),
        (
            {"better": "ours", "worse": "theirs", "scoring": "oracle"},
            "scoring 'oracle' is unknown. Known: leak_free, released",
        ),
    ],
)
def test_expectations_name_what_exists(make, expected: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        make(GWM, {**CLUSTERS, "label": "theirs"}, expects=[expected])
    assert message in str(error.value)


def test_split_flow_and_seed_of_a_trained_run_are_in_its_name(make) -> None:
    changes = {
        "seed": 7,
        "benchmarks": {"sprites": {"train_split": "train"}},
        "tables": {"table1": {"flow": "truth"}},
    }
    made = make(GWM, CLUSTERS, changes=changes)
    assert list(made.runs) == [
        "gwm-unet-quadratic-k4-truth-sprites.train-s7",
        "feature_clustering-kmeans-k2-pixels-sprites",
    ]


@pytest.mark.parametrize(
    ("settings", "slug"),
    [
        ({"components": 5}, "gwm-unet-quadratic-k5-dis-sprites-s0"),
        ({"flow_model": "affine"}, "gwm-unet-affine-k4-dis-sprites-s0"),
        ({"variant": "released"}, "gwm-unet-quadratic-k4-variant.released-dis-sprites-s0"),
        ({"flip": False}, "gwm-unet-quadratic-k4-flip.false-dis-sprites-s0"),
        ({"image_size": [64, 96]}, "gwm-unet-quadratic-k4-image_size.64x96-dis-sprites-s0"),
        (
            {"merge": {"features": "network"}},
            "gwm-unet-quadratic-k4-merge.features.network-dis-sprites-s0",
        ),
        (
            {"merge": {"weights": "/a b/c.pth"}},
            "gwm-unet-quadratic-k4-merge.weights._a_b_c.pth-dis-sprites-s0",
        ),
    ],
)
def test_what_a_row_changes_is_in_its_name(make, settings: dict, slug: str) -> None:
    made = make({**GWM, "settings": settings})
    assert list(made.runs) == [slug]
    constraint = re.search(r'run=r"(.+)"', (ROOT / "workflow/rules/common.smk").read_text())[1]
    assert re.fullmatch(constraint, slug)


def test_a_row_changes_single_keys_of_the_scale(make) -> None:
    made = make({**GWM, "settings": {"merge": {"epsilon": 1e-6}}})
    (run,) = made.runs.values()
    assert run.settings.merge.epsilon == 1e-6
    scale = yaml.safe_load((ROOT / "config.yaml").read_text())["methods"]["gwm"]
    assert run.settings.merge.features == scale["merge"]["features"]
    assert run.settings.iterations == scale["iterations"]


def test_different_runs_may_not_share_a_name(make) -> None:
    rows = [
        {"label": path, "method": "gwm", "settings": {"merge": {"weights": path}}}
        for path in ("a/b", "a_b")
    ]
    with pytest.raises(ConfigError, match=r"two different runs are both called gwm-.*weights.a_b"):
        make(*rows)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"label": "x", "method": "gwn"},
            "table1.yaml: row 'x': method 'gwn' is unknown; did you mean gwm? Known: gwm, "
            "gwm_maskformer, residual_flow, feature_clustering",
        ),
        (
            {**GWM, "settings": {"component": 3}},
            "table1.yaml: row 'ours': component is unknown; did you mean components? Known: ",
        ),
        (
            {**CLUSTERS, "settings": {"clusters": 1}},
            "table1.yaml: row 'clusters': clusters = 1: Input should be greater than or equal to 2",
        ),
        (
            {**GWM, "published": "Ours (UNnet)"},
            "table1.yaml: row 'ours': published 'Ours (UNnet)' is unknown; did you mean Ours "
            "(UNet)? Known: SAGE, ",
        ),
    ],
)
def test_a_mistake_in_a_row(make, row: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        make(row, published={"tables": ["gwm_table1"]})
    assert str(error.value).startswith(f"workflow/tables/{message}")
    assert "\n" not in str(error.value)


def test_labels_tell_rows_apart(make) -> None:
    with pytest.raises(ConfigError, match=r"table1.yaml: rows: the label 'ours' is used more"):
        make(GWM, GWM)


def test_a_table_that_is_not_declared() -> None:
    tables = {"tabel1": {"benchmarks": ["sprites"], "flow": "dis"}}
    with pytest.raises(ConfigError) as error:
        plan.make(config.load(merged(DEFAULT, {"tables": tables})), ROOT / "workflow/tables")
    assert "config: tables.tabel1 is unknown; did you mean table1? Known: " in str(error.value)


def test_rendered_videos_never_wear_a_published_name(make) -> None:
    with pytest.raises(ConfigError, match="published_as 'DAVIS2016': rendered data are no"):
        make(GWM, changes={"benchmarks": {"sprites": {"published_as": "DAVIS2016"}}})


def test_an_unknown_published_benchmark(make) -> None:
    with pytest.raises(ConfigError, match=r"'DAVIS-2016' is unknown; did you mean DAVIS2016\?"):
        make(GWM, changes={"benchmarks": {"sprites": {"published_as": "DAVIS-2016"}}})


def test_a_declaration_that_is_not_yaml(tmp_path: Path) -> None:
    path = tmp_path / "table1.yaml"
    path.write_text("title: [")
    with pytest.raises(ConfigError) as error:
        plan.read_declaration(path)
    assert str(error.value).startswith(f"{path}: cannot be read as YAML (")
    assert "\n" not in str(error.value)


def test_a_table_depends_on_its_own_part_of_the_configuration(make) -> None:
    made = make(GWM)
    text = made.table_config("table1")
    other = {"flow": {"sources": {"farneback": {"estimator": "farneback"}}}}
    assert make(GWM, changes=other).table_config("table1") == text
    assert make(GWM, changes={"seed": 1}).table_config("table1") != text
    again = config.load(json.loads(text))
    assert plan.join(again, made.declarations).evaluations("table1") == made.evaluations("table1")
