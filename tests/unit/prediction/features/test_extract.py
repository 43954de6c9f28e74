"""Extraction: equal features whatever the batch, bad frames left out, pictures cut as views say."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from commonfate.base.errors import ConfigError, StoreError
from commonfate.models.encoders import Encoder, create
from commonfate.models.grouping import spectral
from commonfate.prediction.features import extract, pictures
from commonfate.prediction.features.views import parse
from commonfate.storage.features import FeatureReader, FeatureWriter


class Video:
    """Frames in memory; None is a frame that cannot be read."""

    def __init__(self, name, frames, error=None):
        self.name = self.place = name
        self.times = range(len(frames))
        self._frames = frames
        self._error = error or StoreError("frame is damaged")

    def images(self, times):
        for t in times:
            if self._frames[t] is None:
                raise self._error
            yield t, self._frames[t]


class Means(Encoder):
    """Mean colour of each patch of 4 pixels, and of the image."""

    offers = ("tokens", "cls")

    def __init__(self, scale=1.0):
        super().__init__(3, 4)
        self.scale, self.passes = scale, []

    def _features(self, images: Tensor, names):
        images = (images * self.std + self.mean) * self.scale
        self.passes.append(tuple(images.shape))
        tokens = torch.nn.functional.avg_pool2d(images, 4).permute(0, 2, 3, 1)
        return {"tokens": tokens, "cls": tokens.mean((1, 2))}


def frames(count, size=(16, 24), seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(count)]


def features(tmp_path, videos, encoder, view="native.tokens", batch_size=4, name="x"):
    path = tmp_path / f"{name}.zarr.zip"
    names = [video.name for video in videos]
    with FeatureWriter(path, view, names, "k") as writer:
        left_out = extract.extract(videos, encoder, parse(view), writer, batch_size)
        kept = {video.name: video.times for video in videos if video.name not in left_out}
        writer.finish(kept, left_out)
    return FeatureReader(path)


def test_each_frame_has_its_own_features(tmp_path):
    videos = [
        Video("a", frames(5)),
        Video("b", frames(3, (9, 13), 1)),
        Video("c", frames(2, seed=2)),
    ]
    encoder = Means()
    reader = features(tmp_path, videos, encoder)
    for video in videos:
        for t, frame in enumerate(video._frames):
            height, width = (side // 4 * 4 for side in frame.shape[:2])
            cells = frame[:height, :width].reshape(height // 4, 4, width // 4, 4, 3)
            expected = cells.mean((1, 3)) / 255
            np.testing.assert_allclose(reader.read(video.name, t), expected, rtol=2**-11)
    # Batches of 4 of equal sizes, across videos.
    assert encoder.passes == [(4, 3, 16, 24), (3, 3, 16, 24), (3, 3, 8, 12)]


def test_the_time_of_the_encoder_is_that_of_its_passes(tmp_path, monkeypatch):
    """A pass takes 6 s, whatever the batch; reading a frame takes 100 s, which do not count."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(extract, "time", SimpleNamespace(perf_counter=lambda: clock.now))

    class Slow(Means):
        def _features(self, images, names):
            clock.now += 6
            return super()._features(images, names)

    class Far(Video):
        def images(self, times):
            for pair in super().images(times):
                clock.now += 100
                yield pair

    videos = [Far("a", frames(5)), Far("b", frames(1, (8, 12)))]
    reader = features(tmp_path, videos, Slow(), batch_size=4)
    assert reader.seconds("a") == 4 * 6 / 4 + 6
    assert reader.seconds("b") == 6


def test_many_sizes_do_not_pile_up(tmp_path):
    """At most four batches of pictures wait for others of their size."""
    videos = [Video(f"{n:02d}", frames(1, (8, 4 * n + 4))) for n in range(20)]
    encoder = Means()
    waiting = []
    original = extract.Extractor.put

    def put(self, *arguments):
        original(self, *arguments)
        waiting.append(sum(map(len, self._waiting.values())))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extract.Extractor, "put", put)
        reader = features(tmp_path, videos, encoder, batch_size=2)
    assert len(reader) == 20
    assert max(waiting) == 7


