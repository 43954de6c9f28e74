"""Which settings of a record are told: those that are not the default."""

import pytest

from commonfate.flow.settings import FlowSource
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.tables.explain import own_settings

GWM = GwmSettings(width=16, merge={"features": "network"}).model_dump(mode="json")
FLOW = {
    "source": FlowSource(estimator="dis", preset="fast").model_dump(mode="json"),
    "gaps": [-1, 1],
    "container": "zarr",
    "steps_per_pixel": 32,
    "tiff_layout": "planar",
}
FRAMES = {"shard": 3, "gaps": [1], "backend": "auto", "timeout_s": 300.0, "codec": "png"}


@pytest.mark.parametrize(
    ("verb", "settings", "told"),
    [
        ("train", GWM, ["gwm", "width 16", "merge.features network"]),
        (
            "predict",
            GWM | {"checkpoint": "best", "frame_crop": "none", "adapt_steps": 0, "crf": None},
            ["gwm", "width 16", "merge.features network", "checkpoint best"],
        ),
        ("flow", FLOW, ["source.estimator dis", "source.preset fast", "gaps [-1, 1]"]),
        ("frames", FRAMES, ["gaps [1]", "codec png"]),
        ("samples", {"split": "all"}, ["split all"]),
        ("other", None, []),
        ("other", "as text", ["as text"]),
    ],
)
def test_settings_that_differ_from_their_defaults_are_told(verb: str, settings, told: list) -> None:
    assert sorted(own_settings(verb, settings)) == sorted(told)


def test_a_method_that_is_no_longer_known_tells_all_of_its_settings() -> None:
    assert own_settings("train", {"method": "old", "width": 3}) == ["old", "width 3"]
