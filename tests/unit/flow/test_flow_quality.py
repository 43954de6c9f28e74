"""Errors of flow: counts worked out by hand, stored truth against theory, moved images."""

import json

import cv2
import numpy as np
import pytest

from commonfate.base.errors import UserError
from commonfate.datasets.sprites import annotate, scene, truth
from commonfate.flow.quality import (
    errors as quality,
)
from commonfate.flow.quality import (
    photometric as quality_photometric,
)
from commonfate.flow.quality import (
    report as quality_report,
)
from commonfate.flow.quality import stored
from commonfate.flow.quality.errors import HIDDEN, VISIBLE
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.flow_info import sources

SIZE, FRAMES = (64, 96), 4


def across(*values: float) -> np.ndarray:
    """A field (2, 1, W) that moves to the right by these."""
    return np.stack([np.array([values], np.float32), np.zeros((1, len(values)), np.float32)])


def test_errors_are_counted_by_true_magnitude_and_visibility():
    #                 0-1  1-2  2-4  4-8 over 16   0-1
    known = across(0.5, 1.0, 3.0, 7.0, 100.0, 0.25)
    flow = across(0.5, 1.5, 6.5, 4.1, 104.0, np.nan)
    visible = np.array([[True, True, True, False, True, False]])
    found = quality.measure(flow, known, visible)
    assert found.pixels.tolist() == [[1, 1], [0, 1], [0, 1], [1, 0], [0, 0], [0, 1]]
    assert found.valid.tolist() == [[0, 1], [0, 1], [0, 1], [1, 0], [0, 0], [0, 1]]
    sums = [[0, 0], [0, 0.5], [0, 3.5], [2.9, 0], [0, 0], [0, 4]]
    np.testing.assert_allclose(found.error, sums, atol=1e-6)
    # 3.5 px of 3 is an outlier; 2.9 px is below 3 px; 4 px of 100 are below 5 %.
    assert found.outliers.tolist() == [[0, 0], [0, 0], [0, 1], [0, 0], [0, 0], [0, 0]]
    assert found.epe() == pytest.approx(10.9 / 5)
    assert found.epe(np.s_[:, VISIBLE]) == pytest.approx(8 / 4)
    assert found.epe(np.s_[:, HIDDEN]) == pytest.approx(2.9)
    assert found.epe(4) is None
    assert found.outlier_rate() == pytest.approx(1 / 5)


def test_both_components_count():
    known = np.zeros((2, 1, 1), np.float32)
    flow = np.array([3, 4], np.float32).reshape(2, 1, 1)
    assert quality.measure(flow, known, np.ones((1, 1), bool)).epe() == 5


def test_parts_add_up_to_the_whole_and_survive_json():
    generator = np.random.default_rng(0)
    flow, known = generator.normal(0, 4, (2, 2, 10, 12))
    visible = generator.random((10, 12)) < 0.8
    whole = quality.measure(flow, known, visible)
    top = quality.measure(flow[:, :3], known[:, :3], visible[:3])
    bottom = quality.measure(flow[:, 3:], known[:, 3:], visible[3:])
    both = quality.Errors.from_json(json.loads(json.dumps((top + bottom).to_json())))
    assert both.pixels.sum() == 120
    assert both.epe() == pytest.approx(whole.epe())
    assert (both.outliers == whole.outliers).all()
    assert quality.NONE.epe() is None
    with pytest.raises(ValueError, match="sizes differ"):
        quality.measure(flow, known[:, 1:], visible)


@pytest.fixture(scope="module")
def truths(tmp_path_factory):
    """A scene whose flow is known: path of its truth by name of the video."""
    path = tmp_path_factory.mktemp("truth") / "sprite.npz"
    drawn = scene.draw(np.random.default_rng(4), 4, SIZE, FRAMES)
    seen = annotate.seen_layers(drawn)
    truth.save(path, drawn, seen, annotate.instances(drawn, seen))
    return {"sprite": str(path)}


