"""DAVIS 2017 and VISOR: sequences by lists, masks of objects."""

import pytest

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.settings import from_pairs, to_pairs
from commonfate.datasets.settings import Davis2017Config, VisorConfig


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.fixture
def davis(tmp_path):
    for name in ("bear", "dogs-jump"):
        for folder, suffix in (("JPEGImages", "jpg"), ("Annotations_unsupervised", "png")):
            touch(tmp_path, *(f"{folder}/480p/{name}/{t:05d}.{suffix}" for t in range(3)))
    lists = tmp_path / "ImageSets/2017"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("bear\n")
    (lists / "val.txt").write_text("dogs-jump\n")
    return tmp_path


@pytest.fixture
def visor(tmp_path):
    names = ("P01_frame_0000000140", "P01_frame_0000000298", "P01_frame_0000001003")
    for sequence in ("P01_01_seq_00001", "P02_01_seq_00007"):
        touch(tmp_path, *(f"JPEGImages/480p/{sequence}/{name}.jpg" for name in names))
        touch(tmp_path, *(f"Annotations/480p/{sequence}/{name}.png" for name in names[:2]))
    lists = tmp_path / "ImageSets/2022"
    lists.mkdir(parents=True)
    for name, sequence in (("train", "P01_01"), ("val", "P02_01"), ("val_unseen", "P02_01")):
        number = "00001" if name == "train" else "00007"
        (lists / f"{name}.txt").write_text(f"{sequence}_seq_{number}\n")
    return tmp_path


def videos(settings):
    return datasets.videos("mine", settings, "unused")


def test_davis(davis):
    bear, dogs = videos(Davis2017Config(root=davis))
    assert [(video.id, video.split) for video in (bear, dogs)] == [
        ("bear", "train"),
        ("dogs-jump", "val"),
    ]
    assert dogs.path == f"{davis}/JPEGImages/480p/dogs-jump"
    assert dogs.frame_files[2] == f"{dogs.path}/00002.jpg"
    assert dogs.annotation_files[2] == (
        f"{davis}/Annotations_unsupervised/480p/dogs-jump/00002.png"
    )
    assert (dogs.annotation_kind, dogs.fps, dogs.numbered) == ("instances", 24, True)


def test_the_masks_of_the_other_task(davis):
    settings = Davis2017Config(root=davis, annotations="semi_supervised", splits=("val",))
    with pytest.raises(StoreError, match=r"Annotations/480p/dogs-jump: holds no mask, but Image"):
        videos(settings)
    touch(davis, "Annotations/480p/dogs-jump/00000.png")
    (dogs,) = videos(settings)
    assert [file[-9:] for file in dogs.annotation_files] == ["00000.png", "", ""]


def test_visor_has_few_frames_with_any_numbers(visor):
    first, second = videos(VisorConfig(root=visor))
    assert [first.split, second.split] == ["train", "val"]
    assert not second.numbered and second.annotation_kind == "instances"
    assert [bool(file) for file in second.annotation_files] == [True, True, False]
    (visor / "ImageSets/2022/val_unseen.txt").unlink()
    with pytest.raises(ConfigError, match=r"2022/val_unseen\.txt: no such list, but the split 'va"):
        videos(VisorConfig(root=visor, val_list="val_unseen"))


def test_visor_of_another_size_lies_in_another_folder(visor):
    with pytest.raises(StoreError, match=r"JPEGImages/1080p/P01_01_seq_00001: holds no frame"):
        videos(VisorConfig(root=visor, resolution="1080p"))
    for top in ("JPEGImages", "Annotations"):
        (visor / top / "480p").rename(visor / top / "1080p")
    first, _ = videos(VisorConfig(root=visor, resolution="1080p"))
    assert first.path == f"{visor}/JPEGImages/1080p/P01_01_seq_00001"


def test_what_is_not_as_it_should_be(davis):
    touch(davis, "Annotations_unsupervised/480p/bear/00009.png")
    with pytest.raises(StoreError, match=r"bear/00009\.png: is the mask of no frame, as JPEGIm"):
        videos(Davis2017Config(root=davis))
    (davis / "ImageSets/2017/train.txt").write_text("bear\nbear\n")
    with pytest.raises(StoreError, match=r"train\.txt, line 2: lists bear again, after line 1"):
        videos(Davis2017Config(root=davis))
    (davis / "ImageSets/2017/train.txt").write_text("wolf\n")
    with pytest.raises(
        StoreError, match=r"480p/wolf: holds no frame, but ImageSets/2017/train\.txt"
    ):
        videos(Davis2017Config(root=davis))
    (davis / "ImageSets/2017/train.txt").unlink()
    with pytest.raises(ConfigError, match=r"train\.txt: no such list.* datasets\.mine\.splits"):
        videos(Davis2017Config(root=davis))


@pytest.mark.parametrize("model", [Davis2017Config, VisorConfig])
def test_settings(model):
    settings = model(root="/data", every=2)
    assert from_pairs(model, to_pairs(settings)) == settings
