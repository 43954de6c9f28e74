"""The contact sheet."""

import numpy as np
from PIL import Image

from commonfate.evaluation import benchmark, foreground, label_maps, protocols, score, sheet
from commonfate.evaluation.predictions import Predictions


class Frames:
    def read(self, video, t):
        return np.full((16, 24, 3), 200, np.uint8)


def test_outlined_mask():
    mask = np.zeros((8, 12), bool)
    mask[2:6, 4:8] = True
    picture = sheet.outlined(np.full((16, 24, 3), 200, np.uint8), mask)
    assert picture.shape == (8, 12, 3)
    assert picture[0, 0].tolist() == [90, 90, 90]  # 200, faded
    assert picture[3, 5].tolist() == [200, 200, 200]
    assert picture[2, 4].tolist() == list(sheet.OUTLINE)


def test_coloured_labels():
    picture = sheet.coloured(np.array([[0, 1]], np.uint8))
    np.testing.assert_array_equal(picture, label_maps.palette()[None, :2])


def test_size_and_place_of_cells(tmp_path):
    red = np.zeros((10, 20, 3), np.uint8)
    red[..., 0] = 255
    columns = [sheet.Column("a", {"one": red}), sheet.Column("b", {"one": red, "two": red})]
    sheet.draw(tmp_path / "s.png", columns, "caption")
    with Image.open(tmp_path / "s.png") as image:
        pixels = np.asarray(image)
    width, height = sheet.CELL_WIDTH, sheet.CELL_WIDTH // 2
    assert pixels.shape[1] == sheet.LEFT + 2 * (width + sheet.GAP)
    is_red = (pixels == (255, 0, 0)).all(-1)
    assert is_red.sum() == 3 * width * height
    assert is_red[:, sheet.LEFT : sheet.LEFT + width].sum() == width * height


def test_sequences_of_highest_and_lowest_score(manifest, predict, tmp_path):
    truth = np.zeros((8, 12), bool)
    truth[2:6, 4:8] = True
    path = predict(lambda video, t: truth & (video == "dog"))
    opened = Predictions.open(path)
    output = tmp_path / "scores.json"
    rules = protocols.get("davis"), foreground.get("unsupervised")
    scores = score.evaluate(opened, manifest, *rules, output)
    videos = benchmark.read(manifest, "val").videos
    columns = sheet.of_evaluation(scores, opened, videos, Frames(), tmp_path / "scores")
    assert [column.title for column in columns] == [
        "dog 00000: J 100.0",
        "dog 00002: J 100.0",
        "dog 00003: J 100.0",
        "cat 00000: J 0.0",
        "cat 00001: J 0.0",
        "cat 00002: J 0.0",
    ]
    assert list(columns[0].pictures) == ["frame", "components", "foreground", "truth"]
