"""`commonfate features`: of one's own files, of a dataset, odd images, resumption, messages."""

import logging
import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError, UserError
from commonfate.cli import features
from commonfate.models.encoders import create
from commonfate.prediction.features import extract
from commonfate.prediction.features.own_files import given
from commonfate.storage.feature_shards import FeatureShards
from commonfate.storage.features import FeatureReader
from commonfate.storage.frames import FrameWriter
from helpers import videos

SMOKE = ("--encoder", "random.vit_smoke_8", "--device", "cpu")
RNG = np.random.default_rng(0)
PICTURE = cv2.resize(RNG.integers(0, 256, (6, 8, 3), np.uint8), (64, 48))
"""(48, 64, 3) RGB."""


def run(*arguments) -> str:
    words = [str(each) for each in (*arguments, *SMOKE)]
    result = CliRunner().invoke(features.command, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def expected(picture: np.ndarray) -> np.ndarray:
    """Tokens of a picture of whole patches, as it is."""
    image = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    return create.create("random.vit_smoke_8")(image)["tokens"][0].numpy()


def close(actual: np.ndarray, values: np.ndarray) -> bool:
    return np.allclose(actual.astype("float32"), values, rtol=2**-10, atol=1e-5)


@pytest.fixture
def mine(tmp_path):
    """A folder with an image, a video of 5 frames and a text."""
    folder = tmp_path / "mine"
    folder.mkdir()
    Image.fromarray(PICTURE).save(folder / "a.png")
    videos.write(folder / "deep/clip.mp4", 5)
    (folder / "notes.txt").write_text("hello")
    return folder


def test_own_images_and_videos(mine, tmp_path, caplog):
    store = tmp_path / "x.zarr.zip"
    with caplog.at_level(logging.INFO):
        printed = run(mine, "-o", store, "--view", "native.tokens", "--every", 2)
    assert printed == f"{store}: 4 items of 2 images and videos\n"
    assert "1 files are not used" in caplog.text
    reader = FeatureReader(store)
    assert reader.videos == ["a", "deep__clip"]
    assert reader.frames("deep__clip") == [0, 2, 4]
    assert reader.size("a") == (48, 64)
    assert close(reader.read("a", 0), expected(PICTURE))
    record = reader.provenance
    assert record["settings"]["encoder"] == "random.vit_smoke_8"
    assert record["settings"]["view"] == "native.tokens"
    assert record["device"] == "cpu"
    assert record["encoder_sha256"] == extract.digest(create.create("random.vit_smoke_8"))


def test_frames_of_a_video_are_those_that_it_shows(mine, tmp_path):
    store = tmp_path / "x.zarr.zip"
    run(mine / "deep/clip.mp4", "-o", store, "--view", "native.tokens")
    reader = FeatureReader(store)
    assert len({reader.read("clip", t).tobytes() for t in range(5)}) == 5
    import av

    with av.open(str(mine / "deep/clip.mp4")) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for t in (0, 3):
        np.testing.assert_allclose(
            reader.read("clip", t).astype("float32"), expected(shown[t]), atol=0.02
        )


def odd(folder: Path) -> dict[str, np.ndarray | str]:
    """Odd images by name: the picture that counts, or a part of the message."""
    folder.mkdir()
    grey = np.repeat(PICTURE[..., :1], 3, 2)
    Image.fromarray(grey[..., 0]).save(folder / "grey.png")
    alpha = RNG.integers(0, 256, PICTURE.shape[:2], np.uint8)
    Image.fromarray(np.dstack([PICTURE, alpha])).save(folder / "rgba.png")
    Image.fromarray(PICTURE).convert("CMYK").save(folder / "cmyk.tif")
    Image.fromarray(grey[..., 0].astype(np.uint16) * 257).save(folder / "sixteen.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise shows it upright
    Image.fromarray(np.rot90(PICTURE).copy()).save(folder / "turned.png", exif=exif)
    Image.fromarray(PICTURE).quantize(256).save(folder / "palette.png")
    Image.fromarray(PICTURE[:, :1]).save(folder / "line.png")
    Image.fromarray(PICTURE[:5, :5]).save(folder / "small.png")
    (folder / "empty.png").write_bytes(b"")
    whole = cv2.imencode(".png", PICTURE)[1].tobytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    jpeg = cv2.imencode(".jpg", PICTURE)[1].tobytes()
    (folder / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (folder / "text.jpg").write_text("no image")
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(folder / "pipe.png")
    palette = np.asarray(Image.open(folder / "palette.png").convert("RGB"))
    return {
        "grey": grey,
        "rgba": PICTURE,
        "cmyk": PICTURE,
        "sixteen": grey,
        "turned": PICTURE,
        "palette": palette,
        "line": "1x48 pixels are less than a patch of 8",
        "small": "5x5 pixels are less than a patch of 8",
        "empty": "is an empty file",
        "cut.png": "is damaged",
        "cut.jpg": "is damaged",
        "text": "is not an image",
        "gone": "a broken link to nowhere.jpg",
        "pipe": "a pipe, not a file",
    }


def test_odd_images_have_a_documented_meaning_or_a_line(tmp_path, caplog):
    images = odd(tmp_path / "odd")
    store = tmp_path / "x.zarr.zip"
    printed = run(tmp_path / "odd", "-o", store, "--view", "native.tokens")
    assert printed.endswith(": 6 items of 6 images and videos, 8 left out\n")
    reader = FeatureReader(store)
    for name, meaning in images.items():
        if isinstance(meaning, str):
            assert meaning in reader.left_out[name], name
            assert caplog.text.count(f"{name.split('.')[0]}") >= 1
        else:
            assert close(reader.read(name, 0), expected(meaning)), name
    assert "8 of 14 are left out" in caplog.text


def test_narrow_images_fill_a_square(tmp_path):
    """A line of one pixel is stretched; only views that keep proportions leave it out."""
    Image.fromarray(PICTURE[:, :1]).save(tmp_path / "line.png")
    run(tmp_path / "line.png", "-o", tmp_path / "x.zarr.zip", "--view", "32.tokens")
    stretched = np.repeat(PICTURE[:, :1], 32, 1)
    small = cv2.resize(stretched, (32, 32), interpolation=cv2.INTER_AREA)
    tokens = FeatureReader(tmp_path / "x.zarr.zip").read("line", 0)
    assert tokens.shape == (4, 4, 48)
    cosines = torch.cosine_similarity(
        torch.from_numpy(tokens.astype("float32")), torch.from_numpy(expected(small)), dim=-1
    )
    assert cosines.min() > 0.9


def test_nothing_but_bad_files(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(StoreError, match=r"no features to store; a: is an empty file"):
        run(tmp_path / "a.png", "-o", tmp_path / "x.zarr.zip")
    assert not (tmp_path / "x.zarr.zip").exists()


def test_bad_videos_are_left_out(mine, tmp_path, caplog):
    clip = (mine / "deep/clip.mp4").read_bytes()
    (mine / "cut.mp4").write_bytes(clip[: len(clip) // 2])
    (mine / "empty.mp4").write_bytes(b"")
    run(mine, "-o", tmp_path / "x.zarr.zip", "--view", "32.tokens")
    reader = FeatureReader(tmp_path / "x.zarr.zip")
    assert reader.videos == ["a", "deep__clip"]
    assert set(reader.left_out) == {"cut", "empty"}
    assert f"{mine / 'empty.mp4'}: left out: is an empty file" in caplog.text


def test_the_same_command_does_its_work_once(mine, tmp_path, caplog, monkeypatch):
    store = tmp_path / "x.zarr.zip"
    command = (mine, "-o", store, "--view", "32.tokens")
    run(*command)
    before = store.stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        printed = run(*command)
    assert "there already" in caplog.text and printed.endswith("6 items of 2 images and videos\n")
    assert store.stat().st_mtime_ns == before
    run(*command, "--view", "32.cls")
    assert FeatureReader(store).names == ["cls"]
    store.write_bytes(b"damaged")
    run(*command)
    assert FeatureReader(store).names == ["tokens"]


def test_features_of_unchanged_files_are_kept(mine, tmp_path, monkeypatch):
    store = tmp_path / "x.zarr.zip"
    run(mine, "-o", store, "--view", "32.tokens")
    before = FeatureReader(store).read("a", 0)
    Image.fromarray(PICTURE[::-1].copy()).save(mine / "b.png")
    encoded = []
    original = extract.Extractor.put

    def put(self, video, t, frame):
        encoded.append((video, t))
        original(self, video, t, frame)

    monkeypatch.setattr(extract.Extractor, "put", put)
    run(mine, "-o", store, "--view", "32.tokens")
    assert encoded == [("b", 0)]
    reader = FeatureReader(store)
    assert reader.videos == ["a", "b", "deep__clip"]
    assert np.array_equal(reader.read("a", 0), before)


def test_an_interrupted_command_goes_on(mine, tmp_path, monkeypatch):
    store = tmp_path / "x.zarr.zip"
    encoded = []
    original = extract.Extractor.put

    def put(self, video, t, frame):
        encoded.append((video, t))
        original(self, video, t, frame)
        if len(encoded) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(extract.Extractor, "put", put)
    command = (mine, "-o", store, "--view", "32.tokens", "--batch-size", 1)
    words = [str(each) for each in (*command, *SMOKE)]
    assert CliRunner().invoke(features.command, words).exit_code != 0
    assert not store.exists()
    run(*command)
    assert encoded == [("a", 0), *(("deep__clip", t) for t in range(5))]
    assert len(FeatureReader(store)) == 6
    assert not (tmp_path / ".x.zarr.zip.partial").exists()


@pytest.fixture
def dataset(tmp_path):
    """Manifest and frame store of two videos, of a third that was left out, and another shard."""
    store, manifest = tmp_path / "frames.zarr.zip", tmp_path / "manifest.parquet"
    with FrameWriter(store, provenance={}) as writer:
        for video, count in (("a", 4), ("b", 2)):
            frames = [np.roll(PICTURE, 5 * t, 1) for t in range(count)]
            writer.add_video(video, frames, [t / 10 for t in range(count)], fps=10.0)
    columns = {"id": ["a", "b", "c", "d"], "shard": [0, 0, 0, 1], "split": ["val"] * 3 + ["train"]}
    masks = [["", str(tmp_path / "1.png"), "", ""], None, None, None]
    kinds = {"annotation_files": masks, "annotation_kind": ["classes", "", "", ""]}
    states = {"frames": [4, 2, 0, 9], "status": ["ok", "ok", "left_out", "ok"]}
    table = pd.DataFrame({**columns, **kinds, **states, "reason": ["", "", "empty", ""]})
    parquet.write(manifest, table, {})
    return ("--manifest", manifest, "--frames", store)


def test_a_shard_of_a_dataset(dataset, tmp_path):
    store = tmp_path / "x.zarr.zip"
    run(*dataset, "-o", store, "--shard", 0, "--view", "native.tokens")
    reader = FeatureReader(store)
    assert reader.videos == ["a", "b"]
    assert reader.left_out == {"c": "empty"}
    assert reader.frames("a") == [0, 1, 2, 3]
    assert close(reader.read("a", 3), expected(np.roll(PICTURE, 15, 1)))
    assert len(reader.provenance["inputs"]) == 2


def test_annotated_frames_of_a_split(dataset, tmp_path):
    store = tmp_path / "x.zarr.zip"
    run(*dataset, "-o", store, "--split", "val", "--frames-of", "annotated", "--view", "32.cls")
    reader = FeatureReader(store)
    assert reader.videos == ["a"] and reader.frames("a") == [1]
    assert reader.left_out["b"] == "has no annotations"


def test_a_shard_without_a_video_of_the_split(dataset, tmp_path):
    empty, other = tmp_path / "1.zarr.zip", tmp_path / "0.zarr.zip"
    selection = ("--split", "val", "--frames-of", "all", "--view", "32.cls")
    for _ in range(2):
        run(*dataset, "-o", empty, "--shard", 1, *selection)
    reader = FeatureReader(empty)
    assert (len(reader), reader.videos, reader.left_out, reader.view) == (0, [], {}, "32.cls")
    assert list(reader.chunks()) == []
    run(*dataset, "-o", other, "--shard", 0, *selection)
    both = FeatureShards([empty, other])
    assert (len(both), both.videos) == (6, ["a", "b"])
    assert [len(chunk.items) for chunk in both.chunks()] == [6]


def test_stores_of_other_shards_are_missed(dataset, tmp_path):
    with pytest.raises(ConfigError, match="give the stores of all shards"):
        run(*dataset, "-o", tmp_path / "x.zarr.zip", "--view", "32.cls")


def test_a_checkpoint_of_ones_own(mine, tmp_path):
    network = create.create("random.vit_demo_8", seed=3)
    path = tmp_path / "my.pth"
    torch.save({"student": network.network.state_dict()}, path)
    store = tmp_path / "x.zarr.zip"
    words = [str(mine / "a.png"), "-o", str(store), "--encoder", str(path), "--view", "64.cls"]
    result = CliRunner().invoke(features.command, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert FeatureReader(store).provenance["encoder_sha256"] == extract.digest(network)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--view", "33.tokens"], "take 32 or 40"),
        (["--view", "32.token"], "did you mean tokens"),
        (["--encoder", "dino.vits17"], "did you mean dino.vits16"),
    ],
)
def test_wrong_options_are_one_line(mine, tmp_path, arguments, message):
    words = [str(mine), "-o", str(tmp_path / "x.zarr.zip"), *SMOKE, *arguments]
    result = CliRunner().invoke(features.command, words)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)


def test_files_or_a_manifest(mine, dataset, tmp_path):
    for words in ([], [mine, *dataset], dataset[:2], [mine, *dataset[2:]]):
        command = [str(each) for each in (*words, "-o", tmp_path / "x.zarr.zip", *SMOKE)]
        result = CliRunner().invoke(features.command, command)
        assert result.exit_code == 2
        assert "give either files, or both --manifest and --frames" in result.output


def test_names_of_files(tmp_path):
    for name in ("one/a.png", "two/a.png", "two/a.mp4", "two/.hidden.png", "two/deep/b.JPG"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    one, two = tmp_path / "one", tmp_path / "two"
    assert [each.id for each in given([two])] == ["a.mp4", "a.png", "deep__b"]
    assert [each.id for each in given([one / "a.png", two / "a.png"])] == ["one__a", "two__a"]
    assert len(given([two, two / "a.png"])) == 3
    with pytest.raises(ConfigError, match="no such file or folder"):
        given([tmp_path / "three"])
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigError, match=r"none: no image and no video; .* \.mp4 "):
        given([tmp_path / "none"])
