"""`commonfate probe`: of one's own images in one command, of a data set, messages."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate.base.errors import ConfigError, UserError
from commonfate.cli import features, probe
from commonfate.storage.features import FeatureReader
from helpers import probed

SMOKE = ("--encoder", "random.vit_smoke_8")
RNG = np.random.default_rng(0)
FAST = ("--set", "linear.epochs=2", "--set", "clustering.repeats=2")


def run(*arguments) -> str:
    words = [str(each) for each in (*arguments, "--device", "cpu")]
    result = CliRunner().invoke(probe.command, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments) -> str:
    """The message of a usage error."""
    words = [str(each) for each in (*arguments, "--device", "cpu")]
    result = CliRunner().invoke(probe.command, words)
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


@pytest.fixture
def mine(tmp_path) -> Path:
    """Images of val and train in a folder a class, and masks of the same names."""
    for split, count in (("val", 3), ("train", 4)):
        for n in range(count):
            name = f"{('cat', 'dog')[n % 2]}/{n}"
            for kind in ("images", "masks"):
                (tmp_path / kind / split / name).parent.mkdir(parents=True, exist_ok=True)
            colours = RNG.integers(0, 256, (3, 3), np.uint8)[probed.labels(n)]
            Image.fromarray(colours).save(tmp_path / f"images/{split}/{name}.jpg")
            Image.fromarray(probed.labels(n)).save(tmp_path / f"masks/{split}/{name}.png")
    return tmp_path


def own(mine, *arguments):
    return (
        *(mine / "images/val", "--labels", mine / "masks/val", "--train", mine / "images/train"),
        *("--train-labels", mine / "masks/train", *SMOKE, "-o", mine / "out", *arguments),
    )


def test_own_images_in_one_command(mine):
    protocols = ("--protocol", "linear", "--protocol", "clustering", "--protocol", "knn")
    printed = run(*own(mine, *protocols, *FAST))
    out = mine / "out"
    for name in ("linear", "clustering", "knn"):
        content = json.loads((out / f"{name}.json").read_text())
        assert content["foreground"] == name and content["n_frames"] == 3
        assert content["statement"] in printed
        assert "Encoder random.vit_smoke_8, view" in content["statement"]
        with Image.open(out / f"{name}.png") as sheet:
            assert sheet.width > 300 and np.asarray(sheet).std() > 0
    assert "linear.json: mIoU " in printed and "clustering.json: mIoU " in printed
    assert " \u00b1 " in printed
    stores = sorted(path.name for path in (out / "features").glob("*.zip"))
    assert stores == [
        "train.224.cls.zarr.zip",
        "train.448.tokens.zarr.zip",
        "val.224.cls.zarr.zip",
        "val.448.tokens.zarr.zip",
    ]
    assert FeatureReader(out / "features/val.448.tokens.zarr.zip").videos == [
        "cat__0",
        "cat__2",
        "dog__1",
    ]
    maps = sorted(path.relative_to(out).as_posix() for path in out.rglob("linear/*/*.png"))
    assert maps == [f"linear/{name}/00000.png" for name in ("cat__0", "cat__2", "dog__1")]
    classes = json.loads((out / "knn/classes.json").read_text())
    assert classes["dog__1"]["00000"]["true"] == "dog"


def test_features_are_kept_for_the_next_call(mine):
    view = ("--view", "32.tokens")
    run(*own(mine, "--protocol", "linear", *view, *FAST[:2]))
    store = mine / "out/features/val.32.tokens.zarr.zip"
    before = store.stat().st_mtime_ns
    first = json.loads((mine / "out/linear.json").read_text())
    run(*own(mine, "--protocol", "linear", "--protocol", "retrieval", *view, *FAST[:2]))
    assert store.stat().st_mtime_ns == before
    assert json.loads((mine / "out/linear.json").read_text())["metrics"] == first["metrics"]


def test_scorings_stand_beside_each_other(mine):
    for scoring in ("leak_free", "released"):
        run(*own(mine, "--protocol", "linear", "--scoring", scoring, *FAST[:2]))
    files = {path.name: json.loads(path.read_text()) for path in (mine / "out").glob("*.json")}
    assert {name: content["protocol"] for name, content in files.items()} == {
        "linear.json": "leak_free",
        "linear.released.json": "released",
    }
    assert (mine / "out/linear.released").is_dir() and (mine / "out/linear.released.png").is_file()


def test_protocols_of_one_geometry_share_a_store(mine):
    names = ("foreground", "prototypes", "clustering", "retrieval")
    protocols = [word for name in names for word in ("--protocol", name)]
    faster = ("--set", "foreground.clusters=4", "--set", "prototypes.clusters=1")
    run(*own(mine, *protocols, *faster, *FAST[2:], "--hold-gib", 0))
    stores = sorted(path.name for path in (mine / "out/features").glob("*.zip"))
    assert stores == ["train.448.tokens+attention.zarr.zip", "val.448.tokens+attention.zarr.zip"]
    with pytest.raises(ConfigError, match=r"--view 32\.tokens: protocol knn reads cls"):
        run(*own(mine, "--protocol", "knn", "--view", "32.tokens"))


def test_boxes_of_own_masks(mine):
    kind = ("--annotation-kind", "instances")
    words = (mine / "images/val", "--labels", mine / "masks/val", *SMOKE, "-o", mine / "out")
    printed = run(*words, *kind, "--protocol", "localization")
    assert "CorLoc" in printed
    boxes = json.loads((mine / "out/localization/boxes.json").read_text())
    assert len(boxes["cat__0"]["00000"]["true"]) == 2
    assert (mine / "out/localization.png").is_file()


def test_images_without_a_mask_are_left_out(mine, caplog):
    (mine / "masks/val/cat/0.png").unlink()
    printed = run(*own(mine, "--protocol", "clustering", "--view", "32.tokens", *FAST[2:]))
    assert "Left out: 1 image or video, see left_out." in printed
    content = json.loads((mine / "out/clustering.json").read_text())
    assert content["left_out"].keys() == {"cat__0"}
    assert "has no mask of its name in" in content["left_out"]["cat__0"]
    assert "1 of 3 images are left out, e.g. " in caplog.text


def test_masks_lie_in_one_folder_or_in_the_same_folders(mine):
    flat = mine / "flat"
    flat.mkdir()
    for file in (mine / "masks/val").rglob("*.png"):
        file.rename(flat / file.name)
    words = (mine / "images/val", "--labels", flat, *SMOKE, "-o", mine / "out")
    run(*words, "--protocol", "clustering", "--view", "32.tokens", *FAST[2:])
    assert json.loads((mine / "out/clustering.json").read_text())["n_frames"] == 3


def test_masks_of_other_names(mine):
    for n, file in enumerate(sorted((mine / "masks/val").rglob("*.png"))):
        file.rename(file.with_name(f"m{n}.png"))
    with pytest.raises(
        ConfigError, match=r"no image has a mask; of 0.jpg a mask 0.png is expected"
    ):
        run(*own(mine, "--protocol", "clustering"))


def test_a_data_set(tmp_path):
    val, train = {"a": 2}, {"t": 3}
    words = (
        *("--manifest", probed.manifest(tmp_path, val, "val")),
        *("--features", probed.store(tmp_path, val, "val", "32.tokens")),
        *("--features", probed.store(tmp_path, val, "val", "native.eigenvectors")),
        *("--train-manifest", probed.manifest(tmp_path, train, "train")),
        *("--train-features", probed.store(tmp_path, train, "train", "32.tokens")),
        *("--frames", tmp_path / "val.frames.zarr.zip", "--protocol", "linear"),
        *("--set", "epochs=3", "--set", "score.side=4", "-o", tmp_path / "x.json"),
    )
    printed = run(*words, "--scoring", "released")
    assert "2 frames of 1 video of split val" in printed
    content = json.loads((tmp_path / "x.json").read_text())
    assert content["protocol"] == "released" and content["settings"]["classes"] == 3
    assert content["sequences"]["a"]["frames"].keys() == {"00000", "00001"}
    assert (tmp_path / "x.png").is_file() and (tmp_path / "x/a/00001.png").is_file()


def test_options_that_do_not_go_together(mine, tmp_path):
    linear = ("--protocol", "linear", "-o", tmp_path / "out")
    assert "give either IMAGES, or --manifest" in refused(*linear)
    assert "--encoder: name the encoder" in refused(mine, *linear)
    assert "--features is not for IMAGES" in refused(mine, *linear, *SMOKE, "--features", "x")
    assert "--encoder is not for --manifest" in refused("--manifest", "x", *linear, *SMOKE)
    assert "name a folder" in refused(mine, *linear[:2], *SMOKE, "-o", "x.json")
    for protocol, message in (
        ("linear", "scores against masks: name them with --labels"),
        ("knn", "learns from images: name them with --train"),
        ("propagation", "is for videos, with --manifest"),
    ):
        with pytest.raises(ConfigError, match=message):
            run(mine / "images/val", *SMOKE, "--protocol", protocol, "-o", tmp_path / "out")
    with pytest.raises(ConfigError, match="--annotation-kind 'class'"):
        run(*own(mine, "--protocol", "linear", "--annotation-kind", "class"))
    (mine / "images/val/clip.mp4").write_bytes(b"")
    with pytest.raises(UserError, match=r"clip.mp4: is no image; frames of videos are scored as"):
        run(*own(mine, "--protocol", "linear"))


def test_scores_need_no_library_of_encoders():
    """Importing torchvision takes as long as a small protocol, and timm imports it."""
    modules = "features.run.score", "features.run.record", "sheets.features"
    imports = "; ".join(f"import commonfate.evaluation.{name}" for name in modules)
    program = f"import sys; {imports}; print(*({{'timm', 'torchvision'}} & {{*sys.modules}}))"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (0, "\n"), process.stderr


def test_training_images_of_a_head_are_cropped_anew(mine, caplog):
    """They get no store; one that cannot be read is left out."""
    (mine / "images/train/cat/0.jpg").write_bytes(b"no image")
    settings = ("--set", "epochs=2", "--set", "width=4", "--set", "batch_size=2")
    run(*own(mine, "--protocol", "fcn", *settings, "--view", "64.tokens"))
    content = json.loads((mine / "out/fcn.json").read_text())
    assert "3 images of split train" in content["statement"]
    assert "drawn anew in each epoch" in content["statement"]
    assert [path.name for path in (mine / "out/features").glob("*.zip")] == [
        "val.64.tokens.zarr.zip"
    ]
    assert "0.jpg: left out: " in caplog.text


def test_a_data_set_with_training_images_that_are_cropped_anew(tmp_path):
    manifests = [probed.manifest(tmp_path, {"a": 2}, split) for split in ("val", "train")]
    frames = [tmp_path / f"{split}.frames.zarr.zip" for split in ("val", "train")]
    store = tmp_path / "val.zarr.zip"
    words = ["--manifest", manifests[0], "--frames", frames[0], "--view", "32.tokens"]
    result = CliRunner().invoke(
        features.command, [*map(str, words), *SMOKE, "-o", str(store), "--device", "cpu"]
    )
    assert result.exit_code == 0, result.output
    words = ["--protocol", "linear", "--set", "augmented=true", "--set", "epochs=2"]
    words += ["--manifest", manifests[0], "--features", store, "--train-manifest", manifests[1]]
    run(*words, "--frames", frames[1], *SMOKE, "-o", tmp_path / "linear.json")
    content = json.loads((tmp_path / "linear.json").read_text())
    assert "2 frames of 1 video of split train" in content["statement"]
    with pytest.raises(ConfigError, match="is of another encoder"):
        run(*words, "--frames", frames[1], *SMOKE, "--seed", 1, "-o", tmp_path / "linear.json")
