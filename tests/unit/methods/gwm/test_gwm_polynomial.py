"""Polynomial bases and their sums over pixels."""

import pytest
import torch

from commonfate.methods.gwm import polynomial


def test_the_quadratic_model_has_the_papers_monomials():
    assert polynomial.exponents(2) == ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))


def test_coordinates_are_pixel_centres_in_a_centred_box():
    result = polynomial.powers(4, 2, torch.zeros(0))
    expected = torch.tensor([[1.0, 1, 1, 1], [-0.75, -0.25, 0.25, 0.75]])
    torch.testing.assert_close(result, torch.cat([expected, expected[1:] ** 2]))


def test_contract_sums_a_map_times_powers_by_row_then_column():
    maps = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])  # y = -1/2, 1/2; x = -2/3, 0, 2/3
    result = polynomial.contract(maps, 1)
    torch.testing.assert_close(result, torch.tensor([[21.0, 8 / 3], [4.5, 0.0]]))


def test_evaluate_gives_u_and_v_of_each_monomial():
    theta = torch.zeros(6, 2)
    theta[0] = torch.tensor([5.0, 7.0])  # 1
    theta[1, 0] = 3.0  # x, in u only
    theta[5, 1] = 4.0  # y^2, in v only
    u, v = polynomial.evaluate(theta, (2, 3), 2)
    torch.testing.assert_close(u, torch.tensor([3.0, 5.0, 7.0]).expand(2, 3))
    torch.testing.assert_close(v, torch.full((2, 3), 8.0))


@pytest.mark.parametrize(("degree", "different"), [(0, 1), (1, 6), (2, 15)])
def test_products_of_monomials_are_monomials(degree, different):
    values = torch.arange(float(different))
    products = polynomial.pick_products(values, degree)
    assert torch.equal(products, products.T)
    assert set(products.flatten().tolist()) == set(values.tolist())
    assert torch.equal(products[0], values[: len(polynomial.exponents(degree))])
