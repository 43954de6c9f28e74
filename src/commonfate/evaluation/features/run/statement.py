"""Protocols in full, as sentences that stand beside their numbers."""

from collections.abc import Callable, Mapping
from typing import Any

from commonfate.base.text import counted
from commonfate.evaluation.features.benchmarks import CarryingSettings
from commonfate.evaluation.features.run.parts import Part
from commonfate.evaluation.features.settings import (
    ClusteringSettings,
    FcnSettings,
    ForegroundClusteringSettings,
    ForegroundSettings,
    KnnSettings,
    ProbeSettings,
    PrototypesSettings,
    RetrievalSettings,
    ScoreSettings,
)

CLASSES_COUNTED = "void (255) left out; mean over the classes that occur"


def encoder_of(part: Part) -> str:
    """Name of the encoder of a part's features, as it was given to `commonfate features`."""
    record = part.stores.reader(part.items[0][0]).provenance
    return str(record.get("settings", {}).get("encoder", "an unnamed encoder"))


def opening(test: Part, train: Part | None) -> str:
    """Features and items."""
    parts = [f"{_of(test)} {_are(test)} scored"]
    if train is not None:
        parts.append(f"{_of(train)} {_are(train)} learnt from")
    if test.shards is None:
        return f"{'; '.join(parts)}."
    video = test.items[0][0]
    reader = test.stores.reader(video)
    shapes = ", ".join(
        f"{name} {'x'.join(map(str, reader.shape(video, name)))}" for name in reader.names
    )
    return f"Encoder {encoder_of(test)}, view {test.view} ({shapes} of the first); " + (
        f"{'; '.join(parts)}."
    )


def _are(part: Part) -> str:
    return "is" if len(part.items) == 1 else "are"


def _of(part: Part) -> str:
    videos, frames = len({video for video, _ in part.items}), len(part.items)
    count = counted(frames, "image")
    if videos < frames:
        count = f"{counted(frames, 'frame')} of {counted(videos, 'video')}"
    return f"{count} of split {part.listing.split} of {part.listing.where}"


def of_protocol(name: str, settings: Any, released: bool, details: Mapping[str, Any]) -> str:
    """Sentences on a protocol.

    Args:
        name: of the protocol.
        settings: of the scoring.
        released: the scoring.
        details: numbers that are no settings, e.g. `clip_length`.
    """
    return SENTENCES[name](settings, released, details)


def _head(settings: ProbeSettings, classes: str) -> str:
    kind = "One linear layer"
    if isinstance(settings, FcnSettings):
        kind = f"An FCN head (three 3x3 layers of {settings.width}, dropout)"
    size = f"{settings.side}x{settings.side} pixels" if settings.side else "the grid of the tokens"
    decay = (
        f"to a tenth every {counted(settings.drop_every, 'epoch')}"
        if settings.drop_every
        else "by a cosine"
    )
    void = ", void as a class of its own" if settings.void_is_a_class else ""
    changes = (
        "on crops of 0.8 to 1 of the images' area that are drawn anew in each epoch, half of them "
        "flipped"
        if settings.augmented
        else "without augmentation"
    )
    return (
        f"{kind} from frozen tokens to {counted(settings.outputs, 'output')}{void} "
        f"({classes}), trained at {size} for {counted(settings.epochs, 'epoch')} of batches of "
        f"{counted(settings.batch_size, 'image')} "
        f"({settings.optimiser}, learning rate {settings.learning_rate:g} that falls {decay}, "
        f"weight decay {settings.weight_decay:g}, seed {settings.seed}), {changes}, in a "
        f"shuffled order. {_scored(settings.score)}"
    )


def _scored(score: ScoreSettings) -> str:
    size = f"{score.side}x{score.side} pixels" if score.side else "the size of the view's picture"
    epoch = {
        "last": "The last epoch",
        "best": "The epoch that is best on the scored images themselves",
    }[score.keep]
    first = f", the first {counted(score.images, 'image')} alone" if score.images else ""
    absent = (
        "void (255) left out; mean over all classes, 0 for those that do not occur"
        if score.absent_as_zero
        else CLASSES_COUNTED
    )
    return (
        f"{epoch} is scored{first}, at {size}: IoU of each class over the pixels of all images, "
        f"{absent}."
    )


