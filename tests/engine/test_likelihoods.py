"""How probable one answer is after several conversations: for every engine that can tell, against transformers."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from qwen_ui.engine.base import Engine
from qwen_ui.engine.local import likelihoods
from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from tests.engine.conftest import held, idle

HEAD = Message("system", "Answer from the passage.")
CONVERSATIONS = [
    [HEAD, Message("user", f"Passage: {passage}\n\nWhen does it close?")]
    for passage in ("…", "The museum closes at six in the evening.", "Entry is free. " * 20)
]
PARTS = ["It closes at six.", " Entry is free, and 北京是中国的首都。", "\n\nGood bye."]


def reference(loaded: Any, conversation: Sequence[Message], parts: Sequence[str]) -> list[float]:
    """The mean log-probability of each part's tokens, of the whole at once, without a cache."""
    asked = [{"role": m.role, "content": m.content} for m in conversation]
    prompt = loaded.tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"]
    answer = loaded.tokenizer.encode("".join(parts), add_special_tokens=False)
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1].float()
    given = logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None])[:, 0]
    lengths = [len(loaded.tokenizer.encode(part, add_special_tokens=False)) for part in parts]
    return [float(part.mean()) for part in given.split(lengths)]


async def test_they_are_those_of_transformers(real: Engine, loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likelihoods, "STEP_TOKENS", 11)
    monkeypatch.setattr(likelihoods, "HEAD_TOKENS", 3)
    found = await real.likelihoods(CONVERSATIONS, PARTS)
    for conversation, row in zip(CONVERSATIONS, found, strict=True):
        assert row == pytest.approx(reference(loaded, conversation, PARTS), abs=1e-3)
    assert max(found, key=lambda row: row[0]) is found[1]
    await idle(real)


async def test_one_conversation_and_one_token_are_enough(real: Engine, loaded: Any) -> None:
    (row,) = await real.likelihoods(CONVERSATIONS[:1], ["It"])
    assert row == pytest.approx(reference(loaded, CONVERSATIONS[0], ["It"]), abs=1e-3)


@pytest.mark.parametrize(
    ("conversations", "parts", "says"),
    [
        ([], PARTS, "Give conversations"),
        (CONVERSATIONS, [], "Give conversations"),
        (CONVERSATIONS, ["It", ""], "part of the answer is empty"),
        ([[Message("user", " ")]], PARTS, "message is empty"),
        (CONVERSATIONS, ["long " * 9_000], "8,192"),
    ],
)
async def test_what_can_t_be_weighed_is_refused(
    real: Engine, conversations: Sequence[Sequence[Message]], parts: Sequence[str], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        await real.likelihoods(conversations, parts)
    assert held(real) == 0


async def test_an_engine_that_can_t_tell_refuses(any_engine: Engine) -> None:
    if "likelihoods" not in any_engine.info.abilities:
        with pytest.raises(InvalidInput, match="how probable"):
            await any_engine.likelihoods(CONVERSATIONS, PARTS)
