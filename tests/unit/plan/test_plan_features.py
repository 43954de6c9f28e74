"""Benchmarks of features in a plan: kinds, views, runs, and what cannot be scored."""

import pytest

from commonfate.base.errors import ConfigError

FROZEN = {"label": "random", "method": "frozen", "settings": {"encoder": "random.vit_smoke_8"}}
DINO = {"label": "dino", "method": "dino"}
DINO_ON_IMAGES = {**DINO, "data": "images"}
CHANGES = {
    "datasets": {"sprite_classes": {"train_images": 48}},
    "benchmarks": {
        "boxes": {"kind": "localization", "dataset": "sprite_images", "split": "val"},
        "probe": {
            "kind": "linear",
            "dataset": "sprite_classes",
            "view": "96.tokens",
            "settings": {"classes": 6},
        },
    },
    "tables": {"table1": {"benchmarks": ["boxes", "probe"], "flow": "dis"}},
}


def frozen(encoder):
    return {**FROZEN, "settings": {"encoder": encoder}}


def changed(**benchmark):
    return {**CHANGES, "benchmarks": {**CHANGES["benchmarks"], "probe": {
        **CHANGES["benchmarks"]["probe"], **benchmark}}}  # fmt: skip


def test_scores_of_a_frozen_encoder(make):
    cells = make(FROZEN, changes=CHANGES).evaluations("table1")
    names = ["boxes/leak_free.localization.last", "boxes/released.localization.last"]
    names += ["probe/leak_free.linear.last", "probe/released.linear.last"]
    folder = "results/evaluations/frozen-random.vit_smoke_8-s0"
    assert [str(cell.path) for cell in cells] == [f"{folder}/{name}.json" for name in names]
    assert {cell.run.datasets for cell in cells} == {()}
    assert len({cell.run for cell in cells}) == 1


def test_an_encoder_that_is_trained_has_a_run_of_its_data(make):
    row = {**DINO, "data": "images"}
    changes = {**CHANGES, "data_roles": {"images": ["sprite_classes"]}}
    (run,) = {cell.run for cell in make(row, changes=changes).evaluations("table1")}
    assert (run.datasets, run.split) == (("sprite_classes",), "train")
    assert run.samples == "sprite_classes-train-frames"
    with pytest.raises(ConfigError, match="row 'dino': no data sets play the role 'imges'"):
        make({**row, "data": "imges"}, changes=CHANGES)


def test_the_verb_takes_the_encoder_of_each_run(make, tmp_path):
    own = tmp_path / "mine.pth"
    own.touch()
    changes = {**CHANGES, "data_roles": {"images": ["sprite_classes"]}}
    rows = {
        "random": (FROZEN, ["--encoder", "random.vit_smoke_8", "--seed", "0"], []),
        "own": (
            {**FROZEN, "settings": {"encoder": str(own), "part": "student"}},
            ["--encoder", str(own), "--seed", "0", "--part", "student"],
            [own],
        ),
        "dino": (DINO_ON_IMAGES, ["--encoder", "{checkpoint}", "--part", "teacher"], None),
        "maskfeat": ({**DINO_ON_IMAGES, "method": "maskfeat"}, ["--encoder", "{checkpoint}"], None),
    }
    for row, options, files in rows.values():
        (run,) = {cell.run for cell in make(row, changes=changes).evaluations("table1")}
        assert run.encoder == [word.format(checkpoint=run.checkpoint) for word in options]
        assert run.encoder_files == ([run.checkpoint] if files is None else files)


