"""Ground truth of scenes that are simple enough to work out by hand."""

import numpy as np
import pytest

from commonfate.base.errors import StoreError
from commonfate.datasets.sprites import annotate, truth, warps
from commonfate.datasets.sprites.geometry import Layer
from commonfate.datasets.sprites.scene import Scene
from commonfate.datasets.sprites.shapes import Shape

SIZE = (32, 48)


def translations(offsets):
    """Maps (T, 2, 6) that add an offset (x, y) in each frame."""
    offsets = np.asarray(offsets, float)
    return warps.affine(np.broadcast_to(np.eye(2), (len(offsets), 2, 2)), offsets)


def disc_over_background(camera, centres, pause=None):
    """A disc of radius 6 whose centre in the world is given for each frame."""
    camera, place = translations(camera), translations(-np.asarray(centres, float))
    layers = (
        Layer("background", None, np.stack([camera, translations(np.zeros((len(camera), 2)))], 1)),
        Layer("object", Shape("ellipse", 6.0, (1.0, 2.0)), np.stack([camera, place], 1)),
    )
    return Scene(SIZE, layers, (pause,))


def saved(tmp_path, scene):
    seen = annotate.seen_layers(scene)
    path = tmp_path / "truth.npz"
    truth.save(path, scene, seen, annotate.instances(scene, seen))
    return path


def bent(seed):
    """Three frames under a camera with all quadratic terms, and a disc that turns and goes."""
    rng = np.random.default_rng(seed)
    camera = translations(rng.uniform(-2, 2, (3, 2)))
    camera[:, :, 1:3] += rng.uniform(-0.03, 0.03, (3, 2, 2))
    camera[:, :, 3:] = rng.uniform(-1, 1, (3, 2, 3)) / 29**2
    place = translations(rng.uniform(-3, 3, (3, 2)))
    place[:, :, 1:3] += rng.uniform(-0.1, 0.1, (3, 2, 2))
    layers = (
        Layer("background", None, np.stack([camera, translations(np.zeros((3, 2)))], 1)),
        Layer("object", Shape("ellipse", 6.0, (1.0, 2.0)), np.stack([camera, place], 1)),
    )
    return Scene(SIZE, layers, (None,))


def test_flow_of_translations_by_hand(tmp_path):
    # The camera goes 2 right and 1 up each frame, so the background goes 2 left and 1 down; the
    # disc goes 5 right in the world, so 3 right and 1 down in the image.
    path = saved(
        tmp_path, disc_over_background([(0, 0), (2, -1), (4, -2)], [(0, 0), (5, 0), (10, 0)])
    )
    seen = truth.load(path).seen
    for t, gap in [(0, 1), (0, 2), (1, -1), (2, -2)]:
        flow = truth.flow(path, t, gap)
        assert flow.dtype == np.float32 and flow.shape == (2, *SIZE)
        for layer, velocity in [(0, (-2, 1)), (1, (3, 1))]:
            expected = np.broadcast_to(
                gap * np.array(velocity)[:, None], (2, (seen[t] == layer).sum())
            )
            np.testing.assert_allclose(flow[:, seen[t] == layer], expected, atol=1e-6)


def test_visible_at_target_by_hand(tmp_path):
    # The disc jumps from x = -10 to x = 10 over a background that goes 2 left.
    path = saved(tmp_path, disc_over_background([(0, 0), (2, 0)], [(-10, 0), (12, 0)]))
    visible = truth.visible_at_target(path, 0, 1)
    x = np.arange(48) - 23.5
    # Row 15 (y = -0.5): the first two columns leave, the disc is seen again, and the background
    # from x = 6 to 18 ends up behind the disc, which then covers 4 to 16.
    behind = (np.abs(x - 12) < np.sqrt(36 - 0.25)) & (np.abs(x + 10) > 6)
    np.testing.assert_array_equal(visible[15], ~(behind | (x - 2 < -23.5)))


