"""Tokens that are looked at, and answers that go on from some: what holds for every engine, against transformers."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from qwen_ui.engine.base import Engine, answers
from qwen_ui.engine.local import looking
from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Answer, Message, Sampling, TokenLook, text_of
from tests.engine.conftest import STORY, held, idle
from tests.fakes import FakeEngine

QUESTION = "Name one river."
HEADLINE = "The capital of France is Paris, and 北京是中国的首都 👍🏽."
TURNS = [Message("system", "Be brief."), Message("user", QUESTION)]


async def answered(engine: Engine, messages: Sequence[Message], begun: Sequence[int] = (), **sampling: Any) -> Answer:
    """The whole answer to a conversation."""
    return [answer async for answer in answers(engine, messages, Sampling(**sampling), begun=begun)][-1]


def reference_look(loaded: Any, ids: Sequence[int]) -> torch.Tensor:
    """(tokens - 1, vocabulary): the probabilities of what follows each, of the whole at once, without a cache."""
    with torch.inference_mode():
        probabilities: torch.Tensor = loaded.model(torch.tensor([ids])).logits[0, :-1].float().softmax(-1)
    return probabilities


def assert_as_transformers(looks: Sequence[TokenLook], probabilities: torch.Tensor) -> None:
    for look, row in zip(looks, probabilities, strict=True):
        assert look.probability == pytest.approx(float(row[look.id]), abs=1e-3)
        assert look.probability is not None
        assert look.rank is not None
        assert abs(float(row.sort(descending=True).values[look.rank - 1]) - look.probability) < 1e-3
        best = row.topk(len(look.alternatives)).values.tolist()
        assert [each.probability for each in look.alternatives] == pytest.approx(best, abs=1e-3)
        assert [float(row[each.id]) for each in look.alternatives] == pytest.approx(best, abs=1e-3)


async def test_a_text_is_looked_at_as_transformers_has_it(
    real: Engine, loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "STEP_TOKENS", 7)
    looks = await real.tokens(HEADLINE, top=7)
    ids = loaded.tokenizer(HEADLINE)["input_ids"]
    assert [look.id for look in looks] == ids
    assert text_of([look.token for look in looks]) == HEADLINE
    assert (looks[0].probability, looks[0].rank, looks[0].alternatives) == (None, None, ())
    assert {len(look.alternatives) for look in looks[1:]} == {7}
    assert_as_transformers(looks[1:], reference_look(loaded, ids))
    await idle(real)


async def test_an_answer_is_looked_at_behind_its_prompt(real: Engine, loaded: Any) -> None:
    answer = await answered(real, TURNS, max_new_tokens=24, temperature=1.5, top_k=0, top_p=1)
    looks = await real.tokens(messages=[*TURNS, Message("assistant", answer.text, answer.tokens)], top=3)
    assert [look.id for look in looks] == list(answer.tokens)
    assert text_of([look.token for look in looks]) == answer.text
    prompt = loaded.tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in TURNS], add_generation_prompt=True, return_dict=True
    )["input_ids"]
    whole = reference_look(loaded, [*prompt, *answer.tokens])
    assert_as_transformers(looks, whole[len(prompt) - 1 :])


async def test_a_greedy_answer_is_the_likeliest_one(each: Engine) -> None:
    answer = await answered(each, TURNS, max_new_tokens=8, temperature=0)
    written = Message("assistant", answer.text)  # whose ids are not known
    for said in (written, Message("assistant", answer.text, answer.tokens)):
        looks = await each.tokens(messages=[*TURNS, said])
        assert "".join(look.token for look in looks) == answer.text
        assert isinstance(each, FakeEngine) or [look.rank for look in looks] == [1] * len(looks)


async def test_a_branch_goes_on_as_generate_does_from_its_ids(real: Engine, loaded: Any) -> None:
    first = await answered(real, TURNS, max_new_tokens=12, temperature=0)
    looks = await real.tokens(messages=[*TURNS, Message("assistant", first.text, first.tokens)])
    begun = [*first.tokens[:3], looks[3].alternatives[1].id]
    branch = await answered(real, TURNS, begun, max_new_tokens=12, temperature=0)
    prompt = loaded.tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in TURNS], add_generation_prompt=True, return_dict=True
    )["input_ids"]
    with torch.inference_mode():
        out = loaded.model.generate(torch.tensor([[*prompt, *begun]]), max_new_tokens=12, do_sample=False)
    expected = [token for token in out[0, len(prompt) :].tolist() if token not in loaded.tokenizer.all_special_ids]
    assert list(branch.tokens) == expected
    assert branch.text == loaded.tokenizer.decode(expected)
    assert branch.usage is not None
    assert branch.usage.new_tokens <= 12
    assert branch.usage.prompt_tokens == len(prompt) + len(begun)
    await idle(real)


async def test_what_an_answer_begins_with_comes_first_and_whole(each: Engine) -> None:
    first = await answered(each, TURNS, max_new_tokens=6, temperature=0)
    begun = first.tokens[:3]
    async with each.stream(TURNS, Sampling(max_new_tokens=6, temperature=0), begun=begun) as stream:
        chunks = [chunk async for chunk in stream]
    told = next(chunk for chunk in chunks if chunk.text)
    assert told.text
    assert first.text.startswith(told.text)
    tokens = [token for chunk in chunks for token in chunk.tokens]
    assert tuple(tokens[: len(first.tokens)]) == first.tokens
    await idle(each)


async def test_an_answer_that_begins_with_its_end_is_whole(real: Engine, loaded: Any) -> None:
    river = loaded.tokenizer("The Nile")["input_ids"]
    answer = await answered(real, TURNS, [*river, loaded.tokenizer.eos_token_id], max_new_tokens=9)
    assert (answer.text, answer.tokens) == ("The Nile", tuple(river))
    assert answer.usage is not None
    assert (answer.usage.ended, answer.usage.new_tokens) == ("stop", 0)
    await idle(real)


async def test_told_to_stop_before_its_turn_an_answer_keeps_what_it_began_with(real: Engine, loaded: Any) -> None:
    river = loaded.tokenizer("The Nile")["input_ids"]
    async with real.stream(STORY, Sampling()), real.stream(TURNS, Sampling(), begun=river) as stream:
        assert (await anext(stream)).position == 1
        stream.cancel()
        chunk = await anext(stream)
    assert (chunk.text, chunk.tokens, chunk.usage and chunk.usage.ended) == ("The Nile", tuple(river), "cancelled")
    await idle(real)


@pytest.mark.parametrize("begun", [[2**40], [-1], [49_999_999], [2, 5]], ids=["huge", "negative", "unknown", "ended"])
async def test_ids_that_can_t_begin_an_answer_are_refused(real: Engine, begun: list[int]) -> None:
    with pytest.raises(InvalidInput, match=r"no token of this model|can't go on after"):
        await answered(real, TURNS, begun)
    assert held(real) == 0


SAID = [Message("user", "Hi"), Message("assistant", "Hello")]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "either a text or a conversation"),
        ({"text": "Hi", "messages": SAID}, "either a text or a conversation"),
        ({"messages": SAID[:1]}, "must be the assistant's"),
        ({"messages": SAID[1:]}, "message is empty"),
        ({"messages": [SAID[0], Message("assistant", "")]}, "nothing to look at"),
        ({"messages": [SAID[0], Message("assistant", "Hello", (49_999_999,))]}, "no token of this model"),
        ({"text": "Hi", "top": 0}, "1 to 50"),
        ({"text": "Hi", "top": 51}, "1 to 50"),
        ({"text": "one two " * 300}, "at most 512 tokens"),
        ({"text": "x" * 1_000_000}, "at most 512 tokens"),
        ({"messages": [SAID[0], Message("assistant", "long " * 9000)]}, "context of 8,192"),
        ({"messages": [SAID[0], Message("assistant", "x" * 1_000_000)]}, "context of 8,192"),
    ],
)
async def test_what_can_t_be_looked_at_is_refused(real: Engine, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        await real.tokens(**asked)
    assert held(real) == 0
