"""The plan: which runs and evaluations a table needs, and under which names."""

import json
import re
import subprocess
import sys
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
RESIDUAL = {"label": "residual", "method": "residual_flow"}
AMD = {"label": "pairs", "method": "amd"}
SEMANTIC = {"label": "classes", "method": "semantic", "settings": {"classes": 6}}
STARTED = {**SEMANTIC, "label": "started", "start": {"method": "amd"}}
# Labelled images of five shapes and a background; pre-training on the videos.
SHAPES = {
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
CLASSES = {"scorings": ["classes"], "changes": SHAPES}


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
    slugs = list(dict.fromkeys(cell.run.slug for cell in evaluations))
    amd = slugs.pop(1)
    assert amd.startswith("amd-resnet50") and amd.endswith("-sprites-s0")
    assert slugs == [
        "gwm-unet-quadratic-k4-dis-sprites-s0",
        "residual_flow-dis-sprites",
        "feature_clustering-kmeans-k2-pixels-sprites",
    ]
    every = ["leak_free", "oracle", "released"]
    of_rows = [every, ["leak_free"], ["leak_free"], every, every]
    assert [cell.scoring for cell in evaluations] == [name for row in of_rows for name in row]
    folder = Path("results/evaluations/gwm-unet-quadratic-k4-dis-sprites-s0/sprites")
    assert evaluations[0].path == folder / "davis.unsupervised.last.json"
    assert evaluations[2].path == folder / "davis_released.oracle.best.json"
    assert evaluations[2].predictions == Path(
        "results/predictions/gwm-unet-quadratic-k4-dis-sprites-s0/sprites/best"
    )
    per_image, per_video = evaluations[3:5]
    assert per_image.run == per_video.run
    assert per_image.path.name == "davis.object.last.json"
    assert per_video.path.name == "davis.object.last.adapt100.json"


@pytest.mark.parametrize(
    "name",
    [
        *(f"gwm_table{n}" for n in range(1, 13)),
        *(f"amd_table{n}" for n in range(1, 4)),
        "amd_figure5",
    ],
)
def test_every_table_of_the_papers_is_declared(name: str) -> None:
    made = plan.make(config.load(DEFAULT), ROOT / "workflow/tables")
    assert made.evaluations(name)


def test_planning_needs_no_torch() -> None:
    program = "import sys, commonfate.plan; print(sorted({'torch', 'cv2'} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert process.stdout == "[]\n", process.stderr


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


def test_a_role_without_use_needs_no_source(make) -> None:
    (run,) = make({**AMD, "flow": "tvl1"}).runs.values()
    assert run.flow is None


def test_methods_without_flow_say_what_they_learn_from(make) -> None:
    made = make(GWM, RESIDUAL, CLUSTERS, AMD)
    runs = {run.settings.method: run for run in made.runs.values()}
    assert {name: run.flow for name, run in runs.items()} == {
        "gwm": "dis",
        "residual_flow": "dis",
        "feature_clustering": None,
        "amd": None,
    }
    network = "-".join(runs["amd"].settings.slug)
    assert runs["amd"].slug == f"amd-{network}-sprites-s0"
    assert runs["amd"].samples == "sprites-all-pairs"
    assert runs["amd"].samples_of(("others",), "val") == "others-val-pairs"
    assert runs["gwm"].samples_of(("others",), "val") == "others-val-dis"


def test_what_learns_from_pairs_has_data_of_its_own(make) -> None:
    changes = {
        "datasets": {"others": {"adapter": "sprites", "seed": 9}},
        "benchmarks": {"sprites": {"pretrain_datasets": ["others"], "train_split": "train"}},
    }
    gwm, amd = make(GWM, AMD, changes=changes).runs.values()
    assert (gwm.datasets, gwm.split) == (("sprites",), "train")
    assert (amd.datasets, amd.split) == (("others",), "all")
    assert amd.slug.endswith("-others-s0")
    del changes["benchmarks"]["sprites"]["pretrain_datasets"]
    gwm, amd = make(GWM, AMD, changes=changes).runs.values()
    assert (amd.datasets, amd.split) == (("sprites",), "train")
    assert amd.slug.endswith("-sprites.train-s0")


def test_each_method_has_its_own_rule_of_the_foreground(make) -> None:
    made = make(GWM, AMD, scorings=["leak_free", "oracle"])
    found = [cell.foreground for cell in made.evaluations("table1")]
    assert found == ["unsupervised", "oracle", "object", "oracle"]


def test_a_run_may_start_from_another(make) -> None:
    heavy = {"method": "amd", "settings": {"augmentation": "heavy"}}
    made = make(SEMANTIC, STARTED, {**STARTED, "label": "heavy", "start": heavy}, **CLASSES)
    scratch, first, started, first_heavy, started_heavy = made.runs.values()
    assert scratch.start is None and scratch.settings.start is None
    assert scratch.samples == started.samples == "shapes-train-labels"
    assert (started.start, started_heavy.start) == (first, first_heavy)
    assert (first.datasets, first.split, first.samples) == (
        ("sprites",),
        "all",
        "sprites-all-pairs",
    )
    assert first_heavy.settings.augmentation == "heavy"
    network = "-".join(scratch.settings.slug[:1])
    assert scratch.slug == f"semantic-{network}-c6-shapes.train-s0"
    assert started.slug == f"semantic-{network}-c6-shapes.train-from-{first.slug}"
    assert started.settings.start == f"results/runs/{first.slug}/checkpoint.pt"
    assert started.settings.start == str(first.checkpoint)
    constraint = re.search(r'run=r"(.+)"', (ROOT / "workflow/rules/common.smk").read_text())[1]
    assert all(re.fullmatch(constraint, slug) for slug in made.runs)
    cell = made.evaluations("table1")[1]
    assert (cell.run, cell.foreground, cell.variant) == (started, "classes", "last")


def test_the_same_start_is_one_run_with_the_row_of_another_table(make) -> None:
    made = make(STARTED, **CLASSES)
    amd = make(AMD, changes={"tables": {"table1": {"flow": None}}})
    assert next(iter(made.runs)) == next(iter(amd.runs))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {**STARTED, "start": {"method": "amt"}},
            "row 'started': method 'amt' is unknown; did you mean amd? Known: ",
        ),
        (
            {**STARTED, "start": {"method": "amd", "settings": {"segment": 5}}},
            "row 'started': segment is unknown; did you mean segments? Known: ",
        ),
        (
            {**STARTED, "start": {"method": "feature_clustering"}},
            "row 'started': start: feature_clustering has nothing to train",
        ),
        (
            {**AMD, "start": {"method": "amd"}},
            "row 'pairs': start: amd starts from no other run",
        ),
        (
            {**STARTED, "settings": {"classes": 6, "start": "a.pt"}},
            "row 'started': start: and settings.start 'a.pt': leave one of them out",
        ),
        (
            {**SEMANTIC, "settings": {"classes": 21}},
            "row 'classes' on benchmark shapes: semantic has 21 classes, data set shapes 6; set "
            "methods.semantic.classes",
        ),
        (
            AMD,
            "row 'pairs' on benchmark shapes: scoring classes: amd finds no classes",
        ),
        (
            GWM,
            "row 'ours' on benchmark shapes: gwm learns from flow, but data set shapes has no "
            "frame gaps; name others as its train_datasets",
        ),
        (
            {**SEMANTIC, "adapt": 3},
            "row 'classes' on benchmark shapes: adapt 3: semantic would learn from the ground "
            "truth that it is scored by",
        ),
    ],
)
def test_a_mistake_in_what_is_learnt(make, row: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        make(row, **CLASSES)
    assert str(error.value).startswith(f"workflow/tables/table1.yaml: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("benchmark", "message"),
    [
        (
            {"pretrain_datasets": []},
            "amd learns from pairs of frames, but data set shapes has none; name others as its "
            "pretrain_datasets",
        ),
        (
            {"train_datasets": ["sprites"]},
            "semantic learns from classes, but data set sprites has none; name others as its "
            "train_datasets",
        ),
        (
            {"split": "all"},
            "semantic would learn from the ground truth that it is scored by; choose train_split "
            "(here train) and split (here all) that share nothing",
        ),
        ({"metrics": ["mIoU", "J"]}, "scoring classes has no metric J"),
    ],
)
def test_a_mistake_in_the_data_of_a_benchmark(make, benchmark: dict, message: str) -> None:
    changes = merged(SHAPES, {"benchmarks": {"shapes": benchmark}})
    with pytest.raises(ConfigError) as error:
        make(STARTED, scorings=["classes"], changes=changes)
    start = "workflow/tables/table1.yaml: row 'started' on benchmark shapes: "
    assert str(error.value) == start + message


def test_the_weights_of_another_size_do_not_fit(make) -> None:
    sizes = {"methods": {"amd": {"size": "small"}, "semantic": {"size": "full"}}}
    with pytest.raises(ConfigError, match=r"start: semantic has size full, amd small; they must"):
        make(STARTED, scorings=["classes"], changes=merged(SHAPES, sizes))


@pytest.mark.parametrize("scoring", ["leak_free", "oracle"])
def test_classes_are_scored_as_classes(make, scoring: str) -> None:
    with pytest.raises(ConfigError, match=f"{scoring}: semantic finds classes, no foreground"):
        make(SEMANTIC, scorings=[scoring], changes=SHAPES)


def test_a_row_may_have_some_of_the_scorings_of_its_table(make) -> None:
    made = make(CLUSTERS, CLUSTERS | {"label": "other", "scorings": ["released"]})
    found = [cell.scoring for cell in made.evaluations("table1")]
    assert found == ["leak_free", "released", "released"]


def test_a_row_has_no_scoring_that_its_table_lacks(make) -> None:
    with pytest.raises(ConfigError, match="scoring 'orakle' is unknown; did you mean oracle"):
        make(CLUSTERS | {"scorings": ["orakle"]}, scorings=["oracle"])


def test_classes_can_only_be_scored_where_there_are_some(make) -> None:
    changes = merged(SHAPES, {"benchmarks": {"shapes": {"train_datasets": ["shapes"]}}})
    changes["benchmarks"]["shapes"]["dataset"] = "sprites"
    with pytest.raises(ConfigError, match="scoring classes compares classes, but data set sprites"):
        make(SEMANTIC, scorings=["classes"], changes=changes)


def test_what_looks_at_flow_or_adapts_needs_it_where_it_is_scored(make) -> None:
    changes = {
        "benchmarks": {"sprite_images": {"train_datasets": ["sprites"]}},
        "tables": {"table1": {"benchmarks": ["sprite_images"]}},
    }
    start = "row .* on benchmark sprite_images: "
    missing = "flow, but data set sprite_images has no frame gaps"
    with pytest.raises(ConfigError, match=f"{start}residual_flow looks at {missing}"):
        make(RESIDUAL, changes=changes)
    with pytest.raises(ConfigError, match=f"{start}adapt 5: gwm adapts to {missing}"):
        make({**GWM, "adapt": 5}, changes=changes)
    with pytest.raises(ConfigError, match=f"{start}adapt 5: amd adapts to pairs of frames, but"):
        make({**AMD, "adapt": 5}, changes=changes)
    assert len(make(GWM, AMD, changes=changes).runs) == 2


def test_a_table_without_flow_needs_no_source(make) -> None:
    changes = {"tables": {"table1": {"flow": None}}}
    make(AMD, CLUSTERS, changes=changes)
    with pytest.raises(ConfigError, match=r"row 'ours': needs flow; name .* tables\.table1\.flow"):
        make(GWM, changes=changes)


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
            "gwm_maskformer, amd, semantic, residual_flow, feature_clustering",
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


def test_a_table_without_flow_depends_on_no_source(make) -> None:
    made = make(AMD)
    part = json.loads(made.table_config("table1"))
    assert part["flow"]["sources"] == {}
    assert part["tables"]["table1"]["flow"] is None
    assert list(part["methods"]) == ["amd"]
    sources = {"dis": {"preset": "fast"}}
    assert make(AMD, changes={"flow": {"sources": sources}}).table_config("table1") == (
        made.table_config("table1")
    )
    again = config.load(part)
    assert plan.join(again, made.declarations).evaluations("table1") == made.evaluations("table1")


def test_a_table_depends_on_what_its_runs_start_from(make) -> None:
    made = make(SEMANTIC, STARTED, **CLASSES)
    part = json.loads(made.table_config("table1"))
    assert set(part["datasets"]) == {"shapes", "sprites"}
    assert set(part["methods"]) == {"amd", "semantic"}
    again = config.load(part)
    assert plan.join(again, made.declarations).evaluations("table1") == made.evaluations("table1")
    scratch = json.loads(make(SEMANTIC, **CLASSES).table_config("table1"))
    assert set(scratch["datasets"]) == {"shapes"}
    assert scratch["benchmarks"]["shapes"]["pretrain_datasets"] == []
    config.load(scratch)
