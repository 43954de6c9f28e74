"""What a GPU computes of a method's step and prediction is what a CPU computes."""

import math

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from torch.utils.data import default_collate

from commonfate.methods import create
from commonfate.methods.amd.settings import AmdSettings
from commonfate.methods.gwm.settings import GwmSettings, MergeSettings
from commonfate.methods.gwm_maskformer.settings import GwmMaskFormerSettings
from commonfate.methods.semantic.settings import SemanticSettings
from commonfate.samples.example import Example
from commonfate.training.learner import Learner

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

GWM = {
    "image_size": (64, 96),
    "flow_size": (96, 128),
    "merge": MergeSettings(features="network"),
}
MASKFORMER = {"backbone": "vit_small_8", "pretraining": "none", "size": "small", **GWM}
AMD = {"size": "small", "short_side": 72, "crop": (64, 64)}
METHODS = {
    "gwm": GwmSettings(width=8, **GWM),
    "gwm, logits": GwmSettings(width=8, upsample="logits", **GWM),
    "gwm, released": GwmSettings(width=8, variant="released", **GWM),
    "gwm_maskformer": GwmMaskFormerSettings(**MASKFORMER),
    "amd": AmdSettings(**AMD),
    "amd, released": AmdSettings(variant="released", normalise_features=True, **AMD),
    "semantic": SemanticSettings(classes=3, size="small", short_side=72, crop_size=(64, 64)),
}
# TF32 convolutions have 10 bits of mantissa, bfloat16 has 7; networks are a few dozen layers deep.
TOLERANCE = {"32-true": 0.01, "16-mixed": 0.02, "bf16-mixed": 0.08}


def example(seed: int) -> Example:
    """A bright block over smooth noise, which has moved by (4, 2) in the other frame."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 128, (14, 18, 3), dtype=np.uint8)
    background = np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:96, :128]
    labels = np.zeros((96, 128), np.uint8)
    labels[32:64, 40:88] = 1 + seed % 2
    frame = np.where(labels[..., None] > 0, background + 100, background)
    flow = generator.normal(0, 0.1, (2, 96, 128)).astype(np.float32)
    flow += np.float32([4, 2])[:, None, None] * (labels > 0)
    if seed:  # a sample that lacks flow somewhere
        flow[:, :3] = np.nan
    other = np.roll(frame, (2, 4), (0, 1))
    return Example(frame, flow=flow, other=other, labels=labels, seed=seed)


def steps(settings, accelerator: str, precision: str, count: int = 2) -> list[dict[str, float]]:
    """Terms of the loss and norm of the gradient of the first steps."""
    fabric = Fabric(accelerator=accelerator, devices=1, precision=precision)
    fabric.launch()
    torch.manual_seed(0)
    method = create(settings)
    learner = Learner(method, fabric)
    batch = fabric.to_device(default_collate([method.prepare(example(seed)) for seed in range(2)]))
    values = []
    for step in range(count):
        values.append(learner.gradient(batch, step))
        learner.update(method.learning_rate(step))
    assert all(value.isfinite().all() for value in learner.network.state_dict().values())
    return values


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("name", METHODS)
def test_a_step_is_that_of_the_cpu(name, precision):
    (expected, _), (result, later) = (
        steps(METHODS[name], "cpu", "32-true"),
        steps(METHODS[name], "cuda", precision),
    )
    assert result.keys() == expected.keys()
    for term in set(expected) - {"gradient_norm"}:
        assert result[term] == pytest.approx(expected[term], rel=TOLERANCE[precision], abs=1e-3)
    assert math.isfinite(later["loss"])
    if precision == "32-true":
        assert result["gradient_norm"] == pytest.approx(expected["gradient_norm"], rel=0.1)


@pytest.mark.parametrize("name", METHODS)
def test_a_prediction_is_that_of_the_cpu(name):
    torch.manual_seed(0)
    method, seen = create(METHODS[name]), example(0)
    model = method.build().eval()
    expected = method.predict(model, seen.frame, None)
    result = method.predict(model.cuda(), seen.frame, None)
    assert result.components.shape == expected.components.shape
    error = (result.components.cpu() - expected.components).abs().mean()
    assert error < 0.01
