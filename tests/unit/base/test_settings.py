"""Settings as text: key=value pairs there and back, and one line for each mistake."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from commonfate.base.errors import ConfigError
from commonfate.base.settings import Settings, from_pairs, merged, parse, to_pairs
from commonfate.datasets.settings import DavisConfig, SpritesConfig
from commonfate.flow.settings import FlowSource
from commonfate.methods.feature_clustering.settings import FeatureClusteringSettings
from commonfate.methods.gwm.settings import GwmSettings, MergeSettings

POSITIVE = st.floats(1e-12, 1e12)
SIDE = st.integers(1, 100)
MERGE = st.builds(
    MergeSettings,
    features=st.sampled_from(["dino_vits8", "network", "pixels"]),
    weights=st.none() | st.text(),
    epsilon=POSITIVE,
)
GWM = st.builds(
    GwmSettings,
    components=st.integers(1, 16),
    image_size=st.tuples(SIDE, SIDE).map(lambda size: (16 * size[0], 16 * size[1])),
    clip_flow=st.none() | POSITIVE,
    flip=st.booleans(),
    learning_rate=POSITIVE,
    precision=st.sampled_from(["32-true", "16-mixed", "bf16-mixed"]),
    merge=MERGE,
)
SOURCE = st.builds(FlowSource, estimator=st.text(), weights=st.none() | st.text())
DAVIS = st.builds(
    DavisConfig,
    root=st.text().map(Path),
    gaps=st.lists(st.integers(1, 64), min_size=1, unique=True).map(tuple),
)


@given(st.one_of(GWM, SOURCE, DAVIS))
def test_pairs_give_the_settings_back(settings: Settings) -> None:
    assert from_pairs(type(settings), to_pairs(settings)) == settings


@given(st.text())
def test_any_text_survives_as_one_pair(text: str) -> None:
    pairs = to_pairs(FlowSource(estimator=text))
    assert len(pairs) == len(FlowSource.model_fields)
    assert from_pairs(FlowSource, pairs).estimator == text


def test_pairs_of_nested_settings_have_dots() -> None:
    pairs = to_pairs(GwmSettings(merge=MergeSettings(features="pixels", weights="a: b")))
    assert "merge.features=pixels" in pairs
    assert "merge.weights='a: b'" in pairs
    assert "image_size=[128, 224]" in pairs
    assert "clip_flow=null" in pairs
    assert "learning_rate=0.0007" in pairs


def test_later_pairs_win() -> None:
    assert from_pairs(FeatureClusteringSettings, ["clusters=3", "clusters=4"]).clusters == 4


def test_nested_pairs_are_gathered() -> None:
    settings = from_pairs(GwmSettings, ["merge.features=pixels", "merge.epsilon=1e-6"])
    assert settings.merge == MergeSettings(features="pixels", epsilon=1e-6)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["clusters"], "--set 'clusters': expected key=value, e.g. iterations=400"),
        (["=3"], "--set '=3': expected key=value, e.g. iterations=400"),
        (["clusters=[1"], "--set 'clusters=[1': the value is not valid YAML"),
        (
            ["cluster=3"],
            "--set: cluster is unknown; did you mean clusters? "
            "Known: method, algorithm, clusters, merge, features, weights, image_size, positions, "
            "seed",
        ),
        (["clusters=1"], "--set: clusters = 1: Input should be greater than or equal to 2"),
        (
            ["clusters.x=1"],
            "--set: clusters = {'x': 1}: Input should be a valid integer",
        ),
        (
            ["features=sift"],
            "--set: features = 'sift': Input should be 'dino_vits8', 'dino_vitb8', "
            "'dino_vits16', 'dino_vitb16' or 'pixels'",
        ),
        (
            ["image_size=[1, 2, 3]"],
            "--set: image_size = [1, 2, 3]: List should have at most 2 items after validation, "
            "not 3",
        ),
    ],
)
def test_a_wrong_pair_is_one_line(pairs: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_pairs(FeatureClusteringSettings, pairs)
    assert str(error.value) == message


def test_a_scalar_and_a_group_of_the_same_key() -> None:
    with pytest.raises(ConfigError, match="merge = 3: expected a group of the keys by, features, "):
        from_pairs(GwmSettings, ["merge.features=pixels", "merge=3"])
    settings = from_pairs(GwmSettings, ["merge=3", "merge.features=pixels"])
    assert settings.merge.features == "pixels"


def test_each_mistake_is_a_line_of_its_own() -> None:
    with pytest.raises(ConfigError) as error:
        parse(GwmSettings, {"widht": 3, "flow_model": "cubic", "merge": {"epsilon": 0}}, "a.yaml")
    assert str(error.value).splitlines() == [
        "a.yaml: flow_model = 'cubic': Input should be 'constant', 'affine' or 'quadratic'",
        "a.yaml: merge.epsilon = 0: Input should be greater than 0",
        "a.yaml: widht is unknown; did you mean width? Known: "
        + ", ".join(GwmSettings.model_fields),
    ]


def test_a_check_of_several_keys_prints_its_message_alone() -> None:
    with pytest.raises(ConfigError) as error:
        parse(GwmSettings, {"image_size": [100, 224]}, "a.yaml")
    assert str(error.value) == "a.yaml: image_size (100, 224) must be multiples of 16"


def test_long_values_are_cut() -> None:
    with pytest.raises(ConfigError) as error:
        parse(FeatureClusteringSettings, {"clusters": "x" * 1000}, "a.yaml")
    assert len(str(error.value)) < 150


class _Circle(Settings):
    shape: Literal["circle"] = "circle"
    radius: float


class _Square(Settings):
    shape: Literal["square"] = "square"
    side: float


class _Drawing(Settings):
    shapes: tuple[Annotated[_Circle | _Square, Field(discriminator="shape")], ...]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            {"shape": "square", "sides": 2, "side": 1},
            "shapes.0.sides is unknown; did you mean side? Known: shape, side",
        ),
        ({"shape": "circle"}, "shapes.0.radius is required but missing"),
        (
            {"shape": "squares"},
            "shapes.0.shape 'squares' is unknown; did you mean square? Known: circle, square",
        ),
        ({"shape": "oval"}, "shapes.0.shape 'oval' is unknown. Known: circle, square"),
        ({}, "shapes.0.shape is required but missing"),
    ],
)
def test_the_chosen_member_of_a_union_is_no_key(shape: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(_Drawing, {"shapes": [shape]}, "a.yaml")
    assert str(error.value) == f"a.yaml: {message}"


def test_merging_goes_through_groups_and_changes_neither_side() -> None:
    base, change = {"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"c": 3}, "d": [2], "e": {"f": 4}}
    assert merged(base, change) == {"a": {"b": 1, "c": 3}, "d": [2], "e": {"f": 4}}
    assert base == {"a": {"b": 1, "c": 2}, "d": [1]}


def test_settings_are_documented_key_by_key() -> None:
    for model in (GwmSettings, FeatureClusteringSettings, SpritesConfig, FlowSource):
        undocumented = [
            name
            for name, field in model.model_fields.items()
            if not field.description and name != "method"
        ]
        assert not undocumented, model


class _Lists(Settings):
    names: tuple[int, ...] = Field(min_length=1)
    """Numbers."""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "here: names = []: List should have at least 1 item after validation, not 0"),
        (3, "here: names = 3: Input should be a valid list"),
    ],
)
def test_lists_are_called_lists(value: object, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(_Lists, {"names": value}, "here")
    assert str(error.value) == message


def test_a_list_with_a_bad_item_is_not_too_short_as_well() -> None:
    with pytest.raises(ConfigError) as error:
        parse(_Lists, {"names": ["a"]}, "here")
    assert str(error.value).startswith("here: names.0 = 'a': ")
    assert "\n" not in str(error.value)
