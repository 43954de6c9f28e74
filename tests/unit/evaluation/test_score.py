"""Scores of a tiny benchmark, by hand."""

import json

import numpy as np
import pytest
from PIL import Image

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.evaluation import protocols, record
from commonfate.evaluation.masks import foreground, score
from commonfate.prediction import benchmark
from commonfate.prediction.predictions import Predictions

TRUTH = np.zeros((8, 12), bool)
TRUTH[2:6, 4:8] = True
# J of the middle group: 8 of 16 pixels found and nothing else.
HALF = TRUTH & (np.arange(12) < 6)


def groups(video, t):
    """`cat` is found in every frame; `dog` half in frame 0, then fully, and not at all at last."""
    if video == "cat":
        return TRUTH
    return {0: HALF, 3: np.zeros_like(TRUTH)}.get(t, TRUTH)


@pytest.fixture
def evaluate(manifest, predict, tmp_path):
    path = predict(groups)

    def run(protocol="davis", rule="unsupervised"):
        opened = Predictions.open(path)
        chosen = protocols.get(protocol), foreground.get(rule)
        return score.evaluate(opened, manifest, *chosen, tmp_path / "out" / "a.b.json")

    return run


def test_scores_by_sequence(evaluate, tmp_path):
    scores = evaluate()
    assert scores["sequences"]["cat"]["frames"] == {"00000": 1.0, "00001": 1.0, "00002": 1.0}
    dog = scores["sequences"]["dog"]
    assert dog["frames"] == {"00000": 0.5, "00001": 1.0, "00002": 1.0, "00003": 0.0}
    assert (dog["J_mean"], dog["J_recall"]) == (0.625, 0.5)  # 0.5 itself is not recalled
    assert dog["J_decay"] == 0.25  # (0.5 + 1) / 2 - (1 + 0) / 2
    assert scores["J"] == pytest.approx((1 + 0.625) / 2)
    assert (scores["n_sequences"], scores["n_frames"]) == (2, 7)
    assert json.loads((tmp_path / "out" / "a.b.json").read_text()) == scores


def test_what_is_said_of_the_scores(evaluate):
    scores = evaluate()
    assert scores["left_out"] == {"eel": "empty file"}
    assert (scores["protocol"], scores["average"]) == ("davis", "sequence")
    assert scores["foreground"] == "unsupervised"
    assert scores["foreground_looks_at_ground_truth"] is False
    assert scores["seconds_per_frame"]["median"] == 0.1
    assert (scores["adapt_steps"], scores["crf"]) == (0, None)
    assert (scores["resolution"], scores["crop"]) == ("network", "none")
    assert [scores[key] for key in ("run", "method", "checkpoint")] == ["gwm-test", "gwm", "last"]
    inputs = scores["provenance"]["inputs"]
    assert {path.rpartition("/")[2] for path in inputs} == {"predictions.json", "manifest.parquet"}


def test_a_protocol_leaves_frames_out(evaluate):
    scores = evaluate("davis_official")
    assert list(scores["sequences"]["dog"]["frames"]) == ["00001", "00002"]
    assert scores["excluded_frames"] == {"cat": [0, 2], "dog": [0, 3]}
    assert scores["J"] == 1.0


def test_a_sequence_without_scored_frames_is_left_out(evaluate):
    scores = evaluate("davis_released")  # of cat's three frames 0 and 1 and the last fall away
    assert list(scores["sequences"]) == ["dog"] and scores["n_sequences"] == 1
    assert scores["left_out"]["cat"] == "protocol davis_released scores none of its frames"
    assert scores["excluded_frames"]["cat"] == [0, 1, 2]


def test_frame_average(evaluate):
    assert evaluate("frame_average")["J"] == pytest.approx(5.5 / 7)


def test_frame_average_as_released(evaluate):
    scores = evaluate("frame_average_released")
    assert scores["excluded_frames"] == {"cat": [2], "dog": [3]}
    assert scores["J"] == pytest.approx(4.5 / 5)


def test_metrics_of_the_chosen_foreground(evaluate):
    scores = evaluate()
    dog = scores["sequences"]["dog"]["metrics"]
    # 8 of 96 pixels missed in frame 0, all 16 in frame 3.
    assert dog["Acc"] == pytest.approx((88 / 96 + 1 + 1 + 80 / 96) / 4)
    assert dog["F_beta"] == pytest.approx((1.3 * 0.5 / 0.8 + 1 + 1 + 0) / 4)
    assert scores["metrics"]["Acc"] == pytest.approx((1 + dog["Acc"]) / 2)
    assert scores["metrics"]["F_beta"] == pytest.approx((1 + dog["F_beta"]) / 2)
    assert scores["metrics"]["J"] == scores["J"] and dog["J"] == 0.625
    assert set(scores["metrics"]) == set(dog) == {"J", "Acc", "F_beta", "mIoU"}  # none is soft


