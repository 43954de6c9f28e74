"""Trained encoders as small files: float16 safetensors in timm's names that say what they are."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import commonfate
from commonfate.models.encoders import formats
from commonfate.training import checkpoint
from commonfate.weights import state_dict


def export_encoder(path: Path, output: Path, measured: Mapping[str, Any]) -> dict[str, str]:
    """Write the encoder of a finished training.

    Args:
        path: its `checkpoint.pt`, or a snapshot; of several networks, that of the setting
            `weights_of`.
        output: a .safetensors file.
        measured: what shall be said of its quality.

    Returns:
        The file's metadata: `network`, `method`, `recipe` (JSON), `seed`, `iterations`, `measured`
        (JSON) and `commonfate` (the version).

    Raises:
        StoreError: the checkpoint is missing, damaged or foreign.
        UserError: it holds no encoder.
    """
    state = checkpoint.load(path)
    settings = state["settings"]
    encoder = formats.load(path)
    recipe = {"heads": encoder.network.blocks[0].attn.num_heads} | settings
    metadata = {
        "network": formats.description(encoder),
        "method": state["method"],
        "recipe": json.dumps(recipe, sort_keys=True),
        "seed": str(state["seed"]),
        "iterations": str(state["iteration"]),
        "measured": json.dumps(measured, sort_keys=True),
        "commonfate": commonfate.__version__,
    }
    state_dict.write(output, state_dict.halved(encoder.network.state_dict()), metadata)
    return metadata
