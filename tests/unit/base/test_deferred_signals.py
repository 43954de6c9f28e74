"""Signals: the first is noted, the second acts."""

import os
import signal

import pytest

from commonfate.base.processes import deferred_signals


@pytest.fixture
def interruptible():
    """A shell starts its background jobs with SIGINT ignored; here it acts wherever tests run."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_first_signal_is_noted_and_the_second_acts():
    with deferred_signals() as name:
        assert name() is None
        os.kill(os.getpid(), signal.SIGINT)
        assert name() == "SIGINT"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with deferred_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
