"""Names of videos as nodes and files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonfate.storage.store import node_name


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("bear", "bear"),
        ("Zoë's 2nd dog.mp4", "Zoë's 2nd dog.mp4"),
        ("cats/tom", "cats%2Ftom"),
        ("__8hx", "%5F_8hx"),
        ("..", "%2E."),
        ("50%", "50%25"),
    ],
)
def test_names_by_hand(name, node):
    assert node_name(name) == node


names = st.text("%./\\_25CEFaé", min_size=1, max_size=5)


@given(names, names)
def test_different_names_stay_different_single_parts(item, other):
    assert (node_name(item) == node_name(other)) == (item == other)
    assert "/" not in node_name(item)
    assert node_name(item)[0] not in "._"