@pytest.mark.parametrize("view", ["32.tokens+keys+attention", "32.cls"])
def test_features_do_not_depend_on_the_batch_size(tmp_path, view):
    encoder = create.create("random.vit_smoke_8")
    videos = [Video("a", frames(5, (40, 50))), Video("b", frames(4, (60, 33), 1))]
    readers = [
        features(tmp_path, videos, encoder, view, batch_size, f"{batch_size}")
        for batch_size in (1, 3, 16)
    ]
    for name in readers[0].names:
        for video in videos:
            alone, *others = [reader.read_video(video.name, name) for reader in readers]
            for other in others:
                # Sums in another order, so a value may be rounded to the next float16.
                np.testing.assert_allclose(
                    other.astype("float32"), alone.astype("float32"), rtol=2**-10, atol=2e-6
                )


def test_stored_features_are_those_of_the_encoder(tmp_path):
    """Rounding to float16: an error of 2^-11 of a value, 0.0003 of a token's length."""
    encoder = create.create("random.vit_tiny_8")
    (frame,) = frames(1, (64, 64))
    reader = features(tmp_path, [Video("a", [frame])], encoder, "64.tokens")
    image = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
    exact = encoder(image)["tokens"][0].numpy()
    error = reader.read("a", 0).astype("float32") - exact
    assert (np.abs(error) <= 2**-11 * np.abs(exact) + 1e-6).all()
    lengths = np.linalg.norm(exact, axis=-1)
    assert (np.linalg.norm(error, axis=-1) / lengths).max() < 3e-4


def test_a_video_with_a_bad_frame_is_left_out(tmp_path, caplog):
    good, bad = frames(3), [*frames(2), None, *frames(1)]
    reader = features(tmp_path, [Video("bad", bad), Video("good", good)], Means(), batch_size=8)
    assert reader.videos == ["good"]
    assert reader.left_out == {"bad": "frame is damaged"}
    assert "bad: left out: frame is damaged" in caplog.text


def test_pictures_without_a_place_are_left_out(tmp_path):
    videos = [Video("line", frames(1, (20, 1))), Video("good", frames(1))]
    reader = features(tmp_path, videos, Means())
    assert reader.videos == ["good"]
    assert reader.left_out == {"line": "1x20 pixels are less than a patch of 4"}


def test_features_that_cannot_be_stored_are_left_out(tmp_path, caplog):
    white, black = (np.full((8, 8, 3), value, np.uint8) for value in (255, 0))
    videos = [Video("white", [white, white]), Video("black", [black])]
    reader = features(tmp_path, videos, Means(scale=1e5))
    assert reader.videos == ["black"]
    assert reader.left_out["white"].startswith("frame 0: its tokens reach 1e+05")
    assert caplog.text.count("white: left out") == 1


def test_errors_that_are_not_of_a_video_end_the_work(tmp_path):
    videos = [Video("a", [None], ConfigError("in none of the stores")), Video("b", frames(1))]
    with pytest.raises(ConfigError, match="in none of the stores"):
        features(tmp_path, videos, Means())


def test_what_is_staged_is_not_extracted_again(tmp_path):
    path = tmp_path / "x.zarr.zip"
    encoder, view = Means(), parse("native.tokens")
    videos = [Video("a", frames(3)), Video("b", [*frames(2), None])]
    for _ in range(2):
        with FeatureWriter(path, str(view), ["a", "b"], "k") as writer:
            extract.extract(videos, encoder, view, writer, 1)
    assert len(encoder.passes) == 5


def test_views_of_encoders_that_lack_them(tmp_path):
    with pytest.raises(ConfigError, match="no multiple of the encoder's patch of 4"):
        features(tmp_path, [Video("a", frames(1))], Means(), "30.tokens")
    with pytest.raises(ConfigError, match="has no keys, only tokens, cls"):
        features(tmp_path, [Video("a", frames(1))], Means(), "32.keys")


