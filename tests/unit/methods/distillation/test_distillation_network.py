"""Student and teacher: order of crops, evaluation mode, moving average, centre."""

import torch
from torch import nn

from commonfate.methods.distillation.network import Branch, Distilled
from commonfate.models.encoders import ViTEncoder


class MeanColour(nn.Module):
    """In place of an encoder: the mean colour of an image, times a weight."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, images, names):
        assert names == ("cls",)
        return {"cls": images.mean((2, 3)) * self.scale}


def distilled(momentum=0.9):
    return Distilled(Branch(MeanColour(), nn.Identity()), 3, momentum)


def views(values, side):
    """(B, V, 3, side, side) of constant colour."""
    return torch.tensor(values)[..., None, None, None].expand(
        *torch.tensor(values).shape, 3, side, side
    )


def test_logits_are_ordered_by_crop():
    outputs = distilled()(views([[1.0, 2], [10, 20]], 8), views([[3.0], [30]], 4))
    assert outputs.student[..., 0].tolist() == [[1, 10], [2, 20], [3, 30]]
    assert outputs.teacher[..., 0].tolist() == [[1, 10], [2, 20]]
    assert outputs.student.requires_grad
    assert not outputs.teacher.requires_grad


def test_without_local_crops():
    outputs = distilled()(views([[1.0, 2]], 8), torch.empty(1, 0, 3, 4, 4))
    assert outputs.student[..., 0].tolist() == [[1], [2]]


def test_the_centre_follows_in_training_alone():
    network = distilled(0.75)
    crops = views([[1.0, 3]], 8), torch.empty(1, 0, 3, 4, 4)
    assert network(*crops).centre.tolist() == [[0, 0, 0]]
    assert network.centre.tolist() == [[0.5, 0.5, 0.5]]
    network.eval()
    assert network(*crops).centre.tolist() == [[0.5, 0.5, 0.5]]
    assert network.centre.tolist() == [[0.5, 0.5, 0.5]]


def test_the_teacher_is_a_moving_average_and_copies_buffers():
    network = distilled()
    with torch.no_grad():
        network.student.backbone.scale.fill_(3)
        network.student.backbone.seen.fill_(7)
    network.follow(0.75)
    assert network.teacher.backbone.scale.tolist() == [1.5, 1.5, 1.5]
    assert network.teacher.backbone.seen == 7
    network.follow(1.0)
    assert network.teacher.backbone.scale.tolist() == [1.5, 1.5, 1.5]


def test_the_teacher_stays_in_evaluation_mode():
    encoder = ViTEncoder(8, 2, 2, 4, 8, drop_path=0.5)
    network = Distilled(Branch(encoder, nn.Identity()), 8, 0.9)
    for mode in (True, False, True):
        network.train(mode)
        assert not any(module.training for module in network.teacher.modules())
        assert all(module.training == mode for module in network.student.modules())
    assert not any(p.requires_grad for p in network.teacher.parameters())
    crops = torch.rand(16, 2, 3, 8, 8), torch.empty(16, 0, 3, 4, 4)
    first, second = network(*crops), network(*crops)
    assert torch.equal(first.teacher, second.teacher)
    assert not torch.equal(first.student, second.student)  # of which drop path drops other blocks
