"""`commonfate predict`: options that contradict the method are refused before anything is read."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from commonfate.base.errors import ConfigError
from commonfate.cli import predict
from commonfate.methods.semantic.settings import SemanticSettings
from commonfate.methods.settings import MethodsConfig


def test_what_learns_from_labels_is_not_adapted_to_what_it_is_scored_by(tmp_path: Path) -> None:
    settings = SemanticSettings(size="small").model_dump(mode="json")
    state = {"method": "semantic", "settings": settings, "model": {}, "iteration": 1}
    torch.save(state, tmp_path / "checkpoint.pt")
    words = [f"--manifest={tmp_path}", f"--frames={tmp_path}", f"--run={tmp_path}"]
    words += ["--adapt-steps=3", f"--index={tmp_path}", f"--output={tmp_path}/out"]
    with pytest.raises(ConfigError) as error:
        CliRunner().invoke(predict.command, words, catch_exceptions=False)
    assert str(error.value) == (
        "--adapt-steps: method semantic learns from ground truth; leave it out"
    )


def test_options_hide_no_setting_of_a_method_in_the_record() -> None:
    """AMD has a `crop`, clustering a `seed`; both were overwritten by the verb's own."""
    own = {*predict.RECORDED.values(), "best_protocol", "best_foreground", "crf", "adapt_seed"}
    for name, settings in MethodsConfig():
        assert own.isdisjoint(type(settings).model_fields), name
