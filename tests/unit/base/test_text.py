"""Words of messages."""

from commonfate.base.text import counted


def test_only_a_single_thing_is_in_the_singular() -> None:
    assert [counted(number, "frame") for number in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]
    assert counted(1, "patch", "patches") == "1 patch"
    assert counted(10_240_000, "patch", "patches") == "10,240,000 patches"
