"""Arithmetic of 16 bits: devices that calculate in it, and those that only imitate it.

An imitated step takes longer than one of 32 bits: on a processor without the instructions a step of
Guess What Moves takes 2.5 times (AVX-512) or 9 times (AVX2) as long, with them half the time.
"""

import logging

log = logging.getLogger(__name__)

INSTRUCTIONS = ("avx512_bf16", "amx_bf16")
"""Instructions for bfloat16 of x86 processors; those of others have not been measured."""


def has_bfloat16(device: str) -> bool:
    """True if a torch device calculates in bfloat16 itself."""
    import torch

    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in INSTRUCTIONS)


def warn_if_imitated(setting: str, device: str, remedy: str) -> None:
    """Log that bfloat16 costs time on a device without it.

    Args:
        setting: that asks for it, as the user writes it.
        device: torch device.
        remedy: the setting to use.
    """
    if not has_bfloat16(device):
        log.warning(
            "%s: this device imitates bfloat16, and takes several times as long; use %s",
            setting,
            remedy,
        )
