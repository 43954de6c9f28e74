"""Networks and weights of every shipped scale: they can be made, at the sizes that they are fed."""

from pathlib import Path

import pytest
import torch
import yaml

from commonfate import methods
from commonfate.config import Config
from commonfate.flow.estimators import networks
from commonfate.flow.estimators import weights as flow_weights
from commonfate.models import catalogue
from commonfate.plan import Plan, join, read_declaration
from commonfate.scales import joined

ROOT = Path(__file__).parents[2]
CLASSICAL = ("dis", "farneback", "truth")


@pytest.fixture(scope="module", params=["demo", "davis", "davis_gpu", "paper", "smoke"])
def plan(request: pytest.FixtureRequest) -> Plan:
    """All tables of a scale; this folder stands in for those of its data."""
    demo = yaml.safe_load((ROOT / "config.yaml").read_text())
    path = ROOT / "config" / f"{request.param}.yaml"
    own = {} if request.param == "demo" else yaml.safe_load(path.read_text())
    files = sorted((ROOT / "workflow/tables").glob("*.yaml"))
    declared = {file.stem: read_declaration(file) for file in files}
    values = joined(demo, own)
    for dataset in values["datasets"].values():
        dataset |= {"root": "."} if "root" in dataset else {}
    built = join(Config.model_validate(values), declared)
    assert built.refused == {}
    return built


def test_weights_of_flow_sources_are_known(plan: Plan) -> None:
    for name, source in plan.config.flow.sources.items():
        if source.estimator not in CLASSICAL:
            assert source.estimator in networks.names(), name
            reference = networks.model_class(source.estimator)
            published = getattr(reference, "pretrained_checkpoints", {})
            assert source.weights in flow_weights.names(source.estimator, published), name


def test_networks_take_the_images_that_they_learn_from(plan: Plan) -> None:
    """Shapes alone are computed, of one image, without weights."""
    tried = set()
    for run in plan.runs.values():
        settings = run.settings
        network = (settings.method, *settings.slug)
        if not settings.trained or network in tried:
            continue
        tried.add(network)
        size = _size(settings)
        with torch.device("meta"), torch.no_grad():
            model = methods.create(settings.model_copy(update=_here(settings))).build(False).eval()
            image = torch.empty(1, 3, *size)
            if "features" in settings.gives:
                encoder = methods.create(settings).encoder(model)
                tokens = encoder(image, {"tokens"})["tokens"]
                assert tokens.shape[1:3] == tuple(side // encoder.patch for side in size)
            elif settings.method == "amd":
                assert model.appearance(image).shape[1] == settings.segments
                model.motion.encode(image)
            else:
                masks = model(image)
                assert masks.shape[-2:] == size or settings.method == "semantic"
    assert len(tried) >= 2


def _size(settings) -> tuple[int, int]:
    """Height and width of the images that a training sees."""
    keys = ("image_size", "crop_size", "global_crop", "crop")
    size = next(getattr(settings, key) for key in keys if hasattr(settings, key))
    return (size, size) if isinstance(size, int) else tuple(size)


def _here(settings) -> dict:
    """Without the weights that training starts from, which do not change a shape."""
    changes = {"start": None} if getattr(settings, "start", None) else {}
    if architecture := catalogue.architecture_of(getattr(settings, "encoder", "")):
        changes["encoder"] = f"random.{architecture}"
    return changes