@pytest.mark.parametrize(
    ("row", "changes", "message"),
    [
        (
            {"label": "x", "method": "residual_flow"},
            CHANGES,
            "row 'x' on benchmark boxes: method residual_flow has no encoder, it gives masks",
        ),
        ({**FROZEN, "adapt": 3}, CHANGES, "adapt 3 is for segments, not for features"),
        ({**FROZEN, "crf": True}, CHANGES, "a CRF is for segments, not for features"),
        (frozen("dino.vits61"), CHANGES, "boxes: encoder 'dino.vits61' .*mean dino.vits16"),
        (frozen("my.pth"), CHANGES, "on benchmark boxes: encoder 'my.pth' is neither a file nor"),
        (frozen("swav.resnet50"), CHANGES, "encoder swav.resnet50 has no eigenvectors, only tok"),
        (frozen("dinov2.vits14"), CHANGES, "probe: view 96.tokens: 96 pixels .*; take 84 or 98"),
        (frozen("random.vit_smoke_8"), changed(view="30.tokens"), "patch of 8; take 24 or 32"),
        (DINO_ON_IMAGES, changed(view="30.tokens"), "patch of 8; take 24 or 32"),
        (FROZEN, changed(settings={"classes": 21}), "the protocol has 21 classes, data set sprite"),
        (FROZEN, changed(metrics=["J"]), "metrics: linear has no J, only mIoU, Acc"),
        (FROZEN, changed(view="96.keys"), "view 96.keys has no tokens, which linear reads"),
        (FROZEN, changed(view="96tokens"), "view '96tokens': expected GEOMETRY.FEATURES"),
        (FROZEN, changed(kind="liner"), "kind 'liner' is unknown; did you mean linear"),
        (FROZEN, changed(dataset="sprites", settings={"classes": 0}), "classes = 0"),
    ],
)
def test_what_cannot_be_scored(make, row, changes, message):
    with pytest.raises(ConfigError, match=message):
        make(row, changes=changes)


def test_a_method_with_an_encoder_alone_is_not_scored_by_segments(make):
    with pytest.raises(ConfigError, match="dino predicts no segments, it gives features"):
        make({"label": "DINO", "method": "dino"})


CARRIED = {
    "data_roles": {},
    "benchmarks": {
        "carried": {"kind": "propagation", "dataset": "sprites", "settings": {"step": 5}}
    },
    "tables": {"table1": {"benchmarks": ["carried"], "flow": None}},
}
WAYS = (
    {"label": "still", "method": "first_mask"},
    {"label": "flow", "method": "flow_warp", "flow": "pwcnet"},
    FROZEN,
)


def test_masks_are_held_still_moved_by_flow_or_carried_by_features(make):
    plan = make(*WAYS, changes=CARRIED, scorings=["leak_free"])
    benchmark = plan.config.benchmarks["carried"]
    cells = plan.evaluations("table1")
    assert [cell.run.slug for cell in cells] == [
        "first_mask-sprites",
        "flow_warp-farneback-sprites",
        "frozen-random.vit_smoke_8-s0",
    ]
    assert [cell.run.flow for cell in cells] == [None, "farneback", None]
    ways = [benchmark.settings_of(cell.run.settings) for cell in cells]
    assert [(way.by, way.step) for way in ways] == [("still", 5), ("flow", 5), ("forwarder", 5)]
    assert [benchmark.reads_features(cell.run.settings) for cell in cells] == [False, False, True]
    assert {cell.path.name for cell in cells} == {"leak_free.propagation.last.json"}


def test_masks_are_moved_by_flow_of_one_frame_back_or_of_the_step(make):
    for gaps in ([-1], [-5], [-5, 1]):
        make(*WAYS, changes={**CARRIED, "datasets": {"sprites": {"gaps": gaps}}})
    for gaps in ([1], [5, -2]):
        with pytest.raises(
            ConfigError, match="flow of gap -1 or -5, which data set sprites lacks; add one to"
        ):
            make(*WAYS, changes={**CARRIED, "datasets": {"sprites": {"gaps": gaps}}})
    still = {"dataset": "sprite_classes"}
    changes = {**CARRIED, "benchmarks": {"carried": {**CARRIED["benchmarks"]["carried"], **still}}}
    make(WAYS[0], changes=changes)
    with pytest.raises(ConfigError, match="'flow' on benchmark carried: flow_warp reads"):
        make(WAYS[1], changes=changes)


