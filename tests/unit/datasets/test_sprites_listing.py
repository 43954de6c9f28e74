from pathlib import Path

from commonfate.datasets.settings import SpritesConfig
from commonfate.datasets.sprites import listing


def test_paths_follow_from_the_settings_alone():
    listed = listing.videos(SpritesConfig(videos=2, frames=3), "nowhere/at_all")
    assert listed[1] == {
        "id": "sprite_0001",
        "split": "val",
        "path": Path("nowhere/at_all/videos/sprite_0001.mp4"),
        "annotation_files": [
            Path(f"nowhere/at_all/masks/sprite_0001/{name}.png")
            for name in ("00000", "00001", "00002")
        ],
        "truth": Path("nowhere/at_all/truth/sprite_0001.npz"),
    }


def test_a_quarter_is_val_and_at_least_one():
    for count, expected in [(2, 1), (3, 1), (4, 1), (7, 1), (8, 2), (12, 3), (100, 25)]:
        listed = listing.videos(SpritesConfig(videos=count, frames=2), "x")
        assert sum(video["split"] == "val" for video in listed) == expected


def test_more_videos_leave_the_split_of_the_others():
    few, many = (listing.videos(SpritesConfig(videos=n, frames=2), "x") for n in (8, 30))
    assert few == many[:8]
