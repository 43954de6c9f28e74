"""FlowDINO's flow loss against what the authors' code and the paper's formulas compute."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from commonfate.methods.flowdino import flow as flows
from commonfate.methods.flowdino import loss
from commonfate.methods.flowdino.settings import RELEASED_LOSS, FlowLossSettings
from commonfate.methods.flowdino.windows import feature_similarity, most_salient, slide
from commonfate.models.heads import FlowHead


@pytest.fixture(scope="module")
def data(recorded):
    return recorded("flowdino_loss.npz")


@pytest.fixture(scope="module")
def released(data):
    return data.tensors()


@pytest.fixture(scope="module")
def stable(released):
    """The flow that the released loader gives, divided by the largest norm."""
    return released["flow"] / released["max_norm"][..., None, None]


def changed(settings: FlowLossSettings, **changes: object) -> FlowLossSettings:
    return FlowLossSettings(**{**settings.model_dump(), **changes})


class Parts:
    """The steps of the loss, one by one."""

    def __init__(self, released: dict[str, Tensor], flow: Tensor, settings: FlowLossSettings):
        features, saliency = released["features"].to(flow.dtype), released["saliency"]
        self.windows = slide(*features.shape[1:3], settings.window, settings.stride)
        self.on_cells = flows.on_cells(flow, features.shape[1:3])
        self.flow = self.windows.split(self.on_cells.movedim(1, -1))
        self.known = torch.ones(self.flow.shape[:-1], dtype=torch.bool)
        self.salient = most_salient(self.windows.split(saliency), self.known)
        self.of_flow = flows.flow_similarity(
            self.flow, self.salient, settings.sigma, settings.still_below
        )
        self.of_features = feature_similarity(features, self.salient, self.windows)
        self.divergence = loss.divergence(
            loss.log_distribution(self.of_flow, self.known, settings.temperature),
            loss.log_distribution(self.of_features, self.known, settings.temperature),
            settings.divergence,
        )
        self.weights = loss.weights(
            self.flow, self.of_flow, settings.weights, settings.weight_margin
        )

    def grid(self, values: Tensor) -> Tensor:
        """By row and column of windows, and of places where there are any."""
        grid = values.unflatten(1, (self.windows.rows, self.windows.columns))
        size = self.windows.size
        return grid.unflatten(3, (size, size)) if grid.ndim == 4 else grid


def test_the_released_configuration(released, data):
    keys = ("flow_temp", "radius", "kernel_size", "stride", "static_threshold")
    recorded = [round(float(data[f"param/{key}"]), 6) for key in keys]
    ours = RELEASED_LOSS
    assert recorded == [ours.temperature, ours.sigma, ours.window, ours.stride, ours.still_below]
    assert float(released["param/loss_weight_margin"]) == pytest.approx(ours.weight_margin)
    assert str(data["param/loss_weight_mode"]) == "norm"


def test_background_is_removed(data, released, stable):
    """Eq. 1 gives the loader's flow and its largest norm, and the map of norms."""
    ours = flows.stabilised(released["raw_flow"])
    torch.testing.assert_close(ours, stable, atol=1e-6, rtol=0)
    cells = flows.on_cells(ours, released["features"].shape[1:3])
    data.check("flow_resized", cells * released["max_norm"][..., None, None])
    norms = (cells.norm(dim=1, keepdim=True) - RELEASED_LOSS.still_below).clamp(min=0)
    data.check("flow_norm_map", norms)


def test_steps_of_the_released_loss(data, released, stable):
    parts = Parts(released, stable, RELEASED_LOSS)
    data.check("saliency_argmax", parts.salient.flatten())
    data.check("flow_grid", parts.grid(parts.of_flow))
    data.check("feature_grid", parts.grid(parts.of_features))
    data.check("patch_cross_entropy", parts.grid(parts.divergence))
    data.check("patch_weight", parts.grid(parts.weights))
    kl = Parts(released, stable, changed(RELEASED_LOSS, divergence="kl"))
    data.check("patch_kl_divergence", kl.grid(kl.divergence))


def test_steps_of_the_paper_in_float64(data, released):
    """The recorded values come from similarities of features in float32."""
    exact = released["flow"].double() / released["max_norm"].double()[..., None, None]
    parts = Parts(released, exact, FlowLossSettings())
    data.check("paper/flow_similarity_64", parts.grid(parts.of_flow))
    data.check("paper/patch_weight_eq7_64", parts.grid(parts.weights))
    of_features = released["feature_grid"].double().flatten(3).flatten(1, 2)
    divergence = loss.divergence(
        loss.log_distribution(parts.of_flow, parts.known, 0.1),
        loss.log_distribution(of_features, parts.known, 0.1),
        "kl",
    )
    data.check("paper/patch_kl_64", parts.grid(divergence))
    data.check("paper/loss_mean_over_batch_64", (parts.weights * divergence).sum(1).mean())