def _linear(settings: ProbeSettings, released: bool, details: Mapping[str, Any]) -> str:
    return _head(settings, details["classes"])


def _fcn(settings: ProbeSettings, released: bool, details: Mapping[str, Any]) -> str:
    return _head(settings, details["classes"])


def _retrieval(settings: RetrievalSettings, released: bool, details: Mapping[str, Any]) -> str:
    return (
        f"Each patch takes the classes of {_nearest(settings.k)} (cosine, softmax "
        f"at temperature {settings.temperature:g}) in a memory of at most "
        f"{counted(settings.memory, 'patch', 'patches')} of the training images (seed "
        f"{settings.seed}), {counted(settings.classes, 'class', 'classes')} "
        f"({details['classes']}); enlarged bilinearly to the view's picture. IoU of each class "
        f"over the pixels of all images, {CLASSES_COUNTED}."
    )


def _nearest(k: int) -> str:
    return "its most similar patch" if k == 1 else f"its {k} most similar patches"


def _repeated(settings: ClusteringSettings | PrototypesSettings, measured: str) -> str:
    """Clusterings that a score is of, with their seeds; of one there is no mean."""
    first, count = settings.seed, settings.repeats
    if count == 1:
        return f"clustered once (seed {first})"
    return f"{measured} of {count} clusterings (seeds {first} to {first + count - 1})"


def _best(starts: int) -> str:
    """Runs of K-means of which the best is taken, in brackets after a space."""
    return f" (best of {starts} runs)" if starts > 1 else ""


def _clustering(settings: ClusteringSettings, released: bool, details: Mapping[str, Any]) -> str:
    k = "as many clusters as there are true classes"
    return _clustered(
        settings, counted(settings.clusters, "cluster") if settings.clusters else k, details
    )


def _clustered(settings: ClusteringSettings, k: str, details: Mapping[str, Any]) -> str:
    """Sentences on a clustering into `k`, e.g. `21 clusters`."""
    unit = {
        "frame": "Each frame is clustered alone",
        "clip": f"Each clip of {counted(details['clip_length'], 'annotated frame')} is clustered "
        "alone",
        "dataset": "All frames of the data set are clustered together",
    }[settings.level]
    matching = {
        "hungarian": "matched to classes one to one by IoU (Hungarian)",
        "many_to_one": "each given the class of its best precision",
    }[settings.matched]
    components = counted(settings.components, "principal component")
    fitted = f" of batches of {counted(settings.batch, 'clip')}" if settings.batch else ""
    enlarged = f", enlarged to {settings.side}x{settings.side}" if settings.side else ""
    void = "void is a class of its own" if settings.void_is_a_class else "void (255) left out"
    mean = "with" if settings.background else "without"
    arbitrary = (
        " The truth has objects, whose numbers are arbitrary from one video to another."
        if details["objects"] and settings.level == "dataset"
        else ""
    )
    left = " (clusters without a class count as background)" * (settings.left_over != "none")
    return (
        f"{unit}: tokens{enlarged}, standardised and reduced to {components}{fitted}, K-means "
        f"with {k}{_best(settings.starts)}, {matching} by the ground truth{left}. Mean IoU {mean} "
        f"class 0, {void}; {_repeated(settings, 'mean')}. Fitted on the scored images.{arbitrary}"
    )


def _foreground_clustering(
    settings: ForegroundClusteringSettings, released: bool, details: Mapping[str, Any]
) -> str:
    extraction = settings.extraction
    k = "one cluster less than there are true classes"
    k = counted(settings.clusters - 1, "cluster") if settings.clusters else k
    runs = f", the best of {extraction.starts} runs" if extraction.starts > 1 else ""
    return (
        f"Patches of the scored images are clustered by K-means with K = {extraction.clusters} "
        f"(seed {extraction.seed}{runs}); the {extraction.background:.0%} of the clusters that the "
        f"{extraction.mass:.0%} attention mask covers least are background, a cluster of its own. "
        f"Of the other patches: {_clustered(settings, k, details)}"
    )


