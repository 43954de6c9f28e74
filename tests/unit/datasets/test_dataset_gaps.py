"""Frame gaps: of flow either way, of pairs forwards only; still images have neither."""

import pytest

from commonfate.base.errors import ConfigError
from commonfate.base.settings import from_pairs
from commonfate.datasets.settings import DavisConfig, SpriteImagesConfig, SpritesConfig


def test_pairs_are_of_adjacent_frames_unless_said_otherwise():
    assert SpritesConfig().pair_gaps == DavisConfig(root="/data").pair_gaps == (1,)
    assert from_pairs(SpritesConfig, ["pair_gaps=[1, 3]"]).pair_gaps == (1, 3)
    assert SpriteImagesConfig().pair_gaps == ()


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("pair_gaps=[]", "--set: pair_gaps [] must be different, at least one"),
        ("pair_gaps=[2, 2]", "--set: pair_gaps [2, 2] must be different, at least one"),
        ("pair_gaps=[0]", "--set: pair_gaps.0 = 0: "),
        ("pair_gaps=[-1]", "--set: pair_gaps.0 = -1: "),
        ("pair_gaps=[65]", "--set: pair_gaps.0 = 65: "),
        ("gaps=[0, 1]", "--set: gaps [0, 1] must be different and not 0"),
    ],
)
def test_gaps_that_are_not_allowed(pair, message):
    with pytest.raises(ConfigError) as error:
        from_pairs(SpritesConfig, [pair])
    assert str(error.value).startswith(message)


def test_still_images_make_no_pairs():
    with pytest.raises(ConfigError, match="--set: pair_gaps = "):
        from_pairs(SpriteImagesConfig, ["pair_gaps=[1]"])