def test_the_loss_of_the_paper(data, released, stable):
    settings = FlowLossSettings()
    value = loss.flow_loss(released["features"], released["saliency"], stable, settings)
    recorded = data["paper/loss_mean_over_batch_64"].astype("float32")
    np.testing.assert_allclose(value.numpy(), recorded, 0, 1e-5)  # float32, as `loss_with_kl`


def test_the_centre_instead_of_the_most_salient_place(data, released):
    """There, lengths are of flow less its mean over cells, directions of flow with the mean.

    The released training does not come here: its loader removes the mean before.
    """
    raw = flows.on_cells(released["raw_flow"], released["features"].shape[1:3])
    lengths = flows.stabilised(raw).norm(dim=1, keepdim=True)
    parts = Parts(released, functional.normalize(raw) * lengths, RELEASED_LOSS)
    centre = torch.full_like(parts.salient, RELEASED_LOSS.window**2 // 2)
    of_flow = flows.flow_similarity(parts.flow, centre, 0.7, 0.1)
    data.check("centre/flow_grid", parts.grid(of_flow))
    of_features = feature_similarity(released["features"], centre, parts.windows)
    data.check("centre/feature_grid", parts.grid(of_features))


@pytest.mark.parametrize(
    ("group", "changes"),
    [("", {}), ("k5_entropy/", {"window": 5, "weights": "entropy"})],
)
def test_loss_and_gradient(data, released, stable, group, changes):
    features = released["features"].clone().requires_grad_()
    salience = released["saliency"].clone().requires_grad_()
    value = loss.flow_loss(features, salience, stable, changed(RELEASED_LOSS, **changes))
    value.backward()
    data.check(f"{group}loss", value)
    data.check(f"{group}grad_features", features.grad)
    assert salience.grad is None


def test_windows_of_five(data, released, stable):
    parts = Parts(released, stable, changed(RELEASED_LOSS, window=5))
    data.check("k5_entropy/flow_grid", parts.grid(parts.of_flow))


@pytest.mark.parametrize(
    ("key", "changes"),
    [("loss_with_kl", {"divergence": "kl"}), ("unweighted/loss", {"weights": "equal"})],
)
def test_variants_of_the_loss(data, released, stable, key, changes):
    settings = changed(RELEASED_LOSS, **changes)
    data.check(key, loss.flow_loss(released["features"], released["saliency"], stable, settings))


def test_the_loss_on_other_features(data, released, stable):
    """Those of the head that the released training makes and does not use."""
    output = released["head/output"]
    data.check("head/loss", loss.flow_loss(output, released["saliency"], stable, RELEASED_LOSS))


def test_the_loss_in_float64(released):
    exact = released["flow"].double() / released["max_norm"].double()[..., None, None]
    value = loss.flow_loss(
        released["features"].double(), released["saliency"], exact, RELEASED_LOSS
    )
    assert value.item() == pytest.approx(released["loss_64"].item(), abs=1e-6)


def test_a_frame_that_stands_still(data, released):
    features = released["features"][:1].clone().requires_grad_()
    still = flows.stabilised(torch.zeros_like(released["flow"][:1]))
    value = loss.flow_loss(features, released["saliency"][:1], still, RELEASED_LOSS)
    value.backward()
    data.check("static/loss", value)
    data.check("static/grad_max_abs", features.grad.abs().max())


def test_the_head_that_the_released_code_never_applies(released):
    """Its output for the recorded tokens, and the loss on that: 1e-5, as the recordings say."""
    head = FlowHead(16)
    weights = {
        name.removeprefix("head/sd/"): value
        for name, value in released.items()
        if name.startswith("head/sd/")
    }
    head.load_state_dict(weights)
    with torch.no_grad():
        output = head(released["features"])
    torch.testing.assert_close(output, released["head/output"], atol=1e-5, rtol=0)
    stable = released["flow"] / released["max_norm"][..., None, None]
    of_head = loss.flow_loss(output, released["saliency"], stable, RELEASED_LOSS)
    torch.testing.assert_close(of_head, released["head/loss"], atol=1e-5, rtol=0)