@pytest.fixture
def reader(truths, tmp_path):
    """The truth, stored in steps of 1/8 px; and a video of which nothing is known."""
    record = {"estimator": "exact", "settings": {"source": {"estimator": "truth"}}}
    with open_writer(tmp_path / "s.zarr.zip", steps_per_pixel=8, provenance=record, key="") as out:
        for gap in (-1, 1, 2):
            flows = ((t, truth.flow(truths["sprite"], t, gap)) for t in sources(FRAMES, gap))
            out.add("sprite", gap, FRAMES, SIZE, flows)
        out.add("other", 1, 2, SIZE, [(0, np.zeros((2, *SIZE), np.float32))])
    return open_reader(tmp_path / "s.zarr.zip")


ROUNDING = 0.7652 / 16
"""Mean distance from the centre of a square with sides of 1/8: 0.7652 of half a side."""


def test_stored_truth_has_the_error_of_rounding_alone(reader, truths):
    pairs = stored.pairs([reader], truths)
    assert [(p.gap, p.t) for p in pairs] == [
        *((-1, t) for t in (1, 2, 3)),
        *((1, t) for t in (0, 1, 2)),
        *((2, t) for t in (0, 1)),
    ]
    parts = stored.measure(pairs, truths)
    assert [(p["video"], p["gap"], p["pairs"]) for p in parts] == [
        ("sprite", -1, 3),
        ("sprite", 1, 3),
        ("sprite", 2, 2),
    ]
    for part in parts:
        errors = quality.Errors.from_json(part["errors"])
        assert errors.pixels.sum() == part["pairs"] * 64 * 96
        assert errors.epe() == pytest.approx(ROUNDING, rel=0.1)
        assert part["saturated"] == 0
    assert parts[2]["consistent"] is None  # gap -2 is not stored
    agreeing = quality.Errors.from_json(parts[1]["consistent"])
    hidden, visible = agreeing.valid.sum(0) / agreeing.pixels.sum(0)
    assert visible > 0.97
    assert hidden < 0.8


def test_size_and_number_of_stored_pairs(reader):
    assert stored.count([reader]) == 9
    assert stored.size_bytes([reader]) == reader.path.stat().st_size
    with pytest.raises(UserError, match="no stored flow of a video whose flow is known exactly"):
        stored.pairs([reader], {"another": "x.npz"})


def test_a_sample_tells_rounding_from_the_estimators_error(reader, truths):
    pairs = stored.pairs([reader], truths)[:3]

    def exact(pair):
        return truth.flow(truths["sprite"], pair.t, pair.gap)

    found = stored.measure_rounding(pairs, truths, exact)
    assert found["pairs"] == 3
    assert quality.Errors.from_json(found["estimated"]).epe() == 0
    assert quality.Errors.from_json(found["stored"]).epe() == pytest.approx(ROUNDING, rel=0.1)
    assert 0.95 / 16 < found["largest_difference"] <= 1 / 16 + 1e-6


def test_a_report_of_the_truth_has_no_photometric_error(reader, truths, tmp_path):
    known = quality_report.StoredFlow.of([reader])
    found = quality_report.report(known, truths, [], 4, tmp_path, "cpu")
    assert found["description"] == "exact"
    assert found["sample"]["pairs"] == 4
    assert found["photometric"] is None
    assert (found["pairs"], len(found["parts"])) == (9, 3)


def test_flow_of_another_program_is_measured_but_not_estimated_again(truths, tmp_path):
    path = tmp_path / "own.zarr.zip"
    with open_writer(path, provenance={}, key="") as writer:
        flow = truth.flow(truths["sprite"], 0, 3) + np.float32(1)
        writer.add("sprite", 3, FRAMES, SIZE, [(0, flow)])
    found = quality_report.report(
        quality_report.StoredFlow.of([open_reader(path)]), truths, [], 4, None, "cpu"
    )
    assert found["sample"] is None
    errors = quality.Errors.from_json(found["parts"][0]["errors"])
    assert errors.epe() == pytest.approx(np.sqrt(2), abs=0.01)


