import pytest

from commonfate import methods
from commonfate.base.errors import ConfigError
from commonfate.methods.base import TrainedMethod
from commonfate.methods.first_mask.settings import FirstMaskSettings
from commonfate.methods.flow_warp.settings import FlowWarpSettings
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.methods.residual_flow.settings import ResidualFlowSettings


def test_a_trained_method():
    assert isinstance(methods.create_trained(GwmSettings()), TrainedMethod)


def test_a_method_that_is_not_trained():
    with pytest.raises(ConfigError, match="residual_flow is not trained"):
        methods.create_trained(ResidualFlowSettings())


@pytest.mark.parametrize("settings", [FirstMaskSettings(), FlowWarpSettings()])
def test_methods_that_carry_masks_segment_nothing(settings):
    assert methods.create(settings).settings == settings
    with pytest.raises(ConfigError, match=f"{settings.method} predicts no segments"):
        methods.create_segmenting(settings)
