"""What runs there are: their names, and what they learn and start from."""

import json
from pathlib import Path

import pytest

from commonfate.errors import ConfigError

GWM = {"label": "ours", "method": "gwm"}
CLUSTERS = {"label": "clusters", "method": "feature_clustering"}
RESIDUAL = {"label": "residual", "method": "residual_flow"}
AMD = {"label": "pairs", "method": "amd"}
SEMANTIC = {"label": "classes", "method": "semantic", "settings": {"classes": 6}}
STARTED = {**SEMANTIC, "label": "started", "start": {"method": "amd"}}


def test_a_run_knows_its_samples(make) -> None:
    (run,) = make(GWM).runs.values()
    assert run.samples == "sprites-all-dis"
    assert (run.datasets, run.split, run.flow, run.seed) == (("sprites",), "all", "dis", 0)


def test_a_model_may_learn_from_several_datasets(make, is_wildcard) -> None:
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
    assert is_wildcard("run", path.parents[1].name)


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


def test_a_run_may_start_from_another(make, shapes, is_wildcard) -> None:
    heavy = {"method": "amd", "settings": {"augmentation": "heavy"}}
    made = make(
        SEMANTIC,
        STARTED,
        {**STARTED, "label": "heavy", "start": heavy},
        scorings=["classes"],
        changes=shapes,
    )
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
    assert all(is_wildcard("run", slug) for slug in made.runs)
    cell = made.evaluations("table1")[1]
    assert (cell.run, cell.foreground, cell.variant) == (started, "classes", "last")


def test_the_same_start_is_one_run_with_the_row_of_another_table(make, shapes) -> None:
    made = make(STARTED, scorings=["classes"], changes=shapes)
    amd = make(AMD, changes={"tables": {"table1": {"flow": None}}})
    assert next(iter(made.runs)) == next(iter(amd.runs))


def test_split_flow_and_seed_of_a_trained_run_are_in_its_name(make) -> None:
    changes = {
        "seeds": [7],
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
def test_what_a_row_changes_is_in_its_name(make, settings: dict, slug: str, is_wildcard) -> None:
    made = make({**GWM, "settings": settings})
    assert made.evaluations("table1")[0].run.slug == slug
    assert is_wildcard("run", slug)


def test_a_row_changes_single_keys_of_the_scale(make, default) -> None:
    made = make({**GWM, "settings": {"merge": {"epsilon": 1e-6}}})
    run = made.evaluations("table1")[0].run
    assert run.settings.merge.epsilon == 1e-6
    scale = default["methods"]["gwm"]
    assert run.settings.merge.features == scale["merge"]["features"]
    assert run.settings.iterations == scale["iterations"]


@pytest.mark.parametrize(
    ("row", "changes", "name"),
    [
        (GWM, {"merge": {"epsilon": 1e-6}}, "merge.epsilon.1e-06"),
        (AMD, {"adaptation_rate": 0.5}, "adaptation_rate.0.5"),
    ],
)
def test_what_training_does_not_read_trains_nothing_again(
    make, row: dict, changes: dict, name: str, is_wildcard
) -> None:
    other = {**row, "label": "other", "settings": changes}
    made = make(row, other)
    own, shared = made.runs.values()
    assert (own.twin, shared.twin) == (None, own)
    assert shared.folder == own.folder == Path("results/runs", own.slug)
    assert name in shared.slug and name not in own.slug
    assert is_wildcard("run", shared.slug)
    assert shared.settings != own.settings
    paths = {cell.run.slug: cell.path for cell in made.evaluations("table1")}
    assert paths[shared.slug].parents[1].name == shared.slug
    # Also where no row of the table has the settings that the weights are trained with.
    assert make(other).runs == made.runs


def test_a_row_that_trains_otherwise_shares_only_with_its_like(make) -> None:
    affine = {"flow_model": "affine"}
    made = make(
        GWM,
        {**GWM, "label": "affine", "settings": {**affine, "merge": {"epsilon": 1e-6}}},
    )
    assert [run.slug for run in made.runs.values() if run.twin is None] == [
        "gwm-unet-quadratic-k4-dis-sprites-s0",
        "gwm-unet-affine-k4-dis-sprites-s0",
    ]


def test_weights_are_started_from_whatever_training_does_not_read(make, shapes) -> None:
    start = {"method": "amd", "settings": {"adaptation_rate": 0.5}}
    other = {**STARTED, "label": "other", "start": start}
    made = make(STARTED, other, scorings=["classes"], changes=shapes)
    assert len(made.runs) == 2


def test_different_runs_may_not_share_a_name(make) -> None:
    rows = [
        {"label": path, "method": "gwm", "settings": {"merge": {"weights": path}}}
        for path in ("a/b", "a_b")
    ]
    with pytest.raises(ConfigError, match=r"two different runs are both called gwm-.*weights.a_b"):
        make(*rows)
