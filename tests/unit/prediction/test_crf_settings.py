"""Settings of the CRF, and what is said where the package for it is missing."""

import sys

import numpy as np
import pytest
from pydantic import ValidationError

from commonfate.base.errors import ConfigError
from commonfate.prediction import crf
from commonfate.prediction.crf import CrfSettings


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    assert not crf.is_installed()
    frame, guess = np.zeros((4, 5, 3), np.uint8), np.full((4, 5), 0.5)
    with pytest.raises(ConfigError) as raised:
        crf.refine(frame, guess, CrfSettings())
    message = str(raised.value)
    assert "pip install 'commonfate[crf]'" in message and "C++ compiler" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "wrong", [{"iterations": 0}, {"floor": 0}, {"appearance_colour": 0}, {"smoothness_weight": -1}]
)
def test_settings_have_bounds(wrong):
    with pytest.raises(ValidationError):
        CrfSettings(**wrong)
