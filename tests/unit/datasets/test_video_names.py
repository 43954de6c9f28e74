"""Identifiers: unique, safe as file names, and with the letters of any script."""

import os

import pytest

from commonfate.datasets.names import distinct, identifiers, is_utf8, printable


def test_identifiers_are_unique_and_safe():
    paths = ["cat.mp4", "cat.avi", "Dog.mp4", "dog.mp4", "-x.mp4", "a b?.mp4"]
    names = identifiers(paths, [path[-4:] for path in paths])
    assert names[:2] == ["cat.mp4", "cat.avi"]
    assert names[2].startswith("Dog.mp4-")
    assert names[3].startswith("dog.mp4-")
    assert names[4:] == ["_x", "a_b_"]
    assert len({name.lower() for name in names}) == 6


def test_identifiers_do_not_depend_on_order():
    paths = ["a/b.mp4", "a__b.mp4", "c.mp4"]
    names = identifiers(paths, [".mp4"] * 3)
    assert identifiers(paths[::-1], [".mp4"] * 3) == names[::-1]


def test_long_names_stay_below_the_limit_of_file_names():
    paths = [f"{letter * 200}/{i}.mp4" for letter in "xé一" for i in range(2)]
    names = identifiers(paths, [".mp4"] * 6)
    assert len(set(names)) == 6
    assert max(len(name.encode()) for name in names) < 140


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("一.mp4", "一"),
        ("été/Zoë.mp4", "été__Zoë"),
        ("e\u0301te\u0301.mp4", "été"),  # as macOS writes it: letters and marks apart
        ("हिन्दी.mp4", "हिन्दी"),  # vowels are marks
        ("क्लिप 😀.mp4", "क्लिप__"),
    ],
)
def test_letters_of_all_scripts_are_kept(path, name):
    assert identifiers([path], [".mp4"]) == [name]


def test_names_that_are_not_utf8_are_unique_and_safe():
    paths = [os.fsdecode(name) for name in (b"caf\xe9.mp4", b"caf\xe8.mp4")]
    names = identifiers(paths, [".mp4"] * 2)
    assert len(set(names)) == 2 and all(name.isascii() for name in names)
    assert not is_utf8(paths[0]) and is_utf8("é")
    assert [printable(path) for path in paths] == [r"caf\xe9.mp4", r"caf\xe8.mp4"]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/v/a/clip.mp4", "/v/b/clip.mp4", "/v/b/cat.mp4"], ["a__clip", "b__clip", "cat"]),
        (["/v/clip.mp4", "/v/clip.avi", "/w/Clip.mp4"], ["v__clip.mp4", "v__clip.avi", "w__Clip"]),
        (["/clip", "/a/clip"], ["clip", "a__clip"]),
    ],
)
def test_videos_of_one_name_take_their_folders_in(paths, names):
    stems = [path.rpartition("/")[2].partition(".")[0] for path in paths]
    suffixes = [
        path.rpartition("/")[2][len(stem) :] for path, stem in zip(paths, stems, strict=True)
    ]
    assert distinct(stems, paths, suffixes) == names


def test_a_name_that_its_folder_would_give_is_taken():
    paths = ["/v/a/clip.mp4", "/v/b/clip.mp4", "/v/a__clip.mp4"]
    names = distinct(["clip", "clip", "a__clip"], paths, [".mp4"] * 3)
    assert len(set(names)) == 3 and names[1] == "b__clip"