def test_stores_of_different_sources_are_refused(reader, tmp_path):
    path = tmp_path / "own.zarr.zip"
    with open_writer(path, provenance={"estimator": "mine"}, key="") as writer:
        writer.add("a", 1, 2, SIZE, [(0, np.zeros((2, *SIZE), np.float32))])
    with pytest.raises(UserError, match=r"is of mine, that of .* of exact; give stores of one"):
        quality_report.StoredFlow.of([reader, open_reader(path)])


def test_photometric_error_of_a_picture_that_moved():
    picture = np.random.default_rng(0).integers(0, 256, (20, 40, 3)).astype(np.uint8)
    first, second = picture[:, 3:33], picture[:, :30]  # moves right by 3
    right = np.zeros((2, 20, 30), np.float32)
    right[0] = 3
    error, inside, unwarped, pixels = quality_photometric.compare(first, second, right)
    assert (error, inside, pixels) == (0, 20 * 27, 20 * 30)
    difference = np.abs(first.astype(float) - second)
    assert unwarped == pytest.approx(difference.mean(2).sum())
    still = quality_photometric.compare(first, second, np.zeros_like(right))
    assert still[0] == still[2]
    right[:, 0, 0] = np.nan
    assert quality_photometric.compare(first, second, right)[1] == 20 * 27 - 1


class Moves:
    """Says that everything moves right by 2."""

    def estimate(self, images):
        import torch

        assert images.dtype == torch.uint8
        flow = torch.zeros(len(images), 2, *images.shape[3:])
        flow[:, 0] = 2
        return flow


def test_frames_of_a_folder_are_paired_and_read(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (16, 60)).astype(np.uint8)
    for video, step in (("a", 2), ("b", 0)):
        (tmp_path / video).mkdir()
        for t in range(3):
            moved = grey[:, 20 - step * t : 52 - step * t]
            cv2.imwrite(str(tmp_path / video / f"{t:02d}.png"), moved)
    pairs = quality_photometric.frame_pairs(tmp_path, 9)
    assert [f"{a.parent.name}{a.stem}-{b.stem}" for a, b in pairs] == [
        "a00-01",
        "a01-02",
        "b00-01",
        "b01-02",
    ]
    found = quality_photometric.measure(Moves(), pairs[:2], tmp_path)
    assert (found["error"], found["inside"], found["pairs"]) == (0, 30 / 32, 2)
    assert found["frames_of"] == tmp_path.name
    assert found["unwarped"] > 50
    assert quality_photometric.measure(Moves(), pairs[2:], tmp_path)["unwarped"] == 0


def test_davis_is_read_from_its_lists(tmp_path):
    for kind in ("JPEGImages", "Annotations"):
        (tmp_path / kind / "480p" / "bear").mkdir(parents=True)
    lines = []
    for t in range(2):
        names = [
            f"/{kind}/480p/bear/{t:05d}.{suffix}"
            for kind, suffix in (("JPEGImages", "jpg"), ("Annotations", "png"))
        ]
        for name in names:
            cv2.imwrite(str(tmp_path / name[1:]), np.zeros((4, 6), np.uint8))
        lines.append(" ".join(names))
    (tmp_path / "ImageSets" / "480p").mkdir(parents=True)
    (tmp_path / "ImageSets" / "480p" / "val.txt").write_text("\n".join(lines))
    ((first, second),) = quality_photometric.frame_pairs(tmp_path, 5)
    assert (first.name, second.name) == ("00000.jpg", "00001.jpg")


def test_a_folder_without_frames_in_a_row_is_refused(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"")
    with pytest.raises(UserError, match="holds no two numbered images in a row"):
        quality_photometric.frame_pairs(tmp_path, 5)
