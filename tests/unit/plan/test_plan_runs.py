"""What runs there are: their names, and what they learn and start from."""

import json
from pathlib import Path

import pytest

from commonfate.base.errors import ConfigError
from commonfate.methods.residual_flow.settings import ResidualFlowSettings
from commonfate.plan.cells import run_name

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
    created = make(GWM, CLUSTERS, changes=changes)
    trained, untrained = created.runs.values()
    assert trained.slug == "gwm-unet-quadratic-k4-dis-sprites+others-s0"
    assert trained.samples == "sprites+others-all-dis"
    assert untrained.datasets == ("sprites",)
    assert set(json.loads(created.table_config("table1"))["datasets"]) == {"sprites", "others"}
    path = created.evaluations("table1")[0].path
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
    created = make(GWM, RESIDUAL, CLUSTERS, AMD)
    runs = {run.settings.method: run for run in created.runs.values()}
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
    created = make(
        SEMANTIC,
        STARTED,
        {**STARTED, "label": "heavy", "start": heavy},
        scorings=["classes"],
        changes=shapes,
    )
    scratch, first, started, first_heavy, started_heavy = created.runs.values()
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
    assert all(is_wildcard("run", slug) for slug in created.runs)
    cell = created.evaluations("table1")[1]
    assert (cell.run, cell.foreground, cell.variant) == (started, "classes", "last")


def test_the_same_start_is_one_run_with_the_row_of_another_table(make, shapes) -> None:
    created = make(STARTED, scorings=["classes"], changes=shapes)
    amd = make(AMD, changes={"tables": {"table1": {"flow": None}}})
    assert next(iter(created.runs)) == next(iter(amd.runs))


