"""What llama.cpp's real server is found to do, on the embedded model's own file. test_contract.py tries the rest."""

import pytest_asyncio

from qwen_ui.engine.remote import RemoteEngine
from tests.engine.conftest import STORY, Open, read


@pytest_asyncio.fixture
async def llama(remote: Open) -> RemoteEngine:
    return await remote("llama.cpp")


async def test_what_it_can_do_is_found_out(llama: RemoteEngine) -> None:
    assert llama.info.remote is not None
    assert {"streaming", "usage", "stop", "n", "log-probabilities", "guided choice"} <= llama.info.remote.features
    assert "prompt log-probabilities" not in llama.info.remote.features  # it takes the field and ignores it
    assert llama.info.scoring == "first token"
    assert llama.info.context_length == 1024


async def test_an_answer_ends_within_a_word_where_that_stops_it(llama: RemoteEngine) -> None:
    text, _ = await read(llama, STORY, max_new_tokens=12, temperature=0)
    again, _ = await read(llama, STORY, max_new_tokens=12, temperature=0, stop=(text[3:6],))
    assert again == text[:3]


async def test_the_likelier_label_scores_higher(llama: RemoteEngine) -> None:
    prompts = [
        f"I love it. It is good.\nI hate it. It is bad.\n{text} It is"
        for text in ("What a lovely film.", "What an awful film.")
    ]
    (good, bad) = await llama.score(prompts, [" good", " bad"])
    assert good[0] - good[1] > bad[0] - bad[1]
