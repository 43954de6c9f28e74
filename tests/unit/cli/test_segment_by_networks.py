"""`commonfate segment`: quality `best`, and networks that are applied to videos and photographs."""

import json
import shutil

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import commonfate
from commonfate import methods
from commonfate.base.errors import ConfigError, UserError
from commonfate.cli import segment
from commonfate.foreground import appearance, shot, student
from commonfate.methods.amd.settings import AmdSettings
from commonfate.methods.gwm.settings import GwmSettings, MergeSettings
from commonfate.segmentation import kept, learned, outputs
from commonfate.segmentation.applied import weights_file
from commonfate.segmentation.learned import DRAFTS, NETWORK
from commonfate.training import checkpoint
from helpers import moving

BEST = ("--quality", "best", "--training-steps", "30", "--no-film")
TOGETHER = (*BEST, "--shared", "--training-steps", "150")


def run(*arguments, code=0):
    words = [str(word) for word in arguments]
    result = CliRunner().invoke(segment.command, [*words, "--device", "cpu", "--threads", "1"])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def masks(folder):
    files = sorted((folder / outputs.MASKS).iterdir())
    return np.stack([np.asarray(Image.open(file)) for file in files])


def about(folder):
    return json.loads((folder / outputs.JSON).read_text())


@pytest.fixture(scope="module", autouse=True)
def small_windows():
    """Networks see less of fewer frames than usual, which takes an eighth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(student, "SHORT_SIDE", 64)
        patch.setattr(student, "WINDOW", (64, 96))
        patch.setattr(student, "BATCH", 4)
        yield


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A folder with two films of the square, and their masks."""
    folder = tmp_path_factory.mktemp("films")
    truth = {}
    for name, speed in (("quick", 4.0), ("slow", 2.0)):
        frames, truth[name] = moving.film(10, speed)
        moving.write(folder / f"{name}.mp4", frames)
    return folder, truth


@pytest.fixture(scope="module")
def best(films, tmp_path_factory):
    """Both films segmented with one network."""
    output = tmp_path_factory.mktemp("best")
    run(films[0], "-o", output, *TOGETHER)
    return output


def test_one_network_learns_from_all_videos(films, best):
    for name, truth in films[1].items():
        assert moving.overlap(masks(best / name) > 0, truth) > 0.7
    assert (best / NETWORK).is_file()
    assert not (best / DRAFTS).exists()


def test_or_each_has_its_own_and_keeps_it_beside_another(films, tmp_path):
    run(films[0] / "quick.mp4", "-o", tmp_path, *BEST)
    first = tmp_path / learned.NETWORKS / "quick.safetensors"
    before = first.stat().st_mtime_ns
    run(films[0], "-o", tmp_path, *BEST)
    assert first.stat().st_mtime_ns == before
    for name, truth in films[1].items():
        assert (tmp_path / learned.NETWORKS / f"{name}.safetensors").is_file()
        assert moving.overlap(masks(tmp_path / name) > 0, truth) > 0.7
    assert not (tmp_path / NETWORK).exists()


def test_the_encoder_sees_each_frame_once_where_each_video_has_its_network(
    films, tmp_path, monkeypatch
):
    plain, seen = appearance.tokens_of, []

    def watched(frames, *arguments):
        seen.append(len(frames))
        return plain(frames, *arguments)

    monkeypatch.setattr(appearance, "tokens_of", watched)
    run(films[0], "-o", tmp_path, *BEST)
    assert seen == [10, 10]


def test_after_an_interruption_drafts_and_network_are_kept(films, best, tmp_path, monkeypatch):
    """The second video fails in the middle; the next command neither drafts nor trains again."""
    plain, calls = student.predict, []

    def failing(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr(student, "predict", failing)
    CliRunner().invoke(segment.command, [str(films[0]), "-o", str(tmp_path), *TOGETHER])
    assert len(list((tmp_path / DRAFTS).rglob("*.npz"))) == 2
    monkeypatch.setattr(student, "predict", plain)
    for module, name in ((shot, "draft"), (student, "train")):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("made again"))
    run(films[0], "-o", tmp_path, *TOGETHER)
    for name in films[1]:
        np.testing.assert_array_equal(masks(tmp_path / name), masks(best / name))


def test_a_damaged_draft_is_made_again(films, best, tmp_path):
    for name in films[1]:
        (tmp_path / DRAFTS / name).mkdir(parents=True)
        (tmp_path / DRAFTS / name / "0.npz").write_bytes(b"PK damaged")
    run(films[0], "-o", tmp_path, *TOGETHER)
    for name in films[1]:
        np.testing.assert_array_equal(masks(tmp_path / name), masks(best / name))


def test_nothing_is_learnt_from_a_still_film(tmp_path):
    moving.write(tmp_path / "still.mp4", moving.film(6, 0, 0)[0])
    run(tmp_path / "still.mp4", "-o", tmp_path / "out", *BEST)
    assert not masks(tmp_path / "out" / "still").any()
    assert not (tmp_path / "out" / NETWORK).exists()