def soft(video, t):
    """Probability of group 1: 0.8 where it is the likelier one, 0.2 elsewhere."""
    return np.where(groups(video, t), 0.8, 0.2)


@pytest.fixture
def evaluate_soft(manifest, predict, tmp_path):
    def run(labels, probability, protocol="davis", rule="unsupervised", **metadata):
        opened = Predictions.open(predict(labels, soft=probability, **metadata))
        chosen = protocols.get(protocol), foreground.get(rule)
        return score.evaluate(opened, manifest, *chosen, tmp_path / "out" / "a.b.json")

    return run


def test_metrics_of_the_soft_foreground(evaluate_soft):
    scores = evaluate_soft(groups, soft)
    cat, dog = (scores["sequences"][name]["metrics"] for name in ("cat", "dog"))
    assert cat["MAE"] == pytest.approx(0.2)
    # 8, then 16 of 96 pixels are 0.8 from the truth instead of 0.2.
    assert dog["MAE"] == pytest.approx(0.2 + 0.6 * (8 + 16) / 96 / 4)
    # Above 0.2 it is the hard mask; below, everything, as in the best case for frame 3 alone.
    everything = 1.3 * (1 / 6) / (0.3 / 6 + 1)
    assert dog["maxF_beta"] == pytest.approx(dog["F_beta"]) and dog["F_beta"] > everything
    assert scores["metrics"]["MAE"] == pytest.approx((cat["MAE"] + dog["MAE"]) / 2)
    assert scores["metrics"]["maxF_beta"] == pytest.approx(scores["metrics"]["F_beta"])


@pytest.mark.parametrize("rule", ["unsupervised", "oracle"])
def test_the_foreground_may_be_the_first_group(evaluate_soft, rule):
    item = evaluate_soft(groups, soft, rule=rule)["metrics"]
    other = evaluate_soft(
        lambda *frame: ~groups(*frame), lambda *frame: 1 - soft(*frame), rule=rule
    )["metrics"]
    assert item == pytest.approx(other)


def test_the_foreground_of_a_frame_of_one_group_is_the_other_group(evaluate_soft):
    # Group 1 is nowhere the likelier one, but likeliest on the object: found below one half.
    def faint(video, t):
        return np.where(TRUTH, 0.4, 0.1)

    empty = np.zeros_like(TRUTH)
    for flip in (False, True):
        scores = evaluate_soft(
            lambda *_, flip=flip: ~empty if flip else empty,
            lambda *frame, flip=flip: 1 - faint(*frame) if flip else faint(*frame),
        )["metrics"]
        assert scores["F_beta"] == scores["J"] == 0.0
        assert scores["maxF_beta"] == 1.0
        assert scores["MAE"] == pytest.approx((16 * 0.6 + 80 * 0.1) / 96, abs=1 / 510)


def test_components_have_no_soft_foreground(evaluate_soft):
    scores = evaluate_soft(groups, soft, rule="oracle_components")
    assert set(scores["metrics"]) == {"J", "Acc", "F_beta", "mIoU"}


def test_annotations_are_cropped_like_the_frames(evaluate_soft, tmp_path):
    # The truth's columns 4 to 7 of 12 are columns 2 to 5 of the central 8.
    def cropped(video, t):
        return groups(video, t)[:, 2:10]

    def cropped_soft(video, t):
        return soft(video, t)[:, 2:10]

    whole = evaluate_soft(groups, soft)
    scores = evaluate_soft(cropped, cropped_soft, crop="square")
    assert scores["crop"] == "square"
    assert scores["J"] == whole["J"]
    assert scores["sequences"]["dog"]["metrics"]["Acc"] == pytest.approx(
        (56 / 64 + 1 + 1 + 48 / 64) / 4
    )
    with Image.open(tmp_path / "out" / "a.b" / "cat" / "00000.png") as image:
        assert image.size == (8, 8)


def test_the_oracle_sees_the_truth(evaluate):
    # In dog's last frame there is only group 0, which covers the image: J is 16 / 96.
    scores = evaluate(rule="oracle")
    assert scores["sequences"]["dog"]["frames"]["00003"] == pytest.approx(1 / 6)
    assert scores["foreground_looks_at_ground_truth"] is True


def test_masks_of_every_frame_are_kept(evaluate, tmp_path):
    evaluate("davis_official")
    masks = sorted((tmp_path / "out" / "a.b").rglob("*.png"))
    assert len(masks) == 7
    with Image.open(tmp_path / "out" / "a.b" / "dog" / "00000.png") as image:
        np.testing.assert_array_equal(np.asarray(image), HALF * 255)


