"""Protocols run on stores: features that are the truth, clips, boxes, files that differ."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.settings import to_pairs
from commonfate.datasets import boxes
from commonfate.datasets.base import Box
from commonfate.evaluation import kinds
from commonfate.evaluation.features.run import maps, record, score, settings
from commonfate.evaluation.features.run.lazy import Lazy, as_array
from commonfate.evaluation.features.run.parts import Stores, of_manifest, part
from commonfate.evaluation.sheets import features
from commonfate.storage.feature_writer import FeatureWriter
from commonfate.storage.flow import open_writer
from commonfate.tables.scores import KEYS
from helpers import probed
from helpers.probed import CLASSES, PATCH, SIDE

VAL = {"a": 2, "b": 3}
TRAIN = {"t": 6}
TOKENS = "32.tokens"
BOTH = "32.tokens+attention"


@pytest.fixture
def data(tmp_path):
    """Make `Data` of a view; keys change it."""

    def make(view=TOKENS, *, kind="classes", **changes):
        test = of_manifest(probed.manifest(tmp_path, VAL, "val", kind), "val")
        train = of_manifest(probed.manifest(tmp_path, TRAIN, "train"), "train")
        stores = Stores([probed.store(tmp_path, VAL, "val", view)])
        train_stores = Stores([probed.store(tmp_path, TRAIN, "train", view)])
        arguments = {"test": test, "stores": stores, "train": train, "train_stores": train_stores}
        return score.Data(**(arguments | changes))

    return make


def run(name, data, *pairs, released=False):
    (chosen,) = settings.of_pairs([name], pairs).values()
    own = settings.names_classes(name, pairs)
    return score.score(name, chosen, data, released, "cpu", own)


def metric(name, data, *pairs, released=False):
    outcome, *_ = run(name, data, *pairs, released=released)
    return outcome.result.metrics[outcome.main]


FAST = {
    "linear": ("learning_rate=1", "epochs=60", "side=null", "batch_size=3"),
    "retrieval": ("k=3",),
    "clustering": ("repeats=2", "starts=2"),
    "prototypes": ("clusters=1", "repeats=2"),
    "foreground": ("clusters=3", "background=0.34"),
    "foreground_clustering": ("extraction.clusters=3", "extraction.background=0.34", "repeats=2"),
}
WITH_ATTENTION = ("prototypes", "foreground", "foreground_clustering")


@pytest.mark.parametrize("name", FAST)
def test_features_that_are_the_truth_score_100(data, name):
    view = BOTH if name in WITH_ATTENTION else TOKENS
    if name == "prototypes":  # one cluster is of one class; the other, of a quarter, is missed
        outcome, *_ = run(name, data(view), *FAST[name])
        # 4 patches of class 1 among 5 of objects; class 2 is never right, background always.
        assert outcome.result.metrics["mIoU"] == pytest.approx((1 + 4 / 5 + 0) / 3)
        return
    if name == "linear":  # labels of patches are enlarged bilinearly, so corners differ
        outcome, *_ = run(name, data(view), *FAST[name], "score.side=4")
        assert outcome.result.metrics["mIoU"] == 1
        return
    if name == "retrieval":
        assert metric(name, data(view), *FAST[name]) > 0.7
        return
    assert metric(name, data(view), *FAST[name]) == pytest.approx(1)


def test_fcn_learns_something(data):
    changes = ("epochs=3", "side=4", "batch_size=3", "score.side=4", "learning_rate=0.1")
    changes += ("augmented=false",)
    outcome, _, _, used = run("fcn", data(), *changes)
    assert 0 <= outcome.result.metrics["mIoU"] <= 1
    assert used.classes == CLASSES and "to 3 outputs (0 to the highest" in outcome.statement


def test_released_scores_choose_the_best_epoch_and_the_first_images(data):
    outcome, *_ = run("linear", data(), *FAST["linear"], "released.images=2", released=True)
    assert len(outcome.frames) == 2 and outcome.values.keys() == {("a", 0), ("a", 1)}
    assert "best on the scored images themselves" in outcome.statement
    assert "the first 2 images alone" in outcome.statement
    assert any("is the best on the scored images" in note for note in outcome.result.notes)


def test_the_same_again_gives_the_same(data):
    first, second = (run("linear", data(), *FAST["linear"])[0].result for _ in range(2))
    assert first.metrics == second.metrics
    assert np.array_equal(first.predictions, second.predictions)


@pytest.mark.parametrize("name", ["linear", "clustering", *WITH_ATTENTION])
def test_features_read_from_the_store_score_as_those_in_memory(data, name, caplog):
    view = BOTH if name in WITH_ATTENTION else TOKENS
    with caplog.at_level(logging.INFO):
        here = run(name, data(view), *FAST[name])[0].result
        assert "are read again" not in caplog.text
        there = run(name, data(view, held_bytes=0), *FAST[name])[0].result
    assert here.metrics == there.metrics
    assert np.array_equal(here.predictions, there.predictions)
    assert "GiB of tokens are read again in each pass" in caplog.text


def test_lazy_arrays():
    array = Lazy(lambda i: np.full((2, 3), i, np.float16), 5)
    assert (array.shape, array.ndim, len(array), array.nbytes) == ((5, 2, 3), 3, 5, 60)
    assert np.array_equal(array[np.array([4, 1])][:, 0, 0], [4, 1])
    assert array[np.array([], int)].shape == (0, 2, 3)
    assert [each[0, 0] for each in array] == [0, 1, 2, 3, 4]
    assert array[3][1, 2] == 3
    assert isinstance(as_array(array), np.ndarray) and as_array(array, 59) is array


def test_clips_are_of_consecutive_frames_of_a_video(data):
    listing = data().test
    items = part(listing, None, "labels")
    assert maps.clips_of(items, 2).tolist() == [0, 0, 1, 1, 2]
    assert maps.clips_of(items, 1).tolist() == [0, 1, 2, 3, 4]
    outcome, *_ = run("clustering", data(clip_length=2), "level=clip", "repeats=1")
    assert outcome.average == "clip" and "clip of 2 annotated frames" in outcome.statement
    with pytest.raises(ConfigError, match="--clip-length"):
        run("clustering", data(), "level=clip")


def test_boxes_of_masks_and_of_a_table(data, tmp_path):
    view = "native.eigenvectors"
    inside = (PATCH, PATCH, 3 * PATCH, 3 * PATCH)  # class 1: patches 1 and 2 of 4
    outcome, *_ = run("localization", data(view, kind="instances"))
    assert outcome.result.metrics["CorLoc"] == 1
    assert outcome.prediction(0, 0).tolist() == list(inside)
    assert len(outcome.truth(("a", 0))) == 2  # two objects
    halves = data(view, kind="instances")
    for file in tmp_path.glob("truth.val/*/*.png"):
        with Image.open(file) as mask:
            mask.resize((SIDE // 2, SIDE // 2), Image.Resampling.NEAREST).save(file)
    assert metric("localization", halves) == 1  # masks of half the frames' size
    rows = [Box("a", 0, *inside), Box("a", 1, 0, 0, 4, 4), Box("b", 0, *inside, crowd=True)]
    parquet.write(tmp_path / "boxes.parquet", boxes.table(rows), {})
    table = data(view, boxes=tmp_path / "boxes.parquet")
    outcome, *_ = run("localization", table)
    assert outcome.result.metrics["CorLoc"] == 0.5  # of two images; crowds are no box
    assert outcome.values == {("a", 0): 1.0, ("a", 1): 0.0}
    assert metric("localization", table, released=True) == 1 / 5  # images without boxes are wrong
    with pytest.raises(ConfigError, match="hold classes, not objects"):
        run("localization", data(view))


def test_frames_without_a_mask_are_not_wrong_boxes(data, tmp_path):
    view = "native.eigenvectors"
    table = parquet.read(probed.manifest(tmp_path, VAL, "val", "instances"))
    files = [[*row[:1], *[""] * (len(row) - 1)] for row in table["annotation_files"]]
    parquet.write(tmp_path / "few.parquet", table.assign(annotation_files=files), {})
    few = data(view, test=of_manifest(tmp_path / "few.parquet", "val"))
    for released in (False, True):
        outcome, *_ = run("localization", few, released=released)
        assert outcome.values == {("a", 0): 1.0, ("b", 0): 1.0}
        assert outcome.result.metrics["CorLoc"] == 1 and not outcome.result.left_out


@pytest.mark.parametrize("name", ["foreground", "prototypes", "propagation"])
def test_masks_without_background_have_no_foreground(data, name):
    inputs = data(BOTH, kind="coco_stuff27")
    with pytest.raises(ConfigError, match=f"{name}, .*: label 0 of .* is a class, not"):
        run(name, inputs)


def test_neighbours_vote_for_labels(tmp_path):
    val, train = {"a": 1, "b": 1, "c": 1}, {"s": 1, "t": 1}
    chosen = score.Data(
        of_manifest(probed.manifest(tmp_path, val, "val"), "val"),
        Stores([probed.store(tmp_path, val, "val", "224.cls")]),
        of_manifest(probed.manifest(tmp_path, train, "train"), "train"),
        Stores([probed.store(tmp_path, train, "train", "224.cls")]),
    )
    outcome, *_ = run("knn", chosen, "k=[1, 20]")
    assert outcome.result.metrics["top1"] == 1
    assert outcome.result.metrics.keys() == {"top1", "top1.k1", "top5.k1", "top1.k20", "top5.k20"}
    assert outcome.prediction(1, 0) == "odd" == outcome.truth(("b", 0))
    assert "top1 is that of k = 20" in outcome.result.notes
    only = of_manifest(probed.manifest(tmp_path, {"s": 1}, "train"), "train")
    few = score.Data(chosen.test, chosen.stores, only, chosen.train_stores)
    with pytest.raises(ConfigError, match="class 'odd' is in no training image"):
        run("knn", few)


def test_a_sheet_of_classes_has_right_and_wrong_images(tmp_path, monkeypatch):
    val, train = {"a": 1, "b": 1, "c": 1}, {"s": 1, "t": 1}
    chosen = score.Data(
        of_manifest(probed.manifest(tmp_path, val, "val"), "val"),
        Stores([probed.store(tmp_path, val, "val", "224.cls")]),
        of_manifest(probed.manifest(tmp_path, train, "train"), "train"),
        Stores([probed.store(tmp_path, train, "train", "224.cls")]),
    )
    outcome, test, _, used = run("knn", chosen, "k=[1]")
    result = replace(outcome.result, items=np.array([1.0, 1, 0]), predictions=np.zeros(3, int))
    truth = {"a": "odd", "b": "odd", "c": "even"}
    outcome = replace(
        outcome, result=result, class_names=("odd",), truth=lambda item: truth[item[0]]
    )
    drawn = []
    monkeypatch.setattr(features.sheet, "draw", lambda *arguments: drawn.append(arguments))
    each = record.Probed("knn", "leak_free", used, outcome, test, 1.0, ())
    features.draw(each, lambda *frame: np.zeros((SIDE, SIDE, 3), np.uint8), tmp_path / "x.png")
    ((_, rows, _),) = drawn
    assert [(row.group, row.name, row.label, row.note) for row in rows] == [
        ("Right", "a", "class odd", ""),
        ("Right", "b", "class odd", ""),
        ("Wrong", "c", "class odd", "truth: even"),
    ]


def test_masks_are_carried(data):
    """Class 1 stays, class 2 moves by a patch a frame; later frames count, each once."""
    still = data("32.tokens", kind="instances")
    outcome, *_ = run("propagation", still, "by=still", "step=1")
    assert outcome.values.keys() == {("a", 1), ("b", 1), ("b", 2)}
    assert outcome.result.metrics["J"] == pytest.approx(0.5)
    assert outcome.average == "object" and "at the annotations' size" in outcome.statement
    moved, *_ = run("propagation", still, "by=forwarder", "step=1")
    assert moved.result.metrics["J"] > 0.7
    without = data(kind="instances", stores=Stores([]))
    again, *_ = run("propagation", without, "by=still", "step=1")
    assert again.result.metrics == outcome.result.metrics
    released, *_ = run("propagation", still, "by=still", "step=1", released=True)
    assert released.result.metrics["J"] == released.result.metrics["IoU"]
    assert released.score == "IoU"
    with pytest.raises(ConfigError, match="no two annotated frames are 5 frames apart"):
        run("propagation", still, "by=still", "step=5")
    with pytest.raises(ConfigError, match=r"--flow: .* needs stores of flow"):
        run("propagation", still, "by=flow", "step=1")


@pytest.mark.parametrize("gaps", [(-1, 1), (-1,), (-2, 2)])
def test_masks_are_moved_by_flow(tmp_path, gaps):
    """Flow that says that nothing moves: as the first mask held still."""
    videos = {"a": 3}
    test = of_manifest(probed.manifest(tmp_path, videos, "val", "instances"), "val")
    path = tmp_path / "flow.zarr.zip"
    with open_writer(path, provenance={}, key="k") as writer:
        for gap in gaps:
            starts = range(max(0, -gap), min(3, 3 - gap))
            pairs = [(t, np.zeros((2, SIDE, SIDE), np.float32)) for t in starts]
            writer.add("a", gap, frames=3, size=(SIDE, SIDE), flows=pairs)
    inputs = score.Data(test, Stores([]), flow=[path])
    step = f"step={max(map(abs, gaps))}"
    moved = run("propagation", inputs, "by=flow", step)[0].result
    still = run("propagation", inputs, "by=still", step)[0].result
    assert moved.metrics == still.metrics
    twice = run("propagation", inputs, "by=flow", "step=2")[0]
    assert twice.frames == [[("a", 2)]]


def test_flow_must_lead_back(tmp_path):
    test = of_manifest(probed.manifest(tmp_path, {"a": 2}, "val", "instances"), "val")
    path = tmp_path / "flow.zarr.zip"
    with open_writer(path, provenance={}, key="k") as writer:
        writer.add("a", 1, frames=2, size=(2, 2), flows=[(0, np.zeros((2, 2, 2), np.float32))])
    with pytest.raises(ConfigError, match=r"no flow of gap -1 .* --gap -1"):
        run("propagation", score.Data(test, Stores([]), flow=[path]), "by=flow", "step=1")
    with open_writer(path, provenance={}, key="l") as writer:
        writer.add("a", -1, frames=2, size=(2, 2), flows=[(1, np.zeros((2, 2, 2), np.float32))])
    with pytest.raises(StoreError, match="flow is 2x2, annotations are 32x32"):
        run("propagation", score.Data(test, Stores([]), flow=[path]), "by=flow", "step=1")


def test_files_hold_all_that_tables_read(data, tmp_path):
    inputs = data()
    outcome, test, _, used = run("clustering", inputs, "repeats=2")
    each = record.Probed("clustering", "leak_free", used, outcome, test, 10.0, score.inputs(inputs))
    record.write(each, tmp_path / "out/x.json")
    content = json.loads((tmp_path / "out/x.json").read_text())
    assert not [key for key in KEYS if key not in content]
    assert content["metrics"]["mIoU"] == 1 and content["spread"]["mIoU"] == 0
    assert len(content["repeats"]) == 2 and content["n_frames"] == 5
    assert content["sequences"]["a"]["frames"] == {"00000": 1, "00001": 1}
    assert content["classes"] == {"0": 1, "1": 1, "2": 1}
    assert content["classes_of_repeats"] == [content["classes"]] * 2
    assert content["excluded_frames"] == {"a": [], "b": []}
    # Frames of a: 1 and 2 times SECONDS, their mean 1.5; of b: 1, 2 and 1, so 4/3.
    assert content["seconds_per_frame"] == {
        "median": pytest.approx(4 / 3 * probed.SECONDS),
        "mean": pytest.approx(7 / 5 * probed.SECONDS),
        "device": "cpu",
        "of": "encoder",
        "frames": 5,
    }
    assert content["seconds"] == 10
    assert content["settings"]["repeats"] == 2 and content["statement"] == outcome.statement
    assert len(content["provenance"]["inputs"]) == 4
    assert (tmp_path / "out/x/b/00002.png").is_file()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thing").write_text("mine")
    with pytest.raises(ConfigError, match="would be replaced"):
        record.write(each, tmp_path / "other.json")


def test_the_time_of_a_protocol_without_an_encoder_is_its_own(data, tmp_path):
    inputs = data(kind="instances", stores=Stores([]))
    outcome, test, _, used = run("propagation", inputs, "by=still", "step=1")
    each = record.Probed("propagation", "leak_free", used, outcome, test, 10.0, ())
    time = record.write(each, tmp_path / "x.json")["seconds_per_frame"]
    assert (time["median"], time["mean"], time["of"]) == (2, 2, "fitting and scoring")


def test_sheets_show_each_video_once(data, tmp_path, monkeypatch):
    outcome, test, _, used = run("propagation", data(kind="instances"), "by=still", "step=1")
    each = record.Probed("propagation", "leak_free", used, outcome, test, 1.0, ())
    drawn = []
    monkeypatch.setattr(features.sheet, "draw", lambda *arguments: drawn.append(arguments))
    frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    features.draw(each, lambda video, t: frame, tmp_path / "x.png", "demo")
    ((_, rows, caption),) = drawn
    # The clip of b has two later frames, both shown; a video is in one group alone.
    assert sorted((row.name, row.label.partition(",")[0]) for row in rows) == [
        ("a", "frame 1"),
        ("b", "frame 1"),
        ("b", "frame 2"),
    ]
    assert {row.group for row in rows} == {"Highest J&F", "Lowest J&F"}
    assert caption.startswith("propagation, leak_free: J 50.0\nscale demo\n")
    assert outcome.statement in caption


def test_a_sheet_of_nothing_is_its_caption(data, tmp_path):
    inputs = data()
    for file in (tmp_path / "truth.val").rglob("*.png"):
        Image.fromarray(np.full((SIDE, SIDE), 255, np.uint8)).save(file)
    outcome, test, _, used = run("clustering", inputs, "repeats=1")
    each = record.Probed("clustering", "leak_free", used, outcome, test, 1.0, ())
    assert record.write(each, tmp_path / "x.json")["metrics"] == {"mIoU": None}
    features.draw(each, lambda video, t: np.zeros((4, 4, 3), np.uint8), tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert image.height > 0


def test_void_everywhere_is_left_out_and_counted(data, tmp_path):
    inputs = data()
    Image.fromarray(np.full((SIDE, SIDE), 255, np.uint8)).save(tmp_path / "truth.val/a/00000.png")
    outcome, test, _, used = run("clustering", inputs, "repeats=1")
    each = record.Probed("clustering", "leak_free", used, outcome, test, 1.0, ())
    content = record.write(each, tmp_path / "x.json")
    assert content["excluded_frames"]["a"] == [0] and content["n_frames"] == 4
    assert content["left_out_frames"] == {"a 00000": "its truth is void everywhere"}
    assert content["left_out"] == {}  # another frame of the video counts


@pytest.mark.parametrize("name", settings.PROTOCOLS)
def test_settings_are_read_as_the_workflow_writes_them(name):
    stated = settings.default(name)
    pairs = to_pairs(stated) if stated else []
    assert settings.of_pairs([name], pairs) == {name: stated}
    assert settings.names_classes(name, pairs) == hasattr(stated, "classes")


def test_settings_are_for_all_protocols_or_for_one():
    chosen = settings.of_pairs(["linear", "clustering"], ["seed=3", "linear.score.side=9"])
    assert chosen["linear"].seed == chosen["clustering"].seed == 3
    assert chosen["linear"].score.side == 9 and chosen["linear"].epochs == 50
    with pytest.raises(ConfigError, match=r"key 'epoch' is unknown; did you mean epochs"):
        settings.of_pairs(["linear"], ["epoch=3"])
    with pytest.raises(ConfigError, match="protocol fcn is not asked for"):
        settings.of_pairs(["linear"], ["fcn.epochs=3"])
    assert set(settings.PROTOCOLS) == set(kinds.KINDS["features"].rules)


def test_files_that_do_not_go_together(data, tmp_path):
    inputs = data()
    with pytest.raises(ConfigError, match="protocol foreground reads tokens and attention"):
        run("foreground", inputs)
    with pytest.raises(ConfigError, match=r"learns from training images: .*--train-features"):
        run("linear", data(train=None, train_stores=None))
    other = Stores([probed.store(tmp_path, {"x": 1}, "val", TOKENS, encoder="x")])
    with pytest.raises(ConfigError, match="2 videos of split val, such as a, b, are in no store"):
        run("clustering", data(stores=other))
    fewer = Stores([probed.store(tmp_path, {"a": 1, "b": 3}, "val", TOKENS, encoder="f")])
    with pytest.raises(ConfigError, match="frame 1 of video 'a' is annotated, but has no features"):
        run("clustering", data(stores=fewer))
    encoder = Stores([probed.store(tmp_path, TRAIN, "train", TOKENS, encoder="z")])
    with pytest.raises(ConfigError, match="or of another encoder than"):
        run("linear", data(train_stores=encoder))
    with pytest.raises(
        ConfigError, match=r"are classes, those of the scored images in .* instance"
    ):
        run("linear", data(kind="instances"))
    with pytest.raises(ConfigError, match="class 2 is not one of 0 to 1; state their number"):
        run("linear", data(), "classes=2")
    table = parquet.read(tmp_path / "val.parquet")
    parquet.write(tmp_path / "val.parquet", table.assign(annotation_files=None), {})
    with pytest.raises(StoreError, match=r"nothing to score \(a: has no annotations"):
        run("clustering", data(test=of_manifest(tmp_path / "val.parquet", "val")))


def test_pictures_of_several_sizes_need_another_view(tmp_path):
    def tokens(number):
        return {"tokens": np.zeros((2 + number, 2, 3), np.float32)}

    videos = {"a": 1, "b": 1}
    inputs = score.Data(
        of_manifest(probed.manifest(tmp_path, videos, "val"), "val"),
        Stores([probed.store(tmp_path, videos, "val", "native.tokens", tokens)]),
    )
    with pytest.raises(ConfigError, match=r"choose a view such as 448\.tokens"):
        run("clustering", inputs)


def test_videos_without_features_are_left_out_with_the_reason(data, tmp_path):
    path = tmp_path / "some.zarr.zip"
    described = {"patch": PATCH, "encoder_sha256": "e", "settings": {"encoder": "e"}}
    with FeatureWriter(path, TOKENS, ["a", "b"], "key", described) as writer:
        for t in range(2):
            writer.add("a", t, (SIDE, SIDE), {"tokens": probed.one_hot(t)["tokens"]})
        writer.finish({"a": range(2)}, {"b": "is damaged"})
    outcome, test, *_ = run("clustering", data(stores=Stores([path])), "repeats=1")
    assert test.left_out == {"b": "has no features: is damaged"}
    assert outcome.values.keys() == {("a", 0), ("a", 1)}
