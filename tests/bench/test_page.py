"""Many streams through one page process: each has its own text to the end, and those that are left are freed."""

from collections.abc import Iterator

import pytest

from bench import page
from bench.page import WAYS, Measured
from bench.readers import Way
from tests.pages import free_port

STREAMS = 64
"""More than Gradio runs at once by itself."""


@pytest.fixture(scope="module")
def measured() -> Iterator[Measured]:
    with page.page(STREAMS, rate=10, port=free_port()) as measured:
        yield measured


@pytest.mark.parametrize("way", WAYS)
def test_each_of_many_streams_has_its_own_text_and_who_leaves_frees_theirs(measured: Measured, way: Way) -> None:
    carried = measured.carry(way, STREAMS, tokens=40, seconds=1, window=1)
    assert (list(carried.wrong), carried.left) == ([], STREAMS // 2)
    assert carried.freed == carried.left
    assert list(carried.logged) == []
    assert max(carried.health) < page.SETTLE
