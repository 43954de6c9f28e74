"""What is predicted and scored for the cells of a table."""

from pathlib import Path

import pytest

from commonfate import config, plan
from commonfate.base.errors import ConfigError

GWM = {"label": "ours", "method": "gwm"}
CLUSTERS = {"label": "clusters", "method": "feature_clustering"}
AMD = {"label": "pairs", "method": "amd"}


def test_table1_has_the_runs_and_evaluations_that_it_should(default, declared) -> None:
    created = plan.make(config.load(default), declared)
    evaluations = created.evaluations("table1")
    slugs = list(dict.fromkeys(cell.run.slug for cell in evaluations))
    amd = slugs.pop(2)
    assert amd.startswith("amd-resnet.small") and amd.endswith("-sprites-s0")
    assert slugs == [
        "gwm-unet-quadratic-k4-dis-sprites-s0",
        "gwm-unet-quadratic-k4-merge.by.motion-dis-sprites-s0",
        "residual_flow-dis-sprites",
        "motion-dis-sprites",
        "feature_clustering-kmeans-k2-pixels-sprites",
        "frozen-vit_demo_8.photos",
        "flowdino-vit192-l6-p8-heads.3-start.vit_demo_8.photos-dis-sprite_clips.train"
        "-beside-sprite_photos.train-s0",
        "timet-vit_demo_8.photos-p200-sprite_clips.train-s0",
    ]
    every = ["leak_free", "oracle", "released"]
    own = ["leak_free"]
    of_rows = [every, every, own, own, every, own, every, every, every, own]
    assert [cell.scoring for cell in evaluations] == [name for row in of_rows for name in row]
    folder = Path("results/evaluations/gwm-unet-quadratic-k4-dis-sprites-s0/sprites")
    assert evaluations[0].path == folder / "davis.unsupervised.last.json"
    assert evaluations[2].path == folder / "davis_released.oracle.best.json"
    assert evaluations[2].predictions == Path(
        "results/predictions/gwm-unet-quadratic-k4-dis-sprites-s0/sprites/"
        "best.davis_released.oracle"
    )
    by_motion = evaluations[3].run
    assert by_motion.trained_as is not None and by_motion.folder == evaluations[0].run.folder
    assert evaluations[3].path.name == "davis.object.last.json"
    per_image, per_video = evaluations[6:8]
    assert per_image.run == per_video.run
    assert per_image.path.name == "davis.object.last.json"
    assert per_video.path.name == "davis.object.last.adapt10.json"


def test_each_method_has_its_own_rule_of_the_foreground(make) -> None:
    created = make(GWM, AMD, scorings=["leak_free", "oracle"])
    result = [cell.foreground for cell in created.evaluations("table1")]
    assert result == ["unsupervised", "oracle", "object", "oracle"]


def test_a_row_may_have_some_of_the_scorings_of_its_table(make) -> None:
    created = make(CLUSTERS, CLUSTERS | {"label": "other", "scorings": ["released"]})
    result = [cell.scoring for cell in created.evaluations("table1")]
    assert result == ["leak_free", "released", "released"]


def test_adaptation_and_crf_are_variants_of_the_predictions(make, is_wildcard) -> None:
    rows = [GWM, {**GWM, "label": "both", "adapt": 20, "crf": True}]
    created = make(*rows, scorings=["leak_free", "released"])
    assert len(created.runs) == 1
    result = [cell.variant for cell in created.evaluations("table1")]
    assert result == ["last", "best", "last.adapt20.crf", "best.adapt20.crf"]
    assert all(is_wildcard("variant", variant) for variant in result)
    folders = [cell.predictions.name for cell in created.evaluations("table1")]
    assert folders[1:3] == ["best.davis_released.oracle", "last.adapt20.crf"]
    assert folders[3] == "best.davis_released.oracle.adapt20.crf"
    assert all(is_wildcard("prediction", name) for name in folders)


def test_the_best_snapshot_is_the_best_by_what_scores_it(make) -> None:
    scorings = ["leak_free", "oracle", "released", "released_images"]
    created = make(GWM, scorings=scorings)
    folders = [cell.predictions.name for cell in created.evaluations("table1")]
    assert folders[:2] == ["last", "last"]  # one prediction, scored twice
    for cell in created.evaluations("table1")[2:]:
        assert cell.predictions.name == f"best.{cell.protocol}.{cell.foreground}"
    assert len(set(folders[2:])) == 2


def test_a_scale_may_adapt_by_fewer_steps(make) -> None:
    row = {**AMD, "adapt": 100}
    changes = {"tables": {"table1": {"rows": {"pairs": {"adapt": 25}}}}}
    created = make(row, changes=changes, scorings=["leak_free"])
    assert [cell.variant for cell in created.evaluations("table1")] == ["last.adapt25"]
    assert created.runs == make(row, scorings=["leak_free"]).runs


@pytest.mark.parametrize("steps", [-1, 2.5, True, "many"])
def test_steps_of_adaptation_are_counted(make, steps) -> None:
    changes = {"tables": {"table1": {"rows": {"pairs": {"adapt": steps}}}}}
    with pytest.raises(ConfigError, match=r"table1.rows.*pairs: adapt = .*number of steps"):
        make(AMD, changes=changes)


def test_what_has_nothing_to_train_is_neither_adapted_nor_chosen(make) -> None:
    created = make(CLUSTERS, scorings=["released"])
    assert [cell.variant for cell in created.evaluations("table1")] == ["last"]
    with pytest.raises(ConfigError, match="adapt 5: feature_clustering has nothing to train"):
        make({**CLUSTERS, "adapt": 5})


def test_the_released_scoring_has_its_own_frames(make) -> None:
    changes = {"benchmarks": {"sprites": {"released_protocol": "davis_released"}}}
    created = make(GWM, changes=changes, scorings=["leak_free", "released", "oracle"])
    result = [(cell.protocol, cell.foreground) for cell in created.evaluations("table1")]
    assert result == [("davis", "unsupervised"), ("davis_released", "oracle"), ("davis", "oracle")]
