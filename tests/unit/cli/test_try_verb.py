"""`commonfate try`: a picture without any file, and of one's own."""

import numpy as np
from click.testing import CliRunner
from PIL import Image

from commonfate.cli import first_look
from commonfate.storage.flow import open_reader


def run(*arguments) -> str:
    result = CliRunner().invoke(
        first_look.command, [str(a) for a in arguments], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_without_any_file_there_is_a_picture_of_rendered_videos(tmp_path, monkeypatch):
    small = {"videos": 3, "frames": 4, "size": (48, 64), "seed": 3}
    monkeypatch.setattr(first_look, "RENDERED", small)
    output = tmp_path / "look"
    assert run("-o", output).splitlines()[-1] == str(output / "flow.png")
    with Image.open(output / "flow.png") as picture:
        assert np.asarray(picture).std() > 20
    assert len(open_reader(output / "flow.zarr.zip").videos) == 3
    before = (output / "rendered" / "provenance.json").stat().st_mtime_ns
    run("-o", output)
    assert (output / "rendered" / "provenance.json").stat().st_mtime_ns == before


def test_of_a_video_of_ones_own(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    texture = np.random.default_rng(0).integers(0, 255, (48, 80, 3), np.uint8)
    for t in range(3):
        Image.fromarray(texture[:, 2 * t : 2 * t + 64]).save(folder / f"{t}.png")
    run(folder, "-o", tmp_path / "look")
    assert (tmp_path / "look" / "flow.png").is_file()
    assert open_reader(tmp_path / "look" / "flow.zarr.zip").videos == ["mine"]
    assert not (tmp_path / "look" / "rendered").exists()
