"""Trained weights as a small file: float16 safetensors that say what they are."""

import json
from pathlib import Path
from typing import Any

import commonfate
from commonfate.training.flow import held_out
from commonfate.training.flow.task import FlowTask
from commonfate.weights import state_dict


def export(task: FlowTask, state: dict[str, Any], output: Path) -> dict[str, str]:
    """Write the weights of a finished training, and measure them as they are in the file.

    Args:
        task: what was trained.
        state: of the finished training: `model`, `seed`, `iteration`.
        output: a .safetensors file.

    Returns:
        The file's metadata: `network`, `recipe` (JSON), `seed`, `iterations`, `epe` (JSON: errors
        on the held-out pairs of these weights and of DIS, see `held_out.HeldOut.errors`) and
        `commonfate` (the version).
    """
    weights = state_dict.halved(state["model"])
    model = task.build(updates=task.settings.evaluation_updates).eval()
    model.load_state_dict(weights, strict=True)
    pairs = held_out.draw(task.settings)
    epe = {
        "weights": pairs.errors(held_out.of_network(model)),
        "dis": pairs.errors(held_out.of_dis()),
    }
    metadata = {
        "network": task.network,
        "recipe": json.dumps(task.settings.model_dump(mode="json"), sort_keys=True),
        "seed": str(state["seed"]),
        "iterations": str(state["iteration"]),
        "epe": json.dumps(epe, sort_keys=True),
        "commonfate": commonfate.__version__,
    }
    state_dict.write(output, weights, metadata)
    return metadata
