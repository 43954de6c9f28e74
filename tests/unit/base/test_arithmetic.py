"""Arithmetic of 16 bits where a processor has it, and a warning where it only imitates it."""

import pytest
import torch

from commonfate.base import arithmetic
from commonfate.flow.estimators import registry
from commonfate.flow.settings import FlowSource
from commonfate.foreground import student
from commonfate.foreground.settings import silent
from commonfate.training.launch import launch


@pytest.fixture(params=[{"avx512_bf16": True}, {"amx_bf16": True}, {"avx2": True}, {"bf16": True}])
def processor(request, monkeypatch):
    """True if the processor has the instructions."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: request.param)
    return any(name.endswith("_bf16") for name in request.param)


def test_processors_with_its_instructions_calculate_in_bfloat16(processor):
    assert arithmetic.has_bfloat16("cpu") == processor


def test_a_training_that_asks_for_it_is_warned(processor, caplog):
    launch("cpu", 1, 1, 1, "bf16-mixed", 2)
    warned = "precision = 'bf16-mixed': this device imitates bfloat16, and takes several times"
    assert (warned in caplog.text) == (not processor)


def test_a_training_in_32_bits_is_not(processor, caplog):
    launch("cpu", 1, 1, 1, "32-true", 2)
    assert "bfloat16" not in caplog.text


def test_a_flow_network_that_asks_for_it_is_warned(processor, caplog):
    registry.create(FlowSource(estimator="arflow", weights="sprites", precision="bfloat16"))
    assert ("use float32" in caplog.text) == (not processor)


def test_the_network_of_quality_best_uses_it_only_there(processor, monkeypatch):
    lesson = student.Lesson(
        torch.zeros(3, 128, 192, dtype=torch.uint8),
        torch.zeros(3, 16, 24, dtype=torch.float16),
        *torch.ones(2, 128, 192, dtype=torch.float16),
    )
    seen = []
    forward = student.Student.forward

    def watched(self, image, tokens):
        logits = forward(self, image, tokens)
        seen.append(logits.dtype)
        return logits

    monkeypatch.setattr(student.Student, "forward", watched)
    student.train([lesson], 1, 0, "cpu", silent)
    assert seen == [torch.bfloat16 if processor else torch.float32]
