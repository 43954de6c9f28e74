import pytest

from commonfate import methods
from commonfate.base.errors import ConfigError
from commonfate.methods.base import TrainedMethod
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.methods.residual_flow.settings import ResidualFlowSettings


def test_a_trained_method():
    assert isinstance(methods.create_trained(GwmSettings()), TrainedMethod)


def test_a_method_that_is_not_trained():
    with pytest.raises(ConfigError, match="residual_flow is not trained"):
        methods.create_trained(ResidualFlowSettings())
