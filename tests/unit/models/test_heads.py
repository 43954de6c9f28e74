"""Projection heads: layers, rows of unit length, names of published checkpoints."""

import copy

import pytest
import torch
from torch.nn import functional

from commonfate.models.heads import DinoHead, UnitRowLinear, projection


def test_rows_have_unit_length_whatever_the_parameters():
    layer = UnitRowLinear(3, 2)
    with torch.no_grad():
        layer.weight_v.copy_(torch.tensor([[3.0, 0, 4], [0, -2, 0]]))
    torch.testing.assert_close(layer.weight, torch.tensor([[0.6, 0, 0.8], [0, -1, 0]]))
    torch.testing.assert_close(layer(torch.tensor([[1.0, 2, 3]])), torch.tensor([[3.0, -2]]))
    assert not layer.weight_g.requires_grad
    assert UnitRowLinear(3, 2, learns_lengths=True).weight_g.requires_grad


def test_the_same_as_torch_weight_norm():
    plain = torch.nn.Linear(5, 4, bias=False)
    normed = torch.nn.utils.parametrizations.weight_norm(copy.deepcopy(plain))
    with torch.no_grad():
        normed.parametrizations.weight.original0.fill_(1)
    ours = UnitRowLinear(5, 4)
    ours.load_state_dict({"weight_g": torch.ones(4, 1), "weight_v": plain.weight.detach()})
    features = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(features), normed(features))
    for network in (ours, normed):
        network(features).square().sum().backward()
    theirs = normed.parametrizations.weight.original1
    torch.testing.assert_close(ours.weight_v.grad, theirs.grad)


def test_logits_are_cosines():
    torch.manual_seed(0)
    head = DinoHead(6, outputs=7, hidden=8, bottleneck=4)
    logits = head(100 * torch.randn(2, 5, 6))
    assert logits.shape == (2, 5, 7)
    assert logits.abs().max() <= 1 + 1e-6


def test_names_and_shapes_are_those_of_published_checkpoints():
    with torch.device("meta"):
        shapes = {name: tuple(p.shape) for name, p in DinoHead(384).state_dict().items()}
    assert shapes == {
        "mlp.0.weight": (2048, 384),
        "mlp.0.bias": (2048,),
        "mlp.2.weight": (2048, 2048),
        "mlp.2.bias": (2048,),
        "mlp.4.weight": (256, 2048),
        "mlp.4.bias": (256,),
        "last_layer.weight_g": (65_536, 1),
        "last_layer.weight_v": (65_536, 256),
    }


def test_a_copy_is_independent():
    head = DinoHead(4, outputs=3, hidden=4, bottleneck=2)
    other = copy.deepcopy(head)
    with torch.no_grad():
        head.last_layer.weight_v.zero_()
    assert other.last_layer.weight_v.abs().min() > 0


def test_zero_features_give_finite_logits_and_gradients():
    head = DinoHead(4, outputs=3, hidden=4, bottleneck=2)
    logits = head(torch.zeros(2, 4))
    functional.softmax(logits, -1).square().sum().backward()
    assert logits.isfinite().all()
    gradients = [p.grad for p in head.parameters() if p.requires_grad]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert head(torch.zeros(0, 4)).shape == (0, 3)


@pytest.mark.parametrize("learns", [True, False])
def test_lengths_start_at_one(learns):
    head = DinoHead(4, outputs=3, hidden=4, bottleneck=2, learns_lengths=learns)
    torch.testing.assert_close(head.last_layer.weight.norm(dim=1), torch.ones(3))


def test_gelu_is_between_layers_alone():
    head = projection(2, (2, 2))
    with torch.no_grad():
        for layer in (head[0], head[2]):
            layer.weight.copy_(torch.eye(2))
            layer.bias.fill_(-1)
    features = torch.tensor([[[2.0, 0.0]]])
    expected = functional.gelu(torch.tensor([[[1.0, -1.0]]])) - 1
    torch.testing.assert_close(head(features), expected)
    torch.testing.assert_close(projection(2, (3,))(features).shape, torch.Size((1, 1, 3)))


def test_a_head_without_layers_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        projection(4, ())
