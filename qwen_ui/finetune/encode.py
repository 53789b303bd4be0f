"""Examples → tokens, and which of them the model learns to write: those bear loss."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import TemplateError as ChatTemplateError

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.rendering import Example
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.messages import Message
from qwen_ui.text.control import control_tokens, disarmed

MAX_CHARACTERS_PER_TOKEN = 32
"""No text is that dense; of a longer one only so much is tokenized as could be of use."""
MAX_TURNS = 128
"""Messages of a chat that are looked at: its template is rendered once for each answer."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example's tokens."""

    ids: list[int]
    bears_loss: list[bool]
    """For each token, whether the model learns to write it."""
    cut: bool
    """Whether something is missing because it was too long."""
    example: Example
    length: int
    """Tokens before it was cut; of a text that is far too long, those of its part that was looked at."""


@dataclass(frozen=True, slots=True)
class _Tokens:
    """A text's tokens before they are cut."""

    ids: list[int]
    learnt: list[bool]
    spare: int
    """Where the prompt's last tokens begin that have to stay: up to there it may be shortened."""
    from_start: bool
    """Whether it is shortened from its beginning; else from there backwards."""


class Encoder:
    """Encodes examples, with what needs to be found out of the tokenizer only once.

    ``tokenizer`` is a fast one of transformers', with a chat template.
    """

    def __init__(self, tokenizer: Any, settings: TrainSettings) -> None:
        self._tokenizer = tokenizer
        self._markers = control_tokens(tokenizer)
        self._most = settings.max_length
        self._all = settings.loss_on == "all"

    def encode(self, example: Example) -> Encoded:
        """The example's tokens, at most ``max_length`` of them.

        A text to be completed begins with what the tokenizer puts before any text, as when it is scored; plain text
        ends with the end-of-text token. A chat is rendered with the tokenizer's own template; its answers bear loss,
        and so do the tokens that end them. Of what is too long the prompt is cut first, down to half of the room, so
        that the answer stays: a text's beginning, or the end of what is said before the first answer of a chat. Then
        the end is cut. Raises `InvalidInput` for a chat that the template refuses.
        """
        bounded = _bounded(example, self._most * MAX_CHARACTERS_PER_TOKEN)
        make = _chat if example.turns else _completion
        tokens = make(self._tokenizer, bounded, self._markers)
        ids, learnt = _cut(tokens, self._most)
        cut = bounded is not example or len(ids) < len(tokens.ids)
        return Encoded(ids, [True] * len(ids) if self._all else learnt, cut, example, len(tokens.ids))


def encode(tokenizer: Any, example: Example, settings: TrainSettings) -> Encoded:
    """One example's tokens: see `Encoder.encode`."""
    return Encoder(tokenizer, settings).encode(example)


def _bounded(example: Example, limit: int) -> Example:
    """The example without what is surely too much; itself if that is nothing."""
    turns = tuple(
        Message(turn.role, turn.content[:limit]) if len(turn.content) > limit else turn for turn in example.turns
    )[:MAX_TURNS]
    prompt, answer = example.prompt[-limit:], example.answer[:limit]
    if (len(turns), turns, prompt, answer) == (len(example.turns), example.turns, example.prompt, example.answer):
        return example
    return replace(example, turns=turns, prompt=prompt, answer=answer)


def _completion(tokenizer: Any, example: Example, markers: Sequence[str]) -> _Tokens:
    """Prompt and answer as one text. A tokenizer may join the end of one with the start of the other: what the whole
    and the prompt alone begin with counts as the prompt, as where labels are scored."""
    prompt = disarmed(example.prompt, markers)
    ids = list(tokenizer(prompt + disarmed(example.answer, markers))["input_ids"])
    start = 0
    if prompt:
        start = min(_same(ids, tokenizer(prompt)["input_ids"]), len(ids) - 1)  # the answer keeps a token
    if not example.label and tokenizer.eos_token_id is not None:
        ids.append(tokenizer.eos_token_id)
    return _Tokens(ids, [at >= start for at in range(len(ids))], start, from_start=True)


def _chat(tokenizer: Any, example: Example, markers: Sequence[str]) -> _Tokens:
    turns = [{"role": turn.role, "content": disarmed(turn.content, markers)} for turn in example.turns]
    whole, spans = _spans(tokenizer, turns)
    encoded = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    offsets = encoded["offset_mapping"]
    learnt = [False] * len(offsets)
    at = 0
    for _, start, end in spans:
        while at < len(offsets) and offsets[at][0] < end:
            learnt[at] = learnt[at] or offsets[at][1] > start
            at += 1
    first, opened, _ = spans[0] if spans else (0, 0, 0)
    asked = turns[first - 1]["content"].strip() if spans else ""  # templates may strip it
    found = whole.rfind(asked, 0, opened)
    said_until = found + len(asked) if found >= 0 else 0
    spare = next((place for place, (start, _) in enumerate(offsets) if start >= said_until), len(offsets))
    return _Tokens(list(encoded["input_ids"]), learnt, spare, from_start=False)


def _spans(tokenizer: Any, turns: Sequence[dict[str, str]]) -> tuple[str, list[tuple[int, int, int]]]:
    """The chat as its template renders it, and each answer: which message, and from where to where it and the token
    that ends it are.

    Neither Qwen2.5's nor SmolLM2's template marks answers, so they are found by rendering what comes before them. What
    the model says before anything else is no answer.
    """
    try:
        whole = _rendered(tokenizer, turns)
        spans = []
        for place, turn in enumerate(turns):
            if turn["role"] == "assistant" and place:
                start = _same(whole, _rendered(tokenizer, turns[:place], opened=True))
                end = _same(whole, _rendered(tokenizer, turns[: place + 1]))
                spans.append((place, start, start + len(whole[start:end].rstrip())))
    except ChatTemplateError as error:
        raise InvalidInput("The model's chat template refuses this conversation: {error}", error=error) from error
    return whole, spans


def _rendered(tokenizer: Any, turns: Sequence[dict[str, str]], opened: bool = False) -> str:
    return str(tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=opened))


def _same(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How much both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cut(tokens: _Tokens, most: int) -> tuple[list[int], list[bool]]:
    """The tokens that fit, and which of them are learnt."""
    ids, learnt = tokens.ids, tokens.learnt
    if len(ids) <= most:
        return ids, learnt
    first = next((at for at, each in enumerate(learnt) if each), len(ids))
    last = next((at for at in range(first, len(ids)) if not learnt[at]), len(ids))
    room = max(most - (last - first), most // 2)
    drop = max(0, min(first - room, tokens.spare))
    start = 0 if tokens.from_start else tokens.spare - drop
    return (ids[:start] + ids[start + drop :])[:most], (learnt[:start] + learnt[start + drop :])[:most]
