import numpy as np
import pytest

from commonfate.base.errors import ConfigError
from commonfate.datasets.sprites import annotate, scene, shapes


@pytest.mark.parametrize("size", [(64, 96), (128, 224), (224, 128)])
def test_objects_cover_enough_and_not_too_much(size):
    for number in range(3):
        drawn = scene.draw(np.random.default_rng(number), number, size, 12)
        labels = annotate.instances(drawn, annotate.seen_layers(drawn))
        cover = (labels > 0).mean((1, 2))
        assert cover.min() > 0.04 and cover.max() < 0.4 and 0.08 < cover.mean() < 0.3


def test_the_first_objects_go_through_all_classes():
    drawn = [
        scene.draw(np.random.default_rng(number), number, (64, 96), 4)
        for number in range(len(shapes.CLASSES))
    ]
    first = {item.layers[item.objects[0]].shape.family for item in drawn}
    assert first == set(shapes.CLASSES)


def test_a_size_that_fits_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"size = \[32, 4000\]: no composition of objects fits"):
        scene.draw(np.random.default_rng(0), 0, (32, 4000), 2)