@pytest.mark.parametrize("size", [(32, 32), (50, 70), (20, 24)])
def test_pictures_are_resized_as_by_pillow(size):
    """The authors resize Pillow's images, by torchvision."""
    from PIL import Image
    from torchvision import transforms

    (frame,) = frames(1, size)
    frame = cv2.GaussianBlur(frame, (0, 0), 1.5)
    steps = {
        "32.tokens": [transforms.Resize((32, 32))],
        "28.cls": [
            transforms.Resize(32, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(28),
        ],
        "32crop.tokens": [transforms.Resize(32), transforms.CenterCrop(32)],
    }
    for name, listed in steps.items():
        view = parse(name)
        expected = transforms.Compose([*listed, transforms.ToTensor()])(Image.fromarray(frame))
        actual = pictures.picture(frame, view.place(size, 4), view.bicubic)
        assert actual.shape == expected.shape
        assert (actual - expected).abs().max() * 255 < 1.01  # a rounding


def test_truth_lies_where_the_picture_does():
    truth = np.zeros((20, 40), np.uint8)
    truth[:, 20:] = 7
    view = parse("16crop.tokens")
    placement = view.place((20, 40), 4)
    assert (pictures.labels(truth, placement) == np.repeat([[0, 7]], 8, 1)).all()
    native = parse("native.tokens").place((20, 40), 16)
    assert np.array_equal(pictures.labels(truth, native), truth[:16, :32])


def test_eigenvectors_are_those_of_unrounded_keys(tmp_path):
    """No keys are stored; an image of one colour has the constant vector alone."""
    encoder = create.create("random.vit_smoke_8")
    textured, plain = frames(1, (45, 60))[0], np.full((24, 24, 3), 90, np.uint8)
    videos = [Video("a", [textured]), Video("b", [plain])]
    reader = features(tmp_path, videos, encoder, "native.eigenvectors")
    assert reader.names == ["eigenvectors", "eigenvalues"]
    image = torch.from_numpy(textured[:40, :56].copy()).permute(2, 0, 1)[None].float() / 255
    keys = encoder(image, ["keys"])["keys"][0].numpy()
    expected = spectral.spectrum(keys.reshape(35, -1))
    vectors = reader.read("a", 0, "eigenvectors")
    assert vectors.dtype == np.float32 and vectors.shape == (5, 5, 7)
    np.testing.assert_allclose(vectors.reshape(5, 35), expected.vectors, atol=1e-4)
    np.testing.assert_allclose(reader.read("a", 0, "eigenvalues"), expected.values, atol=1e-4)
    assert reader.read("b", 0, "eigenvalues")[0] == 0
    assert reader.size("a") == (45, 60)


def test_eigenvectors_beside_keys(tmp_path):
    videos = [Video("a", frames(2, (32, 40)))]
    encoder = create.create("random.vit_smoke_8")
    reader = features(tmp_path, videos, encoder, "native.keys+eigenvectors")
    assert reader.names == ["keys", "eigenvectors", "eigenvalues"]
    assert reader.read("a", 1, "keys").shape == (4, 5, 48)
    with pytest.raises(ConfigError, match="has no keys"):
        extract.check(Means(), parse("native.eigenvectors"))


def test_keys_that_are_not_finite_have_no_eigenvectors(tmp_path):
    class Broken(Means):
        offers = ("keys",)

        def _features(self, images, names):
            keys = torch.ones(len(images), 4, 6, 3)
            keys[0] = float("nan")
            return {"keys": keys}

    videos = [Video("a", frames(1)), Video("b", frames(1))]
    reader = features(tmp_path, videos, Broken(), "native.eigenvectors", batch_size=2)
    assert reader.left_out == {"a": "frame 0: its keys are not finite: NaN or infinity"}
    assert np.isnan(reader.read("b", 0, "eigenvalues")[1:]).all()


def test_digests_tell_weights_apart():
    names = ("random.vit_smoke_8", "random.vit_demo_8")
    first = [extract.digest(create.create(name)) for name in names]
    assert first == [extract.digest(create.create(name)) for name in names]
    assert len({*first, extract.digest(create.create(names[0], seed=1))}) == 3
