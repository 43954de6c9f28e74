"""Results of several repeats, joined."""

import numpy as np
import pytest

from commonfate.evaluation.features.result import Result, over_repeats


def _result(score: float, *classes: float, notes: tuple[str, ...] = ()) -> Result:
    each = np.array(classes) if classes else None
    items = np.array([score])
    return Result({"mIoU": score}, items, np.zeros((1, 2, 2), np.uint8), classes=each, notes=notes)


def test_means_deviations_and_the_repeats_themselves() -> None:
    first, second = _result(0.2, 0.0, np.nan, 0.4), _result(0.6, 0.5, np.nan, 0.7)
    joined = over_repeats([first, second])
    assert joined.metrics == pytest.approx({"mIoU": 0.4})
    assert joined.spread == pytest.approx({"mIoU": 0.2})
    assert joined.repeats == ({"mIoU": 0.2}, {"mIoU": 0.6})
    np.testing.assert_allclose(joined.classes, [0.25, np.nan, 0.55])
    np.testing.assert_array_equal(joined.repeated_classes, [[0.0, np.nan, 0.4], [0.5, np.nan, 0.7]])
    assert joined.items.tolist() == [0.2]  # pictures are of the first


def test_results_without_classes_and_notes_that_repeat() -> None:
    joined = over_repeats([_result(0.2, notes=("few",)), _result(0.6, notes=("few", "void"))])
    assert joined.classes is None and joined.repeated_classes == ()
    assert joined.notes == ("few", "void")


def test_a_single_repeat_has_no_deviation() -> None:
    joined = over_repeats([_result(0.2, 0.1, 0.3)])
    assert joined.metrics == {"mIoU": 0.2} and joined.spread == {}
    assert joined.repeats == ({"mIoU": 0.2},)
