"""Trained weights as a small file: float16 safetensors that say what they are."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

import commonfate
from commonfate.base.files import replacing
from commonfate.training.flow import held_out
from commonfate.training.flow.task import FlowTask


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
    weights = {
        name: value.half().contiguous() if value.is_floating_point() else value.contiguous()
        for name, value in state["model"].items()
    }
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
    with replacing(output) as temporary:
        temporary.write_bytes(_serialised(weights, metadata))
    return metadata


def _serialised(weights: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    """Safetensors with its header in sorted order: the library's own order differs every time."""
    from safetensors.torch import save

    content = save(weights, metadata)
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # tensors begin at a multiple of 8
    return len(header).to_bytes(8, "little") + header + content[end:]
