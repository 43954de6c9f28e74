"""`commonfate flow-quality`: measuring rendered videos, and the table of several sources."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from commonfate.base import parquet
from commonfate.base.errors import StoreError, UserError
from commonfate.base.files import sha256
from commonfate.cli import explain, flow_quality
from commonfate.datasets.sprites import annotate, render, scene, truth
from commonfate.storage.flow import open_writer
from commonfate.storage.flow_info import sources
from commonfate.storage.frames import FrameWriter

SIZE, FRAMES = (64, 96), 3
OFF = 0.25
"""Error of the flow that stands for an estimator's, pixels."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A rendered video, one that was left out, and two flow sources, one of them the truth."""
    folder = tmp_path_factory.mktemp("dataset")
    reference = str(folder / "sprite.npz")
    drawn = scene.draw(np.random.default_rng(4), 4, SIZE, FRAMES)
    textures = render.draw_textures(np.random.default_rng(0), drawn)
    pictures = list(render.frames(drawn, textures))
    seen = annotate.seen_layers(drawn)
    truth.save(reference, drawn, seen, annotate.instances(drawn, seen))
    rows = {"id": ["sprite", "broken"], "source": ["sprite.mp4", "broken.mp4"]}
    rows |= {"split": "val", "frames": [FRAMES, 0], "sha256": ""}
    rows |= {"status": ["ok", "left_out"], "reason": ["", "truncated"], "truth": [reference, ""]}
    parquet.write(folder / "manifest.parquet", pd.DataFrame(rows), {})
    with FrameWriter(folder / "frames.zarr.zip", provenance={"inputs": {}}) as writer:
        writer.add_video("sprite", pictures, [t / 10 for t in range(FRAMES)], fps=10.0)
    for name, error in (("truth", 0), ("farneback", OFF)):
        record = {"estimator": name, "settings": {"source": {"estimator": name}}, "inputs": {}}
        with open_writer(folder / f"{name}.zarr.zip", provenance=record, key="") as writer:
            for gap in (-1, 1):
                flows = (
                    (t, truth.flow(reference, t, gap) + np.float32([[[error]], [[0]]]))
                    for t in sources(FRAMES, gap)
                )
                writer.add("sprite", gap, FRAMES, SIZE, flows)
    return folder


def run(*arguments) -> str:
    arguments = [str(a) for a in arguments]
    result = CliRunner().invoke(flow_quality.command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def measure(folder, source, output, *more):
    run(
        *("measure", "--dataset", "sprites", "--source", source),
        *("--manifest", folder / "manifest.parquet", "--frames", folder / "frames.zarr.zip"),
        *("--flow", folder / f"{source}.zarr.zip", "--threads", 1, "--output", output, *more),
    )
    return json.loads(output.read_text())


def test_two_sources_are_measured_and_tabulated(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    truth_json, other_json = tmp_path / "truth.json", tmp_path / "farneback.json"
    actual = measure(dataset, "truth", truth_json)
    assert (actual["dataset"], actual["source"], actual["pairs"]) == ("sprites", "truth", 4)
    store = dataset / "truth.zarr.zip"
    assert actual["bytes"] == store.stat().st_size
    record = actual["provenance"]
    assert record["verb"] == "flow-quality"
    assert record["inputs"][str(store)] == sha256(store)
    assert set(record["inputs"]) == {
        str(dataset / name)
        for name in ("manifest.parquet", "frames.zarr.zip", "truth.zarr.zip", "sprite.npz")
    }
    actual = measure(
        dataset, "farneback", other_json, "--sample", 2, "--frames-of", images(tmp_path)
    )
    assert actual["sample"]["pairs"] == 2
    assert actual["photometric"]["pairs"] == 2

    table = tmp_path / "tables" / "flow_quality.csv"
    message = run("table", truth_json, other_json, "--scale", "smoke", "-o", table)
    assert "flow source" in message
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["flow source"], row["gap"], row["pairs"]) for row in rows] == [
        (source, gap, pairs)
        for source in ("truth", "farneback")
        for gap, pairs in (("all", "4"), ("-1", "2"), ("+1", "2"))
    ]
    rounding = 0.7652 / 64
    for row in rows:
        expected = rounding if row["flow source"] == "truth" else OFF
        for column in ("EPE", "EPE visible", "EPE hidden"):
            assert float(row[column]) == pytest.approx(expected, abs=0.003)
        assert row["Fl-all %"] == row["no value %"] == row["saturated %"] == "0.00"
        shares = [float(row[key] or 0) for key in row if key.startswith("pixels ")]
        assert sum(shares) == pytest.approx(100, abs=0.05)
        assert 80 < float(row["consistent %"]) <= 100
    assert rows[0]["EPE estimated"] == "0.0000"
    assert float(rows[0]["rounding px"]) == pytest.approx(1 / 64, abs=1e-4)
    assert rows[0]["bytes a pair"] == f"{store.stat().st_size / 4:.0f}"
    assert "photometric" in rows[0]
    assert float(rows[3]["photometric"]) < float(rows[3]["photometric unwarped"])
    assert rows[3]["EPE estimated"] != rows[3]["EPE stored"]

    markdown = table.with_suffix(".md").read_text()
    for text in (
        "# Quality of optical flow",
        "at scale smoke",
        "1 of 2 videos left out",
        "## Stor",
    ):
        assert text in markdown
    traced = CliRunner().invoke(
        explain.command, [str(table), "--full", "--row=sprites, truth, gap all", "--column=EPE"]
    )
    assert traced.exit_code == 0, traced.output
    assert f"EPE = {rows[0]['EPE']}" in traced.output
    assert "sprites/broken: truncated" in traced.output
    assert str(truth_json) in traced.output
    assert str(store) in traced.output
    assert "changed since it was made" not in traced.output


def images(folder):
    """Frames whose texture moves right by 2."""
    import cv2

    texture = np.random.default_rng(0).integers(0, 256, (10, 20)).astype(np.uint8)
    texture = cv2.resize(texture, (160, 80), interpolation=cv2.INTER_CUBIC)
    (folder / "frames" / "clip").mkdir(parents=True)
    for t in range(3):
        path = folder / "frames" / "clip" / f"{t:02d}.png"
        cv2.imwrite(str(path), texture[:, 20 - 2 * t : 140 - 2 * t])
    return folder / "frames"


def test_a_source_appears_once_in_a_table(dataset, tmp_path):
    item, same = tmp_path / "one.json", tmp_path / "same.json"
    measure(dataset, "truth", item)
    same.write_bytes(item.read_bytes())
    with pytest.raises(UserError, match=r"is of the same source and dataset as .*one.json"):
        run("table", item, same, "-o", tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()


def test_what_is_no_measurement_is_named(tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text('{"dataset": "sprites"}')
    with pytest.raises(StoreError, match=r"wrong.json: is no measurement of flow \(KeyError"):
        run("table", path, "-o", tmp_path / "t.csv")


def test_a_dataset_without_truth_is_refused(dataset, tmp_path):
    manifest = parquet.read(dataset / "manifest.parquet").assign(truth="")
    parquet.write(tmp_path / "manifest.parquet", manifest, {})
    with pytest.raises(UserError, match="end-point errors need one of the embedded datasets"):
        run(
            *("measure", "--dataset", "d", "--source", "s", "-o", tmp_path / "x.json"),
            *("--manifest", tmp_path / "manifest.parquet"),
            *("--frames", dataset / "frames.zarr.zip", "--flow", dataset / "truth.zarr.zip"),
        )