def test_a_paused_object_moves_with_the_background(tmp_path):
    camera = [(0, 0), (1.5, -1), (3, 0), (4, 2)]
    scene = disc_over_background(camera, [(2, 1), (2, 1), (2, 1), (6, 1)], pause=(0, 2))
    path = saved(tmp_path, scene)
    np.testing.assert_array_equal(truth.load(path).paused[:, 0], [True, True, True, False])
    for t, gap in [(0, 1), (0, 2), (2, -1)]:
        expected = np.array(camera[t]) - np.array(camera[t + gap])
        flow = truth.flow(path, t, gap)
        np.testing.assert_allclose(flow, np.broadcast_to(expected[:, None, None], flow.shape))


@pytest.mark.parametrize("seed", range(4))
def test_there_and_back_under_a_bent_camera(tmp_path, seed):
    scene = bent(seed)
    path = saved(tmp_path, scene)
    seen = truth.load(path).seen
    rows, columns = np.indices(SIZE)
    for gap in (1, 2):
        flow = truth.flow(path, 0, gap)
        points = np.stack([columns, rows]) + flow - np.array([23.5, 15.5])[:, None, None]
        for number, layer in enumerate(scene.layers):
            here = seen[0] == number
            back = layer.image(0, layer.plane(gap, points[:, here]))
            # The flow is rounded to float32, of about 4e-7 relative to some pixels.
            expected = np.stack([columns, rows])[:, here] - np.array([[23.5], [15.5]])
            assert np.abs(back - expected).max() < 1e-5


@pytest.mark.parametrize("seed", range(4))
def test_flow_leads_to_the_same_point_of_the_layer(seed):
    scene = bent(seed)
    points = np.stack(np.meshgrid(np.arange(48) - 23.5, np.arange(32) - 15.5))
    for layer in scene.layers:
        target = layer.image(2, layer.plane(0, points))
        assert np.abs(layer.plane(2, target) - layer.plane(0, points)).max() < 1e-9


def test_boxes_and_visibility_of_a_disc_that_leaves(tmp_path):
    # Radius 6 about pixel corners: in full view it spans 12 pixels each way.
    path = saved(tmp_path, disc_over_background([(0, 0)] * 3, [(0, 0), (24, 0), (40, 0)]))
    reference = truth.load(path)
    np.testing.assert_array_equal(reference.boxes[0, 0], [18, 10, 30, 22])
    np.testing.assert_array_equal(reference.boxes[1, 0], [42, 10, 48, 22])
    assert np.isnan(reference.boxes[2, 0]).all()
    np.testing.assert_array_equal(reference.visibility[:, 0], [1, 0.5, 0])
    assert reference.class_names[reference.classes[0]] == "ellipse"


def test_frames_that_do_not_exist(tmp_path):
    path = saved(tmp_path, disc_over_background([(0, 0)] * 3, [(0, 0)] * 3))
    for t, gap in [(2, 1), (0, -1), (3, -1)]:
        with pytest.raises(ValueError, match="the video has 3 frames"):
            truth.flow(path, t, gap)


def test_a_file_that_changes_is_read_again(tmp_path):
    import os

    path = saved(tmp_path, disc_over_background([(0, 0), (1, 0)], [(0, 0)] * 2))
    assert truth.flow(path, 0, 1)[0, 0, 0] == -1
    saved(tmp_path, disc_over_background([(0, 0), (3, 0)], [(0, 0)] * 2))
    os.utime(path, ns=(1, 1))
    assert truth.flow(path, 0, 1)[0, 0, 0] == -3


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "truncated", "other"])
def test_damaged_truth_is_named(tmp_path, damage):
    path = saved(tmp_path, disc_over_background([(0, 0)] * 2, [(0, 0)] * 2))
    content = path.read_bytes()
    match damage:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("not a truth")
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "other":
            np.savez(path, something=np.zeros(3))
    with pytest.raises(StoreError, match=r"truth\.npz: cannot be read as ground truth .* again"):
        truth.flow(path, 0, 1)


def test_a_flipped_byte_is_noticed_or_does_no_harm(tmp_path):
    path = saved(tmp_path, disc_over_background([(0, 0), (2, -1)], [(0, 0), (5, 0)]))
    content, expected = path.read_bytes(), truth.flow(path, 0, 1)
    received = 0
    for position in range(0, len(content), 23):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        file = tmp_path / f"{position}.npz"
        file.write_bytes(damaged)
        try:
            np.testing.assert_array_equal(truth.flow(file, 0, 1), expected)
        except StoreError:
            received += 1
    assert received > 20
