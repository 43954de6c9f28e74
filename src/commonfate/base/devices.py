"""One GPU for each process: Snakemake counts a machine's GPUs but assigns none.

The lock files lie in the system's temporary folder, named by user and GPU. A process that dies, in
whatever way, frees its GPU, since the kernel drops the lock.
"""

import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from commonfate.base.errors import UserError

log = logging.getLogger(__name__)
VISIBLE = "CUDA_VISIBLE_DEVICES"


@contextmanager
def acquire(device: str, poll_s: float = 2.0) -> Iterator[str]:
    """Yield the torch device to use, `cpu` or `cuda`; `cuda` is a GPU that no other process has.

    The GPU is one of CUDA_VISIBLE_DEVICES if that is set (Slurm sets it), else of all GPUs of the
    machine. While other commonfate processes of the same user hold them all, this one waits. Until
    the end of the block CUDA_VISIBLE_DEVICES names this GPU alone, so CUDA must not have been used
    before in this process.

    Args:
        device: `cpu`, `cuda` or `auto`, which takes a GPU if torch can use one, else the CPU, and
            logs which.
        poll_s: seconds between two looks for a free GPU.

    Raises:
        UserError: `device` is `cuda` and there is no GPU, or torch cannot use it.
        RuntimeError: CUDA has already started in this process, so no GPU can be chosen.
    """
    if device == "cpu":
        yield "cpu"
        return
    gpus = visible_gpus()
    if not gpus:
        _fall_back_to_cpu(device, "no GPU is visible")
        yield "cpu"
        return
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_initialized():
        raise RuntimeError("a GPU must be acquired before CUDA starts in this process")
    gpu, lock = _lock_free_gpu(gpus, poll_s)
    before = os.environ.get(VISIBLE)
    os.environ[VISIBLE] = gpu
    try:
        if _torch_sees_gpu():
            log.info("using GPU %s", gpu)
            yield "cuda"
        else:
            _fall_back_to_cpu(
                device, f"torch cannot use GPU {gpu} (see python -m torch.utils.collect_env)"
            )
            yield "cpu"
    finally:
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before
        lock.release()


def listed(text: str, device: str = "auto") -> list[str]:
    """Devices that `--devices` names, one process each.

    Args:
        text: a number of devices, `all` GPUs, or a list: `cuda:0,cuda:1`, `cpu,cpu`.
        device: value of `--device`: the kind of devices if `text` is a number; `auto` takes the
            CPU, and logs it, if there is no GPU.

    Returns:
        `cpu`, `cuda` (a free one) or `cuda:N` for each.

    Raises:
        UserError: the text is none of these, contradicts `device`, or there are fewer GPUs.
    """
    gpus = len(visible_gpus())
    if text.isdigit() and int(text) and (device == "cpu" or (device == "auto" and not gpus)):
        if device == "auto":
            log.info("--devices %s: no GPU is visible; running on the CPU", text)
        return ["cpu"] * int(text)
    if text == "all" or text.isdigit():
        count = gpus if text == "all" else int(text)
        if not 0 < count <= gpus or device == "cpu":
            raise UserError(f"--devices {text}: {gpus} GPUs are visible; use e.g. cpu,cpu without")
        return ["cuda"] * count
    names = text.split(",")
    for name in names:
        kind, _, index = name.partition(":")
        if name != "cpu" and not (kind == "cuda" and index.isdigit()):
            raise UserError(
                f"--devices {text}: {name!r} is no device; expected e.g. cuda:0,cuda:1 or cpu,cpu, "
                "a number of devices, or all"
            )
        if device not in ("auto", kind):
            raise UserError(f"--devices {text}: --device {device} says otherwise; leave it out")
        if kind == "cuda" and int(index) >= gpus:
            raise UserError(f"--devices {text}: {gpus} GPUs are visible, counted from 0")
    return names


def visible_gpus() -> list[str]:
    """GPUs that this process may use, as UUIDs if nvidia-smi lists them; torch is not imported.

    Indices count as nvidia-smi counts (CUDA_DEVICE_ORDER=PCI_BUS_ID). A MIG slice is a GPU, and
    replaces the GPU that it is cut from.
    """
    installed = _installed_gpus()
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return [uuid for slices in installed for uuid in slices]
    chosen: list[str] = []
    for token in filter(None, (part.strip() for part in visible.split(","))):
        uuids = _uuids(token, installed)
        if not uuids:  # like CUDA, ignore all entries after a device that does not exist
            break
        chosen += uuids
    return list(dict.fromkeys(chosen))


def _uuids(token: str, installed: Sequence[Sequence[str]]) -> list[str]:
    """UUIDs of one entry of CUDA_VISIBLE_DEVICES, which is an index or the start of a UUID."""
    if not installed:  # without nvidia-smi only the environment names GPUs
        return [token] if re.fullmatch(r"\d+|(GPU|MIG)-.+", token) else []
    if token.isdigit():
        return list(installed[int(token)]) if int(token) < len(installed) else []
    return [uuid for slices in installed for uuid in slices if uuid.startswith(token)]


def _installed_gpus() -> list[list[str]]:
    """UUIDs by GPU index: of the GPU, or of its MIG slices."""
    try:
        listing = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    gpus: list[list[str]] = []
    for kind, uuid in re.findall(r"^ *(GPU|MIG).*\(UUID: ([^)]+)\)", listing, re.MULTILINE):
        if kind == "GPU":
            gpus.append([uuid])
        elif gpus[-1][0].startswith("GPU"):
            gpus[-1] = [uuid]
        else:
            gpus[-1].append(uuid)
    return gpus


def _lock_free_gpu(gpus: Sequence[str], poll_s: float) -> tuple[str, FileLock]:
    waiting = False
    while True:
        for gpu in gpus:
            name = f"commonfate-{os.getuid()}-{re.sub(r'[^A-Za-z0-9-]', '_', gpu)}.lock"
            lock = FileLock(Path(tempfile.gettempdir()) / name)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            return gpu, lock
        if not waiting:
            log.info("all %d GPUs are taken by other commonfate processes; waiting", len(gpus))
            waiting = True
        time.sleep(poll_s)


def _torch_sees_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _fall_back_to_cpu(device: str, reason: str) -> None:
    if device == "cuda":
        raise UserError(f"--device cuda: {reason}; use --device cpu, or --device auto")
    log.info("%s; running on the CPU", reason)
