"""Which sequences and frames are shown."""

from commonfate.evaluation.sheets.sheet import Moment, moments


def sequences(means, frames=3):
    """Sequences `a`, `b`, ... of these J, the same in every frame."""
    return {
        name: {"metrics": {"J": mean}, "frames": {f"{t:05d}": mean for t in range(frames)}}
        for name, mean in zip("abcdefghijklmnop", means, strict=False)
    }


def names(group, shown):
    return list(dict.fromkeys(moment.name for moment in shown if moment.group == group))


def test_two_best_and_two_worst_videos():
    shown = moments(sequences([0.5, 0.9, 0.1, 0.7, 0.3]))
    assert names("Highest J", shown) == ["b", "d"]
    assert names("Lowest J", shown) == ["e", "c"]
    assert len(shown) == 4 * 3


def test_frames_of_start_middle_and_end():
    shown = moments(sequences([0.5], frames=60))
    assert shown[0] == Moment("The only sequence", "a", 10, 0.5, 0.5)
    assert [moment.t for moment in shown] == [10, 30, 50]


def test_no_sequence_is_shown_twice():
    for count in (2, 3):
        shown = moments(sequences([0.9, 0.5, 0.1][:count]))
        assert names("Highest J", shown) == ["a", "b"][: (count + 1) // 2]
        assert names("Lowest J", shown) == ["b" if count == 2 else "c"]


def test_four_images_of_either_end_and_no_mean():
    shown = moments(sequences([n / 10 for n in range(10)], frames=1))
    assert names("Highest J", shown) == list("jihg")
    assert names("Lowest J", shown) == list("dcba")
    assert shown[0] == Moment("Highest J", "j", 0, 0.9, None)


def test_equal_scores_are_ordered_by_name():
    shown = moments(sequences([0.5] * 6))
    assert names("Highest J", shown) == ["a", "b"]
    assert names("Lowest J", shown) == ["e", "f"]


def test_another_metric():
    scored = {"a": {"metrics": {"mIoU": 0.2}, "frames": {"00003": 0.4, "00005": 0.1}}}
    scored["b"] = {"metrics": {"mIoU": 0.3}, "frames": {"00000": 0.3}}
    assert moments(scored, "mIoU") == [
        Moment("Highest mIoU", "b", 0, 0.3, None),
        Moment("Lowest mIoU", "a", 3, 0.4, 0.2),
        Moment("Lowest mIoU", "a", 5, 0.1, 0.2),
    ]