def test_a_benchmark_of_propagation_chooses_no_way(make):
    benchmark = {**CARRIED["benchmarks"]["carried"], "settings": {"by": "flow"}}
    with pytest.raises(ConfigError, match="by: flow is a way of methods, first_mask and flow_warp"):
        make(*WAYS, changes={**CARRIED, "benchmarks": {"carried": benchmark}})


def test_carried_masks_are_scored_by_propagation_alone(make):
    with pytest.raises(ConfigError, match="method first_mask has no encoder, it gives carried"):
        make(WAYS[0], changes=CHANGES)
    with pytest.raises(ConfigError, match="first_mask predicts no segments, it gives carried"):
        make(WAYS[0])
    with pytest.raises(ConfigError, match="residual_flow has no encoder"):
        make({"label": "x", "method": "residual_flow"}, changes=CARRIED)


FLOWDINO = {"label": "flowdino", "method": "flowdino", "data": "unlabelled_video"}
WITH_IMAGES = {**FLOWDINO, "beside": "images"}
ALONE = {**FLOWDINO, "settings": {"distils": "frames"}}


def test_a_training_with_a_second_index(make):
    plan = make(WITH_IMAGES, changes=CHANGES)
    (run,) = {cell.run for cell in plan.evaluations("table1")}
    assert (run.datasets, run.beside, run.flow) == (("sprite_clips",), ("sprite_photos",), "dis")
    assert run.samples == "sprite_clips-train-dis"
    assert run.samples_beside == "sprite_photos-train-frames"
    assert run.slug.endswith("-dis-sprite_clips.train-beside-sprite_photos.train-s0")
    assert "sprite_photos" in plan.datasets("table1")
    assert '"images": ["sprite_photos"]' in plan.table_config("table1")


def test_a_training_without_one(make):
    (run,) = {cell.run for cell in make(ALONE, changes=CHANGES).evaluations("table1")}
    assert (run.beside, run.samples_beside) == ((), None)
    assert run.slug.endswith("-dis-sprite_clips.train-s0")


@pytest.mark.parametrize(
    ("row", "changes", "message"),
    [
        (FLOWDINO, {}, "row 'flowdino': flowdino learns from two samples at a time; name the role"),
        ({**ALONE, "beside": "images"}, {}, "one sample at a time; leave beside 'images' out"),
        ({**DINO_ON_IMAGES, "beside": "images"}, {}, "dino with these settings learns from one"),
        ({**FLOWDINO, "beside": "imges"}, {}, "no data sets play the role 'imges'"),
        (
            WITH_IMAGES,
            {"datasets": {"sprite_photos": {"train_images": 0}}},
            "beside its samples flowdino learns from split 'train': data set sprite_photos has",
        ),
        (
            {**WITH_IMAGES, "data": "images"},
            {},
            "flowdino learns from flow, but data set sprite_",
        ),
    ],
)
def test_second_indexes_that_cannot_be(make, row, changes, message):
    with pytest.raises(ConfigError, match=message):
        make(row, changes={**CHANGES, **changes})


FLOWDINO = {
    "label": "FlowDINO",
    "method": "flowdino",
    "data": "unlabelled_video",
    "beside": "images",
    "scorings": ["leak_free"],
}


def test_a_file_that_flowdino_starts_from_is_an_input_of_its_training(make, tmp_path) -> None:
    own = tmp_path / "mine.pth"
    own.touch()
    (cell,) = make({**FLOWDINO, "settings": {"start": str(own)}}).evaluations("table1")
    assert cell.run.start_files == [own]
    for start in (None, "vit_demo_8.photos", "dino.vits16.full"):
        (cell,) = make({**FLOWDINO, "settings": {"start": start}}).evaluations("table1")
        assert cell.run.start_files == []


def test_a_start_that_is_neither_a_file_nor_a_name_is_refused(make, tmp_path) -> None:
    row = {**FLOWDINO, "settings": {"start": str(tmp_path / "none.pth")}}
    with pytest.raises(ConfigError, match=r"none\.pth' is neither a file nor known"):
        (cell,) = make(row).evaluations("table1")
        _ = cell.run.start_files
