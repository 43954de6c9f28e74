"""Rows that cannot be learnt or scored as they stand, told apart before anything runs."""

import pytest

from commonfate.base.errors import ConfigError
from commonfate.base.settings import merged

GWM = {"label": "ours", "method": "gwm"}
CLUSTERS = {"label": "clusters", "method": "feature_clustering"}
RESIDUAL = {"label": "residual", "method": "residual_flow"}
AMD = {"label": "pairs", "method": "amd"}
SEMANTIC = {"label": "classes", "method": "semantic", "settings": {"classes": 6}}
STARTED = {**SEMANTIC, "label": "started", "start": {"method": "amd"}}


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
            "row 'pairs' on benchmark shapes: scoring classes is of classes, but amd gives masks",
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
def test_a_mistake_in_what_is_learnt(make, row: dict, message: str, shapes) -> None:
    with pytest.raises(ConfigError) as error:
        make(row, scorings=["classes"], changes=shapes)
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
def test_a_mistake_in_the_data_of_a_benchmark(make, benchmark: dict, message: str, shapes) -> None:
    changes = merged(shapes, {"benchmarks": {"shapes": benchmark}})
    with pytest.raises(ConfigError) as error:
        make(STARTED, scorings=["classes"], changes=changes)
    start = "workflow/tables/table1.yaml: row 'started' on benchmark shapes: "
    assert str(error.value) == start + message


def test_the_weights_of_another_size_do_not_fit(make, shapes) -> None:
    sizes = {"methods": {"amd": {"size": "small"}, "semantic": {"size": "full"}}}
    with pytest.raises(ConfigError, match=r"start: semantic has size full, amd small; they must"):
        make(STARTED, scorings=["classes"], changes=merged(shapes, sizes))


@pytest.mark.parametrize("scoring", ["leak_free", "oracle"])
def test_classes_are_scored_as_classes(make, scoring: str, shapes) -> None:
    message = rf"{scoring} is of masks( and features)?, but semantic gives classes"
    with pytest.raises(ConfigError, match=message):
        make(SEMANTIC, scorings=[scoring], changes=shapes)


def test_classes_can_only_be_scored_where_there_are_some(make, shapes) -> None:
    changes = merged(shapes, {"benchmarks": {"shapes": {"train_datasets": ["shapes"]}}})
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


def test_flow_is_looked_at_with_the_shortest_gap_of_the_data(make) -> None:
    changes = {"datasets": {"sprites": {"gaps": [-6, -3, 3, 6]}}}
    (run,) = make(RESIDUAL, changes=changes).runs.values()
    assert run.settings.gap == 3
    asked = {**RESIDUAL, "settings": {"gap": 6}}
    (run,) = make(asked, changes=changes).runs.values()
    assert run.settings.gap == 6 and "gap.6" in run.slug


@pytest.mark.parametrize("gap", [1, -1, 2])
def test_a_gap_that_the_data_have_not_is_refused_before_anything_runs(make, gap: int) -> None:
    changes = {"datasets": {"sprites": {"gaps": [-6, -3, 3, 6]}}}
    with pytest.raises(ConfigError) as error:
        make({**RESIDUAL, "settings": {"gap": gap}}, changes=changes)
    message = str(error.value)
    assert "row 'residual' on benchmark sprites" in message and f"gap {gap}" in message
    assert "-6, -3, 3, 6" in message and "datasets.sprites.gaps" in message


@pytest.mark.parametrize(("gaps", "lacking"), [([1], -1), ([-1], 1), ([-4, 2, 4], -2)])
def test_flow_of_one_direction_lacks_the_frames_at_one_end(make, gaps: list, lacking: int) -> None:
    changes = {"datasets": {"sprites": {"gaps": gaps}}}
    with pytest.raises(ConfigError, match=rf"lacks {lacking}; add it to datasets\.sprites\.gaps"):
        make(RESIDUAL, changes=changes)
    make(GWM, changes=changes)  # learning takes what is there


def test_a_split_that_the_scored_data_have_not_is_refused(make) -> None:
    changes = {
        "datasets": {"images": {"adapter": "sprite_images"}},
        "benchmarks": {"sprites": {"dataset": "images", "split": "train"}},
    }
    with pytest.raises(ConfigError, match=r"split 'train': data set images has only val"):
        make(CLUSTERS, changes=changes)


def test_a_split_that_one_of_the_learnt_data_has_not_is_refused(make, tmp_path) -> None:
    benchmark = {"train_datasets": ["sprites", "stack"], "train_split": "train"}
    changes = {
        "datasets": {"stack": {"adapter": "segtrack", "root": str(tmp_path)}},
        "benchmarks": {"sprites": benchmark},
    }
    with pytest.raises(ConfigError, match=r"learns from split 'train': data set stack has only"):
        make(GWM, changes=changes)
