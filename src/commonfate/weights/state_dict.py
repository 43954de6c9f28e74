"""State dicts in files of weights, read without running code.

For a file that it refuses, torch prints many lines and advises to run the file's code; here the
error is one line that says what the file is.
"""

import json
import pickle
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from commonfate.base.errors import StoreError
from commonfate.base.files import check_zip, replacing
from commonfate.weights.assets import FOREIGN_CONTENT_ADVICE, foreign_content

if TYPE_CHECKING:
    from torch import Tensor

WRAPPERS = ("model", "state_dict", "model_state_dict", "network")
"""Keys under which checkpoints keep a state dict beside other things, also one below another."""
PARALLEL = "module."
"""Prefix that DataParallel puts before each key."""
AGAIN = "fetch it again"
_FOREIGN = re.compile(r"(?:GLOBAL|class) ([\w.]+)")


def read(path: Path, safe: Sequence[Any] = ()) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    """Read a file of safetensors, or one that torch.save wrote.

    Args:
        path: the file.
        safe: further types that the file may hold, as `torch.serialization.safe_globals` takes
            them.

    Returns:
        The state dict, without wrappers and DataParallel's `module.`; and the whole checkpoint.

    Raises:
        StoreError: the file is missing, or of neither format.
    """
    whole = _safetensors(path) if path.suffix == ".safetensors" else load(path, safe)
    return _unwrapped(whole, path), whole if isinstance(whole, dict) else {}


def load(path: Path, safe: Sequence[Any] = ()) -> Any:
    """Load what torch.save wrote, tensors on the CPU; arguments and errors as of `read`."""
    import torch

    try:
        if zipfile.is_zipfile(path):  # older files of torch are no zip, and have no checksums
            check_zip(path)
        with torch.serialization.safe_globals(list(safe)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (MemoryError, StoreError):
        raise
    except Exception as error:  # damaged bytes can raise nearly anything; the cause is kept
        description, advice = identify(path, error)
        raise StoreError(f"{path}: is {description}; {advice}") from error


def metadata(path: Path) -> dict[str, str]:
    """Metadata of a safetensors file.

    Raises:
        StoreError: the file is no safetensors file.
    """
    return _open(path, lambda file: file.metadata() or {})


def halved(state: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Copies of tensors, floating ones in float16, as small files of weights hold them."""
    return {
        name: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in state.items()
    }


def write(path: Path, tensors: "Mapping[str, Tensor]", metadata: Mapping[str, str]) -> None:
    """Write a file of safetensors in one step: the same bytes for the same content.

    The library's own header has another order each time; here it is sorted.

    Args:
        path: the file.
        tensors: by name, contiguous, on the CPU.
        metadata: texts by name.
    """
    from safetensors.torch import save

    content = save(dict(tensors), dict(metadata))
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # tensors begin at a multiple of 8
    with replacing(path) as temporary:
        temporary.write_bytes(len(header).to_bytes(8, "little") + header + content[end:])


def identify(path: Path, error: Exception) -> tuple[str, str]:
    """Describe a file that cannot be read as a checkpoint.

    Args:
        path: the file.
        error: the exception that reading the file raised.

    Returns:
        Description, e.g. `an HTML page`, and advice.
    """
    text = " ".join(str(error).split())
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as reason:
        return f"a file that cannot be read ({reason.strerror})", "check its name and permissions"
    if not start:
        return "an empty file", AGAIN
    if content := foreign_content(path):
        return content, FOREIGN_CONTENT_ADVICE[content]
    if isinstance(error, SafetensorError):
        return f"no whole file of safetensors ({text})", AGAIN
    if isinstance(error, pickle.UnpicklingError) and (foreign := _FOREIGN.search(text)):
        return (
            f"a checkpoint that holds a {foreign[1]}, and making one could run code of the file",
            "if you trust it, save its state_dict alone: a dict of tensors by name",
        )
    if "TorchScript" in text:
        return "an archive of TorchScript", "save the state_dict of its model"
    if start.startswith(b"PK"):
        return f"damaged ({text.split('. ')[0]})", AGAIN
    return "no file that torch.save or safetensors wrote", "name a file of weights"


def _unwrapped(state: Any, path: Path) -> "dict[str, Tensor]":
    from torch import Tensor

    while isinstance(state, dict) and (key := _wrapper(state)):
        state = state[key]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        keys = f" with the keys {', '.join(map(str, list(state)[:5]))}" if state else ""
        raise StoreError(
            f"{path}: holds no state dict of tensors by name, but a {type(state).__name__}"
            f"{keys if isinstance(state, dict) else ''}; save the state_dict of a model"
        )
    if all(key.startswith(PARALLEL) for key in state):
        return {key.removeprefix(PARALLEL): value for key, value in state.items()}
    return state


def _wrapper(state: dict[str, Any]) -> str | None:
    return next((key for key in WRAPPERS if isinstance(state.get(key), dict)), None)


def _safetensors(path: Path) -> "dict[str, Tensor]":
    return _open(path, lambda file: {key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118


def _open(path: Path, take: Any) -> Any:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return take(file)
    except (OSError, SafetensorError) as error:
        description, advice = identify(path, error)
        raise StoreError(f"{path}: is {description}; {advice}") from error
