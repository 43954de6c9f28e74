"""Settings of all methods, by name."""

from typing import cast

from commonfate.base.settings import MethodSettings, Settings
from commonfate.methods.amd.settings import AmdSettings
from commonfate.methods.dino.settings import DinoSettings
from commonfate.methods.feature_clustering.settings import FeatureClusteringSettings
from commonfate.methods.first_mask.settings import FirstMaskSettings
from commonfate.methods.flow_warp.settings import FlowWarpSettings
from commonfate.methods.flowdino.settings import FlowDinoSettings
from commonfate.methods.frozen.settings import FrozenSettings
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.methods.gwm_maskformer.settings import GwmMaskFormerSettings
from commonfate.methods.maskfeat.settings import MaskFeatSettings
from commonfate.methods.motion.settings import MotionSettings
from commonfate.methods.residual_flow.settings import ResidualFlowSettings
from commonfate.methods.semantic.settings import SemanticSettings
from commonfate.methods.timet.settings import TimetSettings


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
    dino: DinoSettings = DinoSettings()
    """An encoder that learns from images without labels."""
    flowdino: FlowDinoSettings = FlowDinoSettings()
    """An encoder fine-tuned on images, and on video frames with flow."""
    maskfeat: MaskFeatSettings = MaskFeatSettings()
    """An encoder that predicts descriptors of patches, many of them masked."""
    timet: TimetSettings = TimetSettings()
    """An encoder that learns on from clips without labels."""
    frozen: FrozenSettings = FrozenSettings()
    """An encoder, measured as it is."""
    first_mask: FirstMaskSettings = FirstMaskSettings()
    """Masks given in a first frame, held still."""
    flow_warp: FlowWarpSettings = FlowWarpSettings()
    """Masks given in a first frame, moved by optical flow."""
    residual_flow: ResidualFlowSettings = ResidualFlowSettings()
    """The flow baseline, frame by frame."""
    motion: MotionSettings = MotionSettings()
    """The flow baseline, a video at a time."""
    feature_clustering: FeatureClusteringSettings = FeatureClusteringSettings()
    """The appearance baseline."""


def class_of(name: str) -> type[MethodSettings]:
    """Settings class of the method called `name`, a field of `MethodsConfig`."""
    return cast(type[MethodSettings], MethodsConfig.model_fields[name].annotation)
