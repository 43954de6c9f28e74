"""Settings of a record that are not the usual ones: what a reader must know of how it was made."""

from collections.abc import Mapping
from typing import Any

from commonfate.flow.settings import FlowConfig, FlowSource
from commonfate.methods.settings import MethodsConfig
from commonfate.videos.settings import DecodeConfig, FramesConfig

PARTS = ("shard",)
"""Settings that tell the parts of one product apart."""
USUAL: dict[str, Mapping[str, Any]] = {
    "frames": DecodeConfig().model_dump(mode="json") | FramesConfig().model_dump(mode="json"),
    "flow": FlowConfig().model_dump(mode="json", exclude={"sources"})
    | {"source": FlowSource(estimator="").model_dump(mode="json")},
    "predict": {"frames_of": "annotated", "resolution": "network", "frame_crop": "none"}
    | {"adapt_steps": 0, "crf": None, "adapt_seed": None},
}
"""Defaults of what a verb is told beside a method's settings, by verb."""


def words(verb: str, settings: Any) -> list[str]:
    """Describe a record's settings: `key value` of each that is not its default.

    Args:
        verb: the `commonfate` verb that was told them.
        settings: as the record has them; of a method, with its name, which comes first then.
    """
    if not isinstance(settings, Mapping):
        return [] if settings is None else [str(settings)]
    usual = flat(USUAL.get(verb, {}))
    method = MethodsConfig.model_fields.get(settings.get("method", ""))
    if method is not None:
        usual += flat(method.annotation().model_dump(mode="json"))
    own = {key: value for key, value in settings.items() if key not in (*PARTS, "method")}
    name = [settings["method"]] if "method" in settings else []
    return [*name, *(word for word in flat(own) if word not in usual)]


def flat(values: Mapping[str, Any], parents: str = "") -> list[str]:
    """`key value` of every value, nested keys with dots."""
    found = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += flat(value, f"{parents}{key}.")
        else:
            found.append(f"{parents}{key} {value}")
    return found
