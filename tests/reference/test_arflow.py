"""ARFlow's PWC-Lite, against what the authors' released network computes."""

import json

import numpy as np
import pytest
import torch

from commonfate.flow.estimators.arflow import arflow


@pytest.fixture(scope="module")
def released(recorded):
    return recorded("arflow_pwclite.npz")


@pytest.fixture(scope="module")
def state(reference):
    weights = reference("arflow_pwclite_weights.npz")
    return {key: torch.from_numpy(value.astype(np.float32)) for key, value in weights.items()}


@pytest.fixture(scope="module")
def model(released, state):
    network = arflow(n_frames=int(released["n_frames"]), upsample=bool(released["upsample"]))
    network.load_state_dict(state, strict=True)
    return network.eval()


def bgr(released):
    images = np.stack([released["image1"], released["image2"]], axis=1)
    return torch.from_numpy(images).flip(2)


def test_parameters_have_the_names_shapes_and_order_of_the_released_network(released, model):
    keys = [[key, list(value.shape)] for key, value in model.state_dict().items()]
    assert keys == json.loads(str(released["state_dict_keys"]))
    assert sum(p.numel() for p in model.parameters()) == int(released["number_of_parameters"])


def test_flow_of_every_scale_and_both_directions(released, model):
    with torch.inference_mode():
        outputs = model({"images": bgr(released), "both_directions": True})
    for direction in ("fw", "bw"):
        flows = outputs[f"flows_{direction}"]
        assert len(flows) == sum(key.startswith(f"flows_{direction}/") for key in released) == 5
        for scale, flow in enumerate(flows):
            released.check(f"flows_{direction}/{scale}", flow)
    released.check("flows_fw/0", outputs["flows"][:, 0])


def test_flow_without_the_last_enlarging(released, state):
    network = arflow(upsample=False).eval()
    network.load_state_dict(state, strict=True)
    images = [torch.from_numpy(released[key]) for key in ("image1", "image2")]
    with torch.inference_mode():
        flows = network.decode(*(network.encode(image) for image in images))
    released.check("flows_fw_not_upsampled/0", flows[0])


def test_input_of_the_recording_is_what_prepare_gives(released, model):
    images, _ = model.prepare(bgr(released))
    np.testing.assert_allclose(images[:, 0].numpy(), released["image1"], rtol=0, atol=1e-6)
