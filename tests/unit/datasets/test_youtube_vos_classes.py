"""Classes of YouTube-VOS by its meta.json, and the held-out part of its training split."""

import json

import numpy as np
import pytest
from PIL import Image

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import annotations, youtube_vos_classes
from commonfate.datasets.settings import YoutubeVosConfig

META = {
    "a": {"1": {"category": "zebra"}, "3": {"category": "ape"}},
    "b": {"1": {"category": "ape"}},
    "c": {},
}


@pytest.fixture
def root(tmp_path):
    for name in "abc":
        (tmp_path / f"train_all_frames/JPEGImages/{name}").mkdir(parents=True)
        (tmp_path / f"train_all_frames/JPEGImages/{name}/00000.jpg").touch()
    for name in "ab":
        (tmp_path / f"train/Annotations/{name}").mkdir(parents=True)
        Image.fromarray(np.array([[0, 1, 2, 3, 255]], np.uint8)).save(
            tmp_path / f"train/Annotations/{name}/00000.png"
        )
    content = {"videos": {name: {"objects": objects} for name, objects in META.items()}}
    (tmp_path / "train/meta.json").write_text(json.dumps(content))
    return tmp_path


def videos(root, **settings):
    return datasets.videos("y", YoutubeVosConfig(root=root, **settings), "unused")


def test_objects_become_classes_that_mean_the_same_in_all_videos(root):
    first, second, bare = videos(root, labels="classes")
    kinds = (first.annotation_kind, second.annotation_kind, bare.annotation_kind)
    assert kinds == ("objects:2.255.1", "objects:1", "")
    labels = [
        annotations.labels(v.annotation_files[0], v.annotation_kind) for v in videos(root)[:2]
    ]
    assert labels[0].tolist() == [[0, 1, 2, 3, 255]]
    read = annotations.labels(first.annotation_files[0], first.annotation_kind)
    assert read.tolist() == [[0, 2, 255, 1, 255]]
    read = annotations.labels(second.annotation_files[0], second.annotation_kind)
    assert read.tolist() == [[0, 1, 255, 255, 255]]  # numbers that meta.json lacks are void
    foreground, void = annotations.read(first.annotation_files[0], first.annotation_kind)
    assert foreground.tolist() == [[False, True, False, True, False]]
    assert void.tolist() == [[False, False, True, False, True]]


def test_names_of_the_classes(root, tmp_path):
    settings = YoutubeVosConfig(root=root, labels="classes")
    assert datasets.class_names(settings) == ("background", "ape", "zebra")
    assert datasets.class_names(settings.model_copy(update={"labels": "instances"})) == ()
    (root / "train/meta.json").unlink()
    assert datasets.class_names(settings) == ()


def test_meta_that_is_missing_damaged_or_incomplete(root):
    meta = root / "train/meta.json"
    meta.write_text(json.dumps({"videos": {"a": {"objects": META["a"]}}}))
    with pytest.raises(StoreError, match=r"meta\.json: has no objects of the annotated video b"):
        videos(root, labels="classes")
    meta.write_text("[]")
    with pytest.raises(StoreError, match=r"meta\.json: cannot be read as YouTube-VOS' meta\.json"):
        videos(root, labels="classes")
    meta.unlink()
    with pytest.raises(StoreError, match=r"meta\.json: no such file, but classes are wanted"):
        videos(root, labels="classes")
    assert len(videos(root)) == 3
    with pytest.raises(ConfigError, match="labels classes needs annotation_kind instances"):
        videos(root, labels="classes", annotation_kind="binary")


def test_stamps_change_with_meta_if_it_is_read(root):
    def stamps(labels):
        return datasets.stamps("y", YoutubeVosConfig(root=root, labels=labels), "unused")

    before = {labels: stamps(labels) for labels in ("instances", "classes")}
    (root / "train/meta.json").write_text((root / "train/meta.json").read_text() + "\n")
    assert stamps("instances") == before["instances"]
    assert stamps("classes")["a"] != before["classes"]["a"]


def test_a_fifth_is_held_out_by_seed_and_name_alone(root):
    names = [f"{number:010x}" for number in range(5000)]

    def held_out(share=0.2, seed=0):
        settings = YoutubeVosConfig(root=root, held_out=share, held_out_seed=seed)
        return {name for name in names if youtube_vos_classes.is_held_out(name, settings)}

    fifth = held_out()
    assert 0.18 < len(fifth) / 5000 < 0.22
    assert held_out() == fifth and held_out(0.0) == set()
    assert fifth < held_out(0.3)
    assert 0.1 < len(fifth & held_out(seed=1)) / len(fifth) < 0.3
    splits = {video.id: video.split for video in videos(root, held_out=0.9)}
    assert set(splits.values()) <= {"train", "val"} and "val" in splits.values()
    assert datasets.splits(YoutubeVosConfig(root=root)) == ("train",)
    assert datasets.splits(YoutubeVosConfig(root=root, held_out=0.2)) == ("train", "val")