def _prototypes(settings: PrototypesSettings, released: bool, details: Mapping[str, Any]) -> str:
    size = f"{settings.side}x{settings.side}" if settings.side else "the size of the view's picture"
    return (
        "Patches of more than average attention are the object of an image; the objects' mean "
        f"tokens (length 1, {counted(settings.components, 'whitened component')}) are clustered "
        f"by K-means with K = {settings.clusters}{_best(settings.starts)}, clusters and background "
        f"matched to classes one to one by their pixels (Hungarian, by the ground truth), at "
        f"{size}. Mean IoU over background and classes that occur, void (255) left out; "
        f"{_repeated(settings, 'mean and deviation')}. Fitted on the scored images."
    )


def _foreground(settings: ForegroundSettings, released: bool, details: Mapping[str, Any]) -> str:
    cut = (
        "the cut is tuned on the training images' ground truth, and the scored images are "
        "clustered anew"
        if settings.tuned
        else f"the {settings.background:.0%} least precise clusters are background"
    )
    size = f"{settings.side}x{settings.side}" if settings.side else "the size of the view's picture"
    void = "counts as foreground" if settings.void_is_foreground else "is left out"
    return (
        f"Tokens of the training images ({counted(settings.components, 'principal component')}) "
        f"are clustered by K-means with K = {settings.clusters}{_best(settings.starts)}, seed "
        f"{settings.seed}; a cluster's precision is "
        f"the share of it in the {settings.mass:.0%} attention mask; {cut}. Jaccard index of the "
        f"foreground (all classes but 0) of each image at {size}, mean over images; void {void}."
    )


def _knn(settings: KnnSettings, released: bool, details: Mapping[str, Any]) -> str:
    listed = ", ".join(map(str, settings.k))
    return (
        f"The class token's k most similar training images (cosine) vote with weight exp(cosine / "
        f"{settings.temperature:g}), k = {listed}; share of the images whose class is right."
    )


def _localization(settings: None, released: bool, details: Mapping[str, Any]) -> str:
    least = "by over half"
    if released:
        least = "by at least half (boxes in whole pixels, 1e-7 added to heights and unions)"
    without = "are wrong" if released else "are left out"
    return (
        "The box around the largest part of the second eigenvector's positive side, the smaller "
        "one of the two (Deep Spectral Methods), one an image. CorLoc: share of the images whose "
        f"box overlaps one of the true boxes {least}; difficult and truncated boxes count, crowds "
        f"do not; images without a box {without}. True boxes: {details['boxes']}."
    )


def _propagation(settings: CarryingSettings, released: bool, details: Mapping[str, Any]) -> str:
    way = {
        "still": "held still",
        "flow": "moved by optical flow, pixel by pixel from the frame before",
        "forwarder": "carried by TimeT's Feature-Forwarder (context 4, window 12, top 5)",
    }[settings.by]
    score = (
        "IoU of all objects as one, each prediction against the truth of the frame before it in "
        "the clip, foreground and background exchanged where that fits better; mean over frames"
        if released
        else "J and F of the DAVIS tools, of each object in each frame, mean over objects"
    )
    return (
        f"The first mask of clips of annotated frames {counted(settings.step, 'frame')} apart is "
        f"{way}. Scored at {details['size']}: {score}. Objects that the first "
        f"frame lacks are background."
    )


SENTENCES: dict[str, Callable[[Any, bool, Mapping[str, Any]], str]] = {
    "linear": _linear,
    "fcn": _fcn,
    "retrieval": _retrieval,
    "clustering": _clustering,
    "foreground_clustering": _foreground_clustering,
    "prototypes": _prototypes,
    "foreground": _foreground,
    "knn": _knn,
    "localization": _localization,
    "propagation": _propagation,
}
