"""`commonfate segment`: from files to masks, films, sheets and run lengths."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import commonfate
from commonfate.base.errors import UserError
from commonfate.cli import segment
from commonfate.foreground import shot
from commonfate.segmentation import outputs, own
from commonfate.segmentation.settings import SegmentSettings
from helpers import moving


def run(*arguments, code: int = 0) -> Result:
    words = [str(word) for word in arguments]
    result = CliRunner().invoke(segment.command, [*words, "--device", "cpu", "--threads", "1"])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def masks(folder: Path) -> np.ndarray:
    files = sorted((folder / outputs.MASKS).iterdir())
    return np.stack([np.asarray(Image.open(file)) for file in files])


def about(folder: Path) -> dict:
    return json.loads((folder / outputs.JSON).read_text())


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """A folder with a film of the square, and its masks."""
    folder = tmp_path_factory.mktemp("films")
    frames, truth = moving.film()
    moving.write(folder / "square.mp4", frames)
    return folder, truth


@pytest.mark.parametrize("quality", ["fast", "good"])
def test_the_moving_square_is_the_foreground(films, tmp_path, quality):
    folder, truth = films
    result = run(folder / "square.mp4", "-o", tmp_path, "--quality", quality)
    assert f"{tmp_path / 'square' / outputs.SHEET}: 12 frames" in result.output
    assert moving.overlap(masks(tmp_path / "square") > 0, truth) > 0.7
    written = about(tmp_path / "square")
    assert written["shots"] == [0]
    assert [entry["frame"] for entry in written["frames"]] == list(range(12))
    box = written["frames"][5]["objects"][0]["bbox"]
    rows, columns = (np.flatnonzero(truth[5].any(axis)) for axis in (1, 0))
    np.testing.assert_allclose(box, [columns[0], rows[0], 28, 28], atol=6)
    assert (tmp_path / "square" / outputs.FILM).is_file()


def test_what_is_there_is_kept_and_other_settings_make_it_anew(films, tmp_path):
    folder, _ = films
    command = (folder / "square.mp4", "-o", tmp_path, "--quality", "fast", "--no-film")
    run(*command)
    sheet = tmp_path / "square" / outputs.SHEET
    before = sheet.stat().st_mtime_ns
    run(*command)
    assert sheet.stat().st_mtime_ns == before
    assert not (tmp_path / "square" / outputs.FILM).exists()
    run(*command, "--longest", "9")
    assert sheet.stat().st_mtime_ns > before
    assert len(about(tmp_path / "square")["parts"]) == 2


def test_a_killed_run_goes_on_with_the_videos_that_are_missing(films, tmp_path):
    folder, _ = films
    shutil.copy(folder / "square.mp4", tmp_path / "a.mp4")
    shutil.copy(folder / "square.mp4", tmp_path / "b.mp4")
    command = (tmp_path / "a.mp4", tmp_path / "b.mp4", "-o", tmp_path / "out", "--quality", "fast")
    run(*command)
    before = (tmp_path / "out/a" / outputs.JSON).stat().st_mtime_ns
    shutil.rmtree(tmp_path / "out/b")
    run(*command)
    assert (tmp_path / "out/a" / outputs.JSON).stat().st_mtime_ns == before
    assert (tmp_path / "out/b" / outputs.JSON).is_file()


def test_a_video_that_is_added_leaves_the_others_as_they_are(films, tmp_path):
    folder, _ = films
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(folder / "square.mp4", own / "a.mp4")
    command = (own, "-o", tmp_path / "out", "--quality", "fast", "--no-film")
    run(*command)
    before = (tmp_path / "out/a" / outputs.JSON).stat().st_mtime_ns
    shutil.copy(folder / "square.mp4", own / "b.mp4")
    run(*command)
    assert (tmp_path / "out/a" / outputs.JSON).stat().st_mtime_ns == before
    assert (tmp_path / "out/b" / outputs.JSON).is_file()
    moving.write(own / "a.mp4", moving.film(8)[0])  # another film of this name
    run(*command)
    assert about(tmp_path / "out/a")["frames_count"] == 8


def test_a_film_that_is_replaced_while_it_is_segmented_is_segmented_again(
    films, tmp_path, monkeypatch
):
    film = tmp_path / "a.mp4"
    shutil.copy(films[0] / "square.mp4", film)
    segmented = shot.segment

    def replacing(frames, tools, steps):
        moving.write(film, moving.film(8)[0])
        return segmented(frames, tools, steps)

    command = (film, "-o", tmp_path / "out", "--quality", "fast", "--no-film")
    with monkeypatch.context() as patch:
        patch.setattr(own.shot, "segment", replacing)
        run(*command)
    assert about(tmp_path / "out/a")["frames_count"] == 12
    run(*command)
    assert about(tmp_path / "out/a")["frames_count"] == 8


def test_the_same_film_gives_the_same_files(films, tmp_path):
    folder, _ = films
    for name in ("first", "second"):
        run(folder / "square.mp4", "-o", tmp_path / name, "--quality", "good")
    first, second = (masks(tmp_path / name / "square") for name in ("first", "second"))
    np.testing.assert_array_equal(first, second)


def test_a_folder_of_mixed_things(films, tmp_path):
    mixed = tmp_path / "mixed"
    shutil.copytree(films[0], mixed)
    (mixed / "broken.mp4").write_bytes(b"no video")
    (mixed / "notes.txt").write_text("notes")
    moving.write(mixed / "black.mp4", np.zeros((5, 48, 64, 3), np.uint8))
    moving.write(mixed / "single.mp4", moving.film(1)[0])
    first, *others = (Image.fromarray(frame) for frame in moving.film(6)[0])
    first.save(mixed / "animated.gif", save_all=True, append_images=others, duration=40)
    result = run(mixed, "-o", tmp_path / "out", "--quality", "fast")
    folders = sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert folders == ["animated", "black", "square"]
    assert masks(tmp_path / "out/animated").any()
    assert "no foreground: nothing moves against the background" in result.output
    assert not masks(tmp_path / "out/black").any()
    assert about(tmp_path / "out/black")["empty_frames"] == 5


def test_none_of_the_videos_is_usable(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    result = run(tmp_path / "broken.mp4", "-o", tmp_path / "out", code=1)
    assert isinstance(result.exception, UserError)
    assert "broken.mp4" in str(result.exception)


def test_a_cut_is_reported_and_each_shot_has_its_foreground(films, tmp_path):
    frames, truth = moving.film()
    other = 255 - frames[:, ::-1]
    film = moving.write(tmp_path / "two.mp4", np.concatenate([frames, other]))
    result = run(film, "-o", tmp_path / "out", "--quality", "fast")
    assert "2 shots" in result.output
    written = about(tmp_path / "out/two")
    assert written["shots"] == [0, 12]
    both = np.concatenate([truth, truth[:, ::-1]])
    assert moving.overlap(masks(tmp_path / "out/two") > 0, both) > 0.7


def test_two_objects_have_labels_of_their_own(tmp_path):
    frames, _ = moving.film(size=(96, 288))
    frames[:, :, 144:] = frames[:, ::-1, :144][..., ::-1]
    film = moving.write(tmp_path / "pair.mp4", frames)
    run(film, "-o", tmp_path / "out", "--quality", "fast", "--objects", "many", "--no-film")
    labels = masks(tmp_path / "out/pair")
    assert set(np.unique(labels)) == {0, 1, 2}
    sides = [set(np.unique(labels[:, :, part])) for part in (slice(0, 144), slice(144, 288))]
    assert sides[0] & sides[1] == {0}


def test_a_portrait_larger_than_the_working_size(tmp_path):
    frames, truth = moving.film(6)
    large = frames.transpose(0, 2, 1, 3).repeat(3, 1).repeat(3, 2)
    film = moving.write(tmp_path / "tall.mp4", large)
    run(film, "-o", tmp_path / "out", "--quality", "fast", "--short-side", "96")
    result = masks(tmp_path / "out/tall")
    assert result.shape == (6, 384, 288)
    expected = truth.transpose(0, 2, 1).repeat(3, 1).repeat(3, 2)
    assert moving.overlap(result > 0, expected) > 0.7


def test_one_video_that_fails_does_not_stop_the_others(films, tmp_path, monkeypatch):
    folder, _ = films
    for name in ("a", "b"):
        shutil.copy(folder / "square.mp4", tmp_path / f"{name}.mp4")
    segmented = shot.segment

    def failing(frames, tools, steps):
        if not (tmp_path / "out/failed").exists():
            (tmp_path / "out/failed").touch()
            raise UserError("this one fails")
        return segmented(frames, tools, steps)

    monkeypatch.setattr(own.shot, "segment", failing)
    videos = (tmp_path / "a.mp4", tmp_path / "b.mp4")
    result = run(*videos, "-o", tmp_path / "out", "--quality", "fast", code=1)
    assert "1 not segmented:\n  a: this one fails" in result.output
    assert (tmp_path / "out/b" / outputs.JSON).is_file()
    assert not (tmp_path / "out/a").exists()


def test_an_unknown_encoder_is_refused_before_anything_is_decoded(films, tmp_path):
    result = run(films[0], "-o", tmp_path / "out", "--encoder", "dino.vits17", code=1)
    assert "dino.vits17" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_true_flow_is_refused(films, tmp_path):
    result = run(films[0], "-o", tmp_path / "out", "--flow", "truth", code=1)
    assert isinstance(result.exception, UserError)


def test_a_shipped_network_has_its_own_settings():
    settings = SegmentSettings(quality="fast", flow="raft_small.sprites")
    assert own.tools_of(settings, "cpu").flow.iterations == 12


def test_segment_in_python(films, tmp_path):
    (result,) = commonfate.segment(films[0] / "square.mp4", tmp_path, quality="fast", film=False)
    assert result.folder == tmp_path / "square"
    assert moving.overlap(result.masks() > 0, films[1]) > 0.7
