"""Settings of all methods, by name."""

from commonfate.base.settings import Settings
from commonfate.methods.amd.settings import AmdSettings
from commonfate.methods.feature_clustering.settings import FeatureClusteringSettings
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.methods.gwm_maskformer.settings import GwmMaskFormerSettings
from commonfate.methods.residual_flow.settings import ResidualFlowSettings
from commonfate.methods.semantic.settings import SemanticSettings


class MethodsConfig(Settings):
    """Hyper-parameters of each method at this scale; tables override single keys."""

    gwm: GwmSettings = GwmSettings()
    """Guess What Moves with a U-Net."""
    gwm_maskformer: GwmMaskFormerSettings = GwmMaskFormerSettings()
    """Guess What Moves with MaskFormer."""
    amd: AmdSettings = AmdSettings()
    """Appearance-motion decomposition."""
    semantic: SemanticSettings = SemanticSettings()
    """Semantic segmentation, fine-tuned on labels."""
    residual_flow: ResidualFlowSettings = ResidualFlowSettings()
    """The flow baseline."""
    feature_clustering: FeatureClusteringSettings = FeatureClusteringSettings()
    """The appearance baseline."""