def test_equal_inputs_give_equal_scores(evaluate):
    first, second = evaluate(), evaluate()
    first.pop("provenance"), second.pop("provenance")
    assert first == second


def test_somebody_elses_folder_is_not_replaced(evaluate, tmp_path):
    kept = tmp_path / "out" / "a.b" / "thesis.tex"
    kept.parent.mkdir(parents=True)
    kept.write_text("years of work")
    with pytest.raises(ConfigError, match=r"out/a.b: is there already and would be replaced"):
        evaluate()
    assert kept.read_text() == "years of work"


def test_pixels_of_background_and_foreground_are_pooled(evaluate):
    scores = evaluate()
    # dog: of 4 * 16 pixels of the object 8 + 16 + 16 are found, and nothing else is.
    dog = (40 / 64 + 4 * 80 / (4 * 80 + 24)) / 2
    assert scores["sequences"]["dog"]["metrics"]["mIoU"] == pytest.approx(dog)
    # With cat's 3 * 16, all found; frame by frame and sequence by sequence it would be otherwise.
    assert scores["metrics"]["mIoU"] == pytest.approx((88 / 112 + 7 * 80 / (7 * 80 + 24)) / 2)
    only = evaluate("davis_official")["metrics"]
    assert only["mIoU"] == 1.0


def likeliest(video, t):
    """A soft object, of which 0.4 is enough: what is left is shared by several segments."""
    return np.where(groups(video, t), 0.4, 0.2)


def test_the_object_is_the_group_that_the_method_names(evaluate_soft):
    # What the method calls the object is all but the object; `unsupervised` would turn it round.
    scores = evaluate_soft(
        lambda *frame: ~groups(*frame),
        lambda *frame: 1 - likeliest(*frame),
        rule="object",
        foreground="object",
    )
    assert scores["foreground_looks_at_ground_truth"] is False
    first = scores["sequences"]["cat"]
    assert first["frames"]["00000"] == 0.0
    assert first["metrics"]["MAE"] == pytest.approx((16 * 0.4 + 80 * 0.8) / 96)


def test_saliency_of_the_object_by_hand(evaluate_soft):
    scores = evaluate_soft(groups, likeliest, rule="object", foreground="object")
    cat, dog = (scores["sequences"][name]["metrics"] for name in ("cat", "dog"))
    # The labels find all of cat, though its soft score is 0.4: 16 pixels off by 0.6, 80 by 0.2.
    assert (cat["J"], cat["F_beta"]) == (1.0, 1.0)
    assert cat["MAE"] == pytest.approx((16 * 0.6 + 80 * 0.2) / 96)
    # Of dog 8 pixels are missed in frame 0, and 16 in frame 3: these are off by 0.8.
    assert dog["MAE"] == pytest.approx(cat["MAE"] + 0.2 * (8 + 16) / 96 / 4)
    assert dog["F_beta"] == pytest.approx((1.3 * 0.5 / 0.8 + 1 + 1 + 0) / 4)


def test_where_no_pixel_is_the_object_its_soft_map_still_is(evaluate_soft):
    empty = np.zeros_like(TRUTH)

    def faint(video, t):
        return np.where(TRUTH, 0.2, 0.0)

    scores = evaluate_soft(lambda *_: empty, faint, rule="object", foreground="object")["metrics"]
    assert (scores["J"], scores["F_beta"], scores["maxF_beta"]) == (0.0, 0.0, 1.0)
    assert scores["MAE"] == pytest.approx(16 * 0.8 / 96)
    # Were it all object, it would be the same map: the rule names it, whatever the labels are.
    full = evaluate_soft(lambda *_: ~empty, faint, rule="object", foreground="object")["metrics"]
    assert full["J"] == pytest.approx(16 / 96)
    assert full["MAE"] == scores["MAE"] and full["maxF_beta"] == 1.0


def test_a_method_that_names_no_object(evaluate_soft, tmp_path):
    message = "--foreground object: method gwm of .*predictions.json does not say which"
    with pytest.raises(ConfigError, match=message):
        evaluate_soft(groups, soft, rule="object")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def annotate(manifest, tmp_path):
    """Make annotations labels of instances, and write that of one frame anew."""
    for path in (tmp_path / "truth").rglob("*.png"):
        Image.fromarray(TRUTH.astype(np.uint8)).save(path)
    parquet.write(manifest, parquet.read(manifest).assign(annotation_kind="instances"), {})

    def write(video, t, labels):
        Image.fromarray(labels).save(tmp_path / "truth" / video / f"{t:05d}.png")

    return write


VOID, EMPTY = np.full(TRUTH.shape, 255, np.uint8), np.zeros(TRUTH.shape, np.uint8)


