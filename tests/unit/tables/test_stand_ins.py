"""The note on encoders that stand for those that rows are named after."""

from types import SimpleNamespace

from commonfate.methods.first_mask.settings import FirstMaskSettings
from commonfate.methods.frozen.settings import FrozenSettings
from commonfate.tables.stand_ins import encoders


def row(label, declared, settings):
    return SimpleNamespace(
        label=label,
        row=SimpleNamespace(settings=declared),
        run=SimpleNamespace(settings=settings),
    )


def test_encoders_are_named_with_their_rows():
    compared = [
        row("First mask", {}, FirstMaskSettings()),
        row("DINO", {"encoder": "dino.vitb8"}, FrozenSettings(encoder="random.vit_demo_8")),
        row("MSN", {"encoder": "msn.vits16"}, FrozenSettings(encoder="random.vit_demo_8", seed=1)),
        row("SwAV", {"encoder": "swav.resnet50"}, FrozenSettings(encoder="random.resnet50")),
        row("iBOT", {"encoder": "ibot.vits16"}, FrozenSettings(encoder="ibot.vits16")),
    ]
    assert list(encoders(compared)) == [
        "At this scale other encoders are measured than those that rows are named after: "
        "random.vit_demo_8 for DINO and MSN; random.resnet50 for SwAV."
    ]


def test_encoders_of_the_paper_need_no_note():
    assert not list(encoders([row("DINO", {}, FrozenSettings())]))
