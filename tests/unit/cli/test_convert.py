"""`commonfate convert`: what it converts, what it says, how it goes on."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from commonfate.base.errors import ConfigError, StoreError
from commonfate.cli.convert import command
from commonfate.storage.damage import unseal
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.formats import FORMATS, convert, flo
from commonfate.storage.formats.folder import FlowFolder

SIZE = (6, 8)
RNG = np.random.default_rng(0)
FLOW = (RNG.integers(-500, 500, (4, 2, *SIZE)) / 32).astype(np.float32)
FLOW[1, :, 2, 3] = np.nan
FLOW[2, 0, 4, 5] = 700  # too large for KITTI


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "store.zarr.zip"
    with open_writer(path, provenance={"estimator": "dis"}, key="k") as writer:
        writer.add("bear", 1, 5, SIZE, enumerate(FLOW))
        writer.add("bear", -2, 5, SIZE, enumerate(FLOW[:3], start=2))
        writer.add("a/dog", 1, 3, SIZE, enumerate(FLOW[:2]))
        writer.add("still", 1, 1, SIZE, [])
    return path


def run(*arguments):
    result = CliRunner().invoke(command, ["--threads", "2", *(str(item) for item in arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def everything(path):
    reader = open_reader(path)
    return {
        (video, gap, t): reader.read(video, gap, t)
        for video in reader.videos
        for gap in reader.gaps(video)
        for t in reader.info(video, gap).sources
    }


def equal(actual, expected):
    assert actual.keys() == expected.keys()
    for name, flow in expected.items():
        np.testing.assert_array_equal(actual[name], flow, err_msg=str(name))


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_to_a_folder_and_back(store, tmp_path, form):
    folder, back = tmp_path / form, tmp_path / "back.zarr.zip"
    assert run(store, "-o", folder, "--to", form).exit_code == 0
    text = run(folder, "-o", back).output
    expected = everything(store)
    if form == "kitti":
        for flow in expected.values():
            flow[:, flow[0] == 700] = np.nan
    equal(everything(back), expected)
    assert "Quantization error: largest 0 px, mean 0 px" in text


def test_names_of_files(store, tmp_path):
    run(store, "-o", tmp_path / "out", "--to", "flo")
    actual = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.flo")}
    bear = {f"1/bear/{t:05d}.flo" for t in range(4)} | {f"-2/bear/{t:05d}.flo" for t in (2, 3, 4)}
    assert actual == bear | {"1/a%2Fdog/00000.flo", "1/a%2Fdog/00001.flo"}


def test_only_some_videos_and_gaps(store, tmp_path):
    run(store, "-o", tmp_path / "a.zarr.zip", "--video", "bear", "--gap", "-2")
    assert everything(tmp_path / "a.zarr.zip").keys() == {("bear", -2, t) for t in (2, 3, 4)}
    with pytest.raises(StoreError, match="'cat' is not there; there are a/dog, bear, still"):
        run(store, "-o", tmp_path / "b.zarr.zip", "--video", "cat")
    with pytest.raises(StoreError, match="no flow of gap 7; there are gaps"):
        run(store, "-o", tmp_path / "b.zarr.zip", "--gap", 7)


def test_counts_of_what_does_not_fit(store, tmp_path):
    text = run(store, "-o", tmp_path / "out", "--to", "kitti", "--video", "bear", "--gap", 1).output
    assert "1 parts (each a video and gap), 4 pairs converted now" in text
    assert "1 (0.52 %) without value, 1 (0.52 %) too large" in text  # of 4 x 6 x 8 pixels


def test_between_containers_nothing_changes(store, tmp_path):
    run(store, "-o", tmp_path / "packed.tiff", "--tiff-layout", "packed")
    run(tmp_path / "packed.tiff", "-o", tmp_path / "again.zarr.zip")
    equal(everything(tmp_path / "again.zarr.zip"), everything(store))
    reader = open_reader(tmp_path / "again.zarr.zip")
    assert reader.info("still", 1).frames == 1
    index = unseal((tmp_path / "packed.tiff" / "store.json").read_bytes())
    assert index["encoding"] == "packed"


def test_saturated_pixels_stay_counted(tmp_path):
    with open_writer(tmp_path / "a.zarr.zip", provenance={}, key="k") as writer:
        flow = np.zeros((2, 2, *SIZE), np.float32)
        flow[1, 0, 0, :3] = 5000
        writer.add("bear", 1, 3, SIZE, enumerate(flow))
    text = run(tmp_path / "a.zarr.zip", "-o", tmp_path / "b.tiff").output
    assert "3 (3.1 %) saturated" in text
    assert open_reader(tmp_path / "b.tiff").pair_counts("bear", 1)["saturated"] == [0, 3]


def test_error_of_quantization_is_measured(tmp_path):
    (tmp_path / "flow").mkdir()
    flow = np.zeros((2, *SIZE), np.float32)
    flow[0] = 1 / 64  # rounds to 0 (ties to even): the largest error there is
    flow[1, 0] = 2000  # saturates: no error of rounding
    flow[1, 1] = np.nan
    flo.write(tmp_path / "flow" / "0.flo", flow)
    text = run(tmp_path / "flow", "-o", tmp_path / "a.zarr.zip", "--gap", 1).output
    # u: 48 values, of which 8 are not known since v is not; v: 48 - 8 saturated - 8 not known
    mean = 40 / 64 / (40 + 32)
    assert f"Quantization error: largest 0.0156 px, mean {mean:.3g} px" in text
    assert "8 (17 %) without value, 8 (17 %) saturated" in text
    assert open_reader(tmp_path / "a.zarr.zip").videos == ["flow"]


@pytest.mark.parametrize(
    ("form", "options", "steps"),
    [
        ("kitti", [], 64),
        ("flowdino", [], 32),
        ("npz", [], 32),
        ("npz", ["--steps-per-pixel", 8], 8),
    ],
)
def test_steps_of_the_source_are_kept(tmp_path, form, options, steps):
    (tmp_path / "1" / "bear").mkdir(parents=True)
    FORMATS[form].write(tmp_path / "1" / "bear" / f"0{FORMATS[form].suffixes[0]}", FLOW[0])
    run(tmp_path, "-o", tmp_path / "a.zarr.zip", *options)
    assert open_reader(tmp_path / "a.zarr.zip").info("bear", 1).steps_per_pixel == steps


def test_between_folders_without_a_store(store, tmp_path):
    run(store, "-o", tmp_path / "npz", "--to", "npz")
    run(tmp_path / "npz", "-o", tmp_path / "pfm", "--to", "pfm")
    np.testing.assert_array_equal(
        FORMATS["pfm"].read(tmp_path / "pfm" / "1" / "bear" / "00001.pfm"), FLOW[1]
    )


def test_gap_of_a_folder_and_numbers(tmp_path):
    (tmp_path / "sintel" / "alley_1").mkdir(parents=True)
    for t, flow in enumerate(FLOW):
        flo.write(tmp_path / "sintel" / "alley_1" / f"frame_{t + 1:04d}.flo", flow)
    run(tmp_path / "sintel", "-o", tmp_path / "a.zarr.zip", "--gap", 1, "--first", 1)
    assert everything(tmp_path / "a.zarr.zip").keys() == {("alley_1", 1, t) for t in range(4)}
    with pytest.raises(ConfigError, match="if all flow has the same gap, give it by --gap"):
        run(tmp_path / "sintel", "-o", tmp_path / "b.zarr.zip")


def test_provenance(store, tmp_path):
    run(store, "-o", tmp_path / "out", "--to", "npz")
    record = json.loads((tmp_path / "out" / "conversion.json").read_text())
    assert record["verb"] == "convert" and record["estimator"] == "dis"
    assert record["of"] == {"estimator": "dis"} and len(record["inputs"][str(store)]) == 64
    run(tmp_path / "out", "-o", tmp_path / "a.zarr.zip")
    assert list(open_reader(tmp_path / "a.zarr.zip").provenance["inputs"]) == [
        str(tmp_path / "out")
    ]


def test_goes_on_where_it_was(store, tmp_path, monkeypatch):
    folder = tmp_path / "npz"
    run(store, "-o", folder, "--to", "npz")
    reads = []

    original = FlowFolder.read

    def read(self, video, gap, t):
        if len(reads) == 3:
            raise KeyboardInterrupt
        reads.append((video, gap, t))
        return original(self, video, gap, t)

    monkeypatch.setattr(FlowFolder, "read", read)
    assert run(folder, "-o", tmp_path / "a.zarr.zip").exit_code == 1  # click's, for Ctrl-C
    assert not (tmp_path / "a.zarr.zip").exists()
    monkeypatch.setattr(
        FlowFolder, "read", lambda *given: reads.append(given[1:]) or original(*given)
    )
    run(folder, "-o", tmp_path / "a.zarr.zip")
    assert len(reads) == len(set(reads)) == len(everything(store))
    equal(everything(tmp_path / "a.zarr.zip"), everything(store))


def test_videos_that_are_there_are_not_written_again(store, tmp_path, monkeypatch):
    run(store, "-o", tmp_path / "out", "--to", "flo")
    monkeypatch.setattr(convert, "_read", lambda *_: pytest.fail("read again"))
    text = run(store, "-o", tmp_path / "out", "--to", "flo").output
    assert "3 parts (each a video and gap), 0 pairs converted now" in text


def test_a_store_that_is_there_is_not_made_again(store, tmp_path):
    out = tmp_path / "out.tiff"
    run(store, "-o", out)
    assert f"{out} is there already" in run(store, "-o", out).output
    text = run(store, "-o", out, "--steps-per-pixel", 8).output
    assert "3 parts" in text and open_reader(out).info("bear", 1).steps_per_pixel == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "out"], "--output out: the name does not tell the format; give --to"),
        (["-o", "out", "--to", "flo", "--from", "npz"], "is a store, not a folder of files"),
        (["-o", "out", "--to", "flo", "--gap", "0"], "--gap 0 is no gap"),
    ],
)
def test_usage(store, arguments, message):
    result = run(store, *arguments)
    assert result.exit_code == 2 and message in result.output


def test_other_mistakes(store, tmp_path):
    assert "SOURCE and OUTPUT are the same" in run(store, "-o", store).output
    run(store, "-o", tmp_path / "out", "--to", "flo")
    text = run(tmp_path / "out", "-o", tmp_path / "a.zarr.zip", "--gap", 1, "--gap", 2).output
    assert "files of a folder have one gap, or folders named by gaps" in text
    text = run(tmp_path / "out" / "1" / "bear" / "00000.flo", "-o", tmp_path / "a.zarr.zip").output
    assert "00000.flo is one file; give the folder of its video, and --gap" in text