@pytest.mark.parametrize("rule", ["unsupervised", "oracle", "oracle_components"])
def test_frames_that_are_all_void_do_not_count(annotate, evaluate_soft, tmp_path, rule):
    annotate("dog", 0, VOID)  # where half of the object is found
    scores = evaluate_soft(groups, soft, rule=rule)
    dog = scores["sequences"]["dog"]
    assert list(dog["frames"]) == ["00001", "00002", "00003"]
    last = dog["frames"]["00003"]  # one group alone: see `test_the_oracle_sees_the_truth`
    assert last == pytest.approx(0 if rule == "unsupervised" else 1 / 6)
    assert dog["J_mean"] == pytest.approx((1 + 1 + last) / 3)
    assert (scores["n_sequences"], scores["n_frames"]) == (2, 6)
    assert (scores["void_frames"], scores["excluded_frames"]["dog"]) == ({"dog": [0]}, [0])
    assert (tmp_path / "out" / "a.b" / "dog" / "00000.png").exists()


def test_a_sequence_of_void_frames_does_not_count(annotate, evaluate_soft):
    for t in range(3):
        annotate("cat", t, VOID)
    scores = evaluate_soft(groups, soft)
    assert list(scores["sequences"]) == ["dog"] and scores["n_sequences"] == 1
    assert scores["J"] == 0.625
    assert scores["left_out"]["cat"] == "every pixel of its scored frames is void"


def test_nothing_that_counts(annotate, evaluate_soft, tmp_path):
    for video, frames in (("cat", 3), ("dog", 4)):
        for t in range(frames):
            annotate(video, t, VOID)
    with pytest.raises(StoreError, match="every pixel of the frames that are scored is void"):
        evaluate_soft(groups, soft)
    assert {path.suffix for path in (tmp_path / "out").iterdir()} <= {".lock"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # dog's last frame is one group, which the rule does not call foreground: nothing is found,
        # as nothing is there. In cat's, the object is found where there is none.
        ("unsupervised", {"cat": 0.0, "dog": 1.0}),
        # The oracle has a group of no pixels to choose in dog's, none in cat's.
        ("oracle", {"cat": 0.0, "dog": 1.0}),
        # Of components it may choose none at all.
        ("oracle_components", {"cat": 1.0, "dog": 1.0}),
    ],
)
def test_where_there_is_nothing_to_find(annotate, evaluate_soft, rule, expected):
    annotate("cat", 2, EMPTY)
    annotate("dog", 3, EMPTY)
    scores = evaluate_soft(groups, soft, rule=rule)
    last = {"cat": "00002", "dog": "00003"}
    assert {name: scores["sequences"][name]["frames"][t] for name, t in last.items()} == expected
    assert scores["n_frames"] == 7
    cat = scores["sequences"]["cat"]["metrics"]
    assert cat["F_beta"] == pytest.approx((1 + 1 + expected["cat"]) / 3)
    wrong = 0 if expected["cat"] else 16
    assert cat["Acc"] == pytest.approx(1 - wrong / (3 * 96))


def test_where_the_oracle_finds_nothing_it_does_not_choose_the_background(
    annotate, evaluate_soft, tmp_path
):
    annotate("cat", 2, EMPTY)
    evaluate_soft(groups, soft, rule="oracle")
    with Image.open(tmp_path / "out" / "a.b" / "cat" / "00002.png") as image:
        np.testing.assert_array_equal(np.asarray(image), TRUTH * 255)


def test_a_snapshot_that_was_chosen_by_something_else_is_named(evaluate_soft, caplog):
    chosen_by = {"protocol": "davis", "foreground": "oracle"}
    output = {"snapshot_scores": chosen_by | {"metric": "J", "scores": {}, "frames": 7}}
    scores = evaluate_soft(groups, soft, rule="oracle", **output)
    assert scores["checkpoint_chosen_by"] == chosen_by and "its snapshot" not in caplog.text
    scores = evaluate_soft(groups, soft, "davis_official", "unsupervised", **output)
    assert scores["checkpoint_chosen_by"] == chosen_by
    assert "best by protocol davis and foreground oracle" in caplog.text
    assert evaluate_soft(groups, soft)["checkpoint_chosen_by"] is None


def test_protocol_that_scores_nothing(manifest):
    task = benchmark.read(manifest, "val")
    nothing = protocols.Protocol("none", "", "frame", lambda annotated, frames: [])
    with pytest.raises(StoreError, match="protocol none scores no annotated frame of cat, dog"):
        record.scored_frames(nothing, task)


def test_frames_that_are_scored(manifest):
    task = benchmark.read(manifest, "val")
    scored = record.scored_frames(protocols.get("davis_released"), task)
    assert scored == {"dog": [2]}
