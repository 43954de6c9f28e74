"""Which backbones there are, and the published weights that each can start from (Table 5)."""

from commonfate.base.errors import ConfigError, did_you_mean

# By backbone: the ways of pre-training it, and the name of each one's file of weights in
# `weights/published.csv`.
PRETRAININGS: dict[str, dict[str, str | None]] = {
    "vit_base_8": {"none": None, "dino": "dino.vitb8"},
    "vit_small_8": {"none": None, "dino": "dino.vits8"},
    "vit_small_16": {"none": None, "dino": "dino.vits16"},
    "vit_base_16": {"none": None, "dino": "dino.vitb16"},
    "swin_tiny": {"none": None, "moby": "moby.swin_tiny", "supervised": "supervised.swin_tiny"},
    "resnet50": {"none": None, "supervised": "supervised.resnet50"},
}
NAMES = tuple(PRETRAININGS)


def published(name: str, pretraining: str) -> str | None:
    """Name of the published weights of a pre-trained backbone; None without pre-training.

    Args:
        name: one of `NAMES`.
        pretraining: none, dino, moby or supervised.

    Raises:
        ConfigError: there is no such backbone, or no such weights of it.
    """
    check_name(name)
    if pretraining not in (known := PRETRAININGS[name]):
        raise ConfigError(
            f"backbone {name}: pretraining {pretraining!r} is unknown"
            f"{did_you_mean(pretraining, known) or ';'} known: {', '.join(known)}"
        )
    return known[pretraining]


def check_name(name: str) -> None:
    """Raise a ConfigError unless there is a backbone of this name."""
    if name not in PRETRAININGS:
        raise ConfigError(
            f"backbone {name!r} is unknown{did_you_mean(name, NAMES) or ';'} "
            f"known: {', '.join(NAMES)}"
        )