def test_the_network_is_applied_to_another_film_and_to_photographs(films, best, tmp_path):
    frames, truth = moving.film(6, speed=6, pan=2)
    moving.write(tmp_path / "other.mp4", frames)
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(frames[0]).save(photos / "garden.png")
    Image.fromarray(frames[3]).save(photos / "house.jpg")
    output = tmp_path / "out"
    result = run(tmp_path / "other.mp4", photos, "-o", output, "--checkpoint", best, "--no-film")
    assert moving.overlap(masks(output / "other") > 0, truth) > 0.5
    for name, t in (("garden", 0), ("house", 3)):
        assert moving.overlap(masks(output / name) > 0, truth[t : t + 1]) > 0.5
        assert f"{output / name / outputs.SHEET}: 1 frame" in result.output
    before = (output / "garden" / outputs.SHEET).stat().st_mtime_ns
    run(tmp_path / "other.mp4", photos, "-o", output, "--checkpoint", best, "--no-film")
    assert (output / "garden" / outputs.SHEET).stat().st_mtime_ns == before


def test_an_image_that_is_named_is_a_photograph(best, tmp_path):
    for number in range(3):
        Image.fromarray(moving.film(1)[0][0]).save(tmp_path / f"img_{number}.png")
    files = sorted(tmp_path.glob("*.png"))
    run(*files, "-o", tmp_path / "out", "--checkpoint", best / NETWORK)
    assert sorted(path.parent.name for path in (tmp_path / "out").glob("*/*.json")) == [
        "img_0",
        "img_1",
        "img_2",
    ]


def test_python_applies_a_network_to_a_photograph(best, tmp_path):
    Image.fromarray(moving.film(1)[0][0]).save(tmp_path / "photo.png")
    (result,) = commonfate.segment(
        tmp_path / "photo.png", tmp_path / "out", device="cpu", checkpoint=best
    )
    assert result.masks().shape == (1, *moving.SIZE) and result.masks().any()


def test_a_photograph_and_a_video_of_one_name_are_refused(films, best, tmp_path):
    Image.fromarray(moving.film(1)[0][0]).save(tmp_path / "quick.png")
    paths = (tmp_path / "quick.png", films[0] / "quick.mp4")
    result = run(*paths, "-o", tmp_path / "out", "--checkpoint", best, code=1)
    assert isinstance(result.exception, ConfigError)
    assert "quick: the name of a photograph and of a video" in str(result.exception)


def test_a_damaged_photograph_stops_no_other(best, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    Image.fromarray(moving.film(1)[0][0]).save(tmp_path / "good.png")
    files = (tmp_path / "bad.png", tmp_path / "good.png")
    result = run(*files, "-o", tmp_path / "out", "--checkpoint", best, code=1)
    assert "1 not segmented:\n  bad: is not an image" in result.output
    assert (tmp_path / "out" / "good" / outputs.JSON).is_file()


@pytest.fixture(scope="module", params=["gwm", "amd"])
def trained(request, tmp_path_factory):
    """Folder of a run with random weights."""
    merge = MergeSettings(features="network")
    settings = {
        "gwm": GwmSettings(width=4, components=3, image_size=(32, 48), merge=merge),
        "amd": AmdSettings(size="small", short_side=64, crop=(64, 64)),
    }[request.param]
    run_folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    network = methods.create_trained(settings).build(pretrained=False)
    state = {"method": request.param, "settings": settings.model_dump(mode="json")}
    checkpoint.save(
        run_folder / "checkpoint.pt", {**state, "iteration": 1, "model": network.state_dict()}
    )
    return run_folder


def test_a_run_is_applied_to_a_film_and_to_a_photograph(trained, films, tmp_path):
    frames, _ = moving.film(2)
    Image.fromarray(frames[0]).save(tmp_path / "photo.png")
    paths = (films[0] / "quick.mp4", tmp_path / "photo.png")
    run(*paths, "-o", tmp_path / "out", "--checkpoint", trained, "--no-film")
    reasons = {
        name: about(tmp_path / "out" / name)["parts"][0]["foreground"]
        for name in ("quick", "photo")
    }
    assert reasons == {"quick": "a run, merged by motion", "photo": "a run, frame by frame"}
    assert masks(tmp_path / "out" / "quick").shape == (10, *moving.SIZE)


def test_an_encoder_is_no_segmentation(tmp_path, films):
    from commonfate.methods.dino.settings import DinoSettings

    settings = DinoSettings(dim=48, depth=1, heads=1, patch=8)
    state = {"method": "dino", "settings": settings.model_dump(mode="json")}
    checkpoint.save(tmp_path / "checkpoint.pt", {**state, "iteration": 1, "model": {}})
    result = run(films[0], "-o", tmp_path / "out", "--checkpoint", tmp_path, code=1)
    assert isinstance(result.exception, ConfigError)
    assert "dino gives features, no foreground" in str(result.exception)


def test_what_is_no_checkpoint_is_refused(tmp_path, best):
    with pytest.raises(ConfigError, match=r"holds no checkpoint\.pt and no network"):
        weights_file(tmp_path)
    shutil.copy(best / NETWORK, tmp_path / "half.safetensors")
    content = (tmp_path / "half.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"half\.safetensors: cannot be read"):
        kept.load(tmp_path / "half.safetensors", "cpu")
    import safetensors.torch

    safetensors.torch.save_file({"w": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ConfigError, match="holds no network of commonfate segment"):
        kept.load(tmp_path / "other.safetensors", "cpu")