def test_split_flow_and_seed_of_a_trained_run_are_in_its_name(make) -> None:
    changes = {
        "seeds": [7],
        "benchmarks": {"sprites": {"train_split": "train"}},
        "tables": {"table1": {"flow": "truth"}},
    }
    created = make(GWM, CLUSTERS, changes=changes)
    assert list(created.runs) == [
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
    created = make({**GWM, "settings": settings})
    assert created.evaluations("table1")[0].run.slug == slug
    assert is_wildcard("run", slug)


def test_a_row_changes_single_keys_of_the_scale(make, default) -> None:
    created = make({**GWM, "settings": {"merge": {"epsilon": 1e-6}}})
    run = created.evaluations("table1")[0].run
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
    created = make(row, other)
    own, shared = created.runs.values()
    assert (own.trained_as, shared.trained_as) == (None, own)
    assert shared.folder == own.folder == Path("results/runs", own.slug)
    assert name in shared.slug and name not in own.slug
    assert is_wildcard("run", shared.slug)
    assert shared.settings != own.settings
    paths = {cell.run.slug: cell.path for cell in created.evaluations("table1")}
    assert paths[shared.slug].parents[1].name == shared.slug
    # Also where no row of the table has the settings that the weights are trained with.
    assert make(other).runs == created.runs


def test_a_row_that_trains_otherwise_shares_only_with_its_like(make) -> None:
    affine = {"flow_model": "affine"}
    created = make(
        GWM,
        {**GWM, "label": "affine", "settings": {**affine, "merge": {"epsilon": 1e-6}}},
    )
    assert [run.slug for run in created.runs.values() if run.trained_as is None] == [
        "gwm-unet-quadratic-k4-dis-sprites-s0",
        "gwm-unet-affine-k4-dis-sprites-s0",
    ]


def test_weights_are_started_from_whatever_training_does_not_read(make, shapes) -> None:
    start = {"method": "amd", "settings": {"adaptation_rate": 0.5}}
    other = {**STARTED, "label": "other", "start": start}
    created = make(STARTED, other, scorings=["classes"], changes=shapes)
    assert len(created.runs) == 2


def test_different_runs_may_not_share_a_name(make) -> None:
    rows = [
        {"label": path, "method": "gwm", "settings": {"merge": {"weights": path}}}
        for path in ("a/b", "a_b")
    ]
    with pytest.raises(ConfigError, match=r"two different runs are both called gwm-.*weights.a_b"):
        make(*rows)


MANY = {
    "flow_model": "affine",
    "components": 5,
    "batch_size": 3,
    "clip_flow": 20.0,
    "decay_iterations": 160000,
    "decay_power": 0.8,
    "flip": False,
    "flow_size": [128, 224],
    "image_size": [128, 224],
    "iterations": 300,
    "learning_rate": 0.0005,
    "loss_multiplier": 0.05,
    "normalise_flow": False,
    "upsample": "logits",
    "variant": "released",
    "warmup_from": 7.0e-10,
    "warmup_iterations": 11,
    "weight_decay": 0.02,
    "width": 8,
}


def test_a_row_of_many_settings_has_a_short_name(make, is_wildcard) -> None:
    rows = [{**GWM, "settings": MANY}, {**GWM, "label": "b", "settings": {**MANY, "width": 12}}]
    created = make(*rows)
    first, second = created.runs
    for slug in (first, second):
        assert len(slug) <= 120 and is_wildcard("run", slug)
        # What is read at a glance stays; the hash stands for the rest.
        assert slug.startswith("gwm-unet-affine-k5-h") and slug.endswith("-dis-sprites-s0")
    assert first != second
    assert created.runs[first].settings.warmup_iterations == 11
    assert list(make(*rows).runs) == [first, second]


def test_what_starts_from_a_run_of_a_long_name_has_a_short_one(make, shapes, is_wildcard) -> None:
    amd = {"short_side": 64, "crop": [64, 64], "iterations": 3, "schedule": "constant"}
    amd |= {"initialisation": "torch", "normalise_features": False, "masks_of": "warped"}
    settings = {"classes": 6, "short_side": 64, "crop_size": [64, 64], "iterations": 7}
    settings |= {"momentum": 0.8, "dropout": 0.2, "distort_colours": False, "flip": False}
    row = {**SEMANTIC, "settings": settings, "start": {"method": "amd", "settings": amd}}
    start, started = make(row, scorings=["classes"], changes=shapes).runs.values()
    assert started.start == start
    for run in (start, started):
        assert len(run.slug) <= 120 and is_wildcard("run", run.slug)
        assert run.slug.startswith(run.settings.method)


def test_data_of_long_names_have_a_run_of_a_short_one(make) -> None:
    names = [letter * 64 for letter in "abc"]
    changes = {
        "datasets": {name: {"adapter": "sprites"} for name in names},
        "benchmarks": {"sprites": {"train_datasets": names[:2]}},
    }
    (slug,) = make(GWM, changes=changes).runs
    assert len(slug) <= 120 and slug.startswith("gwm-unet-quadratic-k4-h")
    changes["benchmarks"]["sprites"]["train_datasets"] = names
    with pytest.raises(ConfigError, match=r"names of 3 data sets .* have 194 characters together"):
        make(GWM, changes=changes)


def test_a_name_in_the_config_is_not_too_long_for_a_file(make) -> None:
    with pytest.raises(ConfigError, match=r"datasets\.a+: a name has 64 lower-case letters"):
        make(GWM, changes={"datasets": {"a" * 65: {"adapter": "sprites"}}})


def test_small_networks_are_named_after_what_they_are(make) -> None:
    """They have no weights to start from, and a small ViT is neither ViT-B nor ViT-S."""
    backbones = [
        {"backbone": "vit_base_8", "pretraining": "dino"},
        {"backbone": "vit_small_8", "pretraining": "dino"},
        {"backbone": "swin_tiny", "pretraining": "moby"},
        {"backbone": "swin_tiny", "pretraining": "supervised"},
        {"backbone": "swin_tiny", "pretraining": "none"},
    ]
    rows = [
        {"label": str(n), "method": "gwm_maskformer", "settings": settings}
        for n, settings in enumerate(backbones)
    ]
    small = make(*rows, changes={"methods": {"gwm_maskformer": {"size": "small"}}})
    assert list(small.runs) == [
        "gwm_maskformer-vit_8.small-none-quadratic-k4-dis-sprites-s0",
        "gwm_maskformer-swin.small-none-quadratic-k4-dis-sprites-s0",
    ]
    assert {run.settings.pretraining for run in small.runs.values()} == {"none"}
    full = make(*rows, changes={"methods": {"gwm_maskformer": {"size": "full"}}})
    assert len(full.runs) == 5
    assert next(iter(full.runs)) == "gwm_maskformer-vit_base_8-dino-quadratic-k4-dis-sprites-s0"


@pytest.mark.parametrize("values", [3, "a_word_that_is_so_long_that_a_hash_replaces_it" * 3])
def test_the_name_of_a_run_does_not_depend_on_the_order_of_its_changes(values):
    settings = ResidualFlowSettings()
    changes = {"gap": values, "fit_iterations": 4}
    backwards = dict(reversed(changes.items()))
    assert run_name(settings, changes, ["s0"]) == run_name(settings, backwards, ["s0"])
