"""The protocol that every engine follows. Nothing here knows torch, tasks, prompts or the page."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from qwen_ui.adapters.files import Base
from qwen_ui.introspect.looks import Look
from qwen_ui.introspect.results import AnyResult
from qwen_ui.messages import Answer, Chunk, Message, Sampling, TokenLook
from qwen_ui.sentences import Sentence

Ability = Literal["tokens", "likelihoods", "introspect", "texts", "tools", "forms", "seeds"]
"""What not every engine can do: look at tokens and go on from some, tell how probable an answer is after several
conversations, show how the model works, go on with a text as it is, tell the model of tools, hold an answer to a form,
draw it from a seed."""

Scoring = Literal["exact", "first token", "choice", "none"]
"""How texts are scored: each token of a candidate; by the likeliest first tokens; by a constrained choice; not at all.
"""

Feature = Literal[
    "streaming",
    "usage",
    "stop",
    "n",
    "log-probabilities",
    "prompt log-probabilities",
    "guided choice",
    "tools",
    "plain texts",
]
"""What one server that speaks OpenAI's API can do and another can't."""

MAX_ALTERNATIVES = 50
"""At each token that is looked at."""


@dataclass(frozen=True, slots=True)
class RemoteServer:
    """The server that answers for an engine, as it was found at the start."""

    address: str
    models: tuple[str, ...]
    features: frozenset[Feature]


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What runs, where, and why it was chosen."""

    model: str
    precision: str
    """One of 4bit, 8bit, bf16, fp32; empty where that is not known."""
    device: str
    """For people: "cpu", the GPU's name, or another server's."""
    engine: str
    """The engine's name, as /status shows it."""
    context_length: int
    """Tokens that a prompt and its answer may have together."""
    reason: Sentence
    """Why this model and precision run here."""
    embedded: bool = False
    """Whether this is the tiny stand-in model."""
    base: Base | None = None
    """What adapters have to fit; None where a request can't name one."""
    abilities: frozenset[Ability] = frozenset()
    """What it can do beyond answering and scoring."""
    scoring: Scoring = "exact"
    remote: RemoteServer | None = None
    """None where the model is in this machine's memory."""


class Stream(Protocol):
    """One running generation: iterate it for its chunks.

    The last chunk carries the usage. An error of this request is raised from the iteration.
    """

    def __aiter__(self) -> AsyncIterator[Chunk]: ...

    async def __anext__(self) -> Chunk: ...

    def cancel(self) -> None:
        """Ends the generation soon: what is left of its text and its usage still come. Any thread may call it."""


class Engine(Protocol):
    """Turns conversations into streams of text, for many callers at once."""

    @property
    def info(self) -> EngineInfo:
        """What runs here."""

    @property
    def active(self) -> int:
        """Requests that are generating now."""

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""

    @property
    def stopped(self) -> bool:
        """Whether the request that this engine is for was told to stop: then begin nothing more for it."""

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, adapter: str = "", begun: Sequence[int] = ()
    ) -> AbstractAsyncContextManager[Stream]:
        """Answers the conversation, for as long as the context lasts: leaving it ends the generation at once.

        A single message that is a text is gone on with as it is, without the chat template. ``adapter`` names the one
        that answers; empty, it is the model itself. Requests of different adapters run
        together. When the conversation is too long, its oldest turns are left out, never the system prompt or the last
        message. The answer goes on from the ids that it has ``begun`` with: their text and ids come first, once it is
        the request's turn, and the usage counts them with the prompt's. A form is of what comes after them.

        Entering the context refuses what can't be served, before any work is done for it: it raises `InvalidInput` for
        an empty conversation, an adapter that can't be used, ids that can't begin an answer, a form or a seed that the
        answer can't be held to, `PromptTooLong` for a last message that is too long by itself, `Busy` when the queue is
        full, `NotReady` once the engine is closed.
        """

    async def score(self, prompts: Sequence[str], candidates: Sequence[str], adapter: str = "") -> list[list[float]]:
        """Log-probability of each candidate text after each prompt, natural logarithm, summed over its tokens.

        Prompts are plain text, not conversations. Gives ``len(prompts)`` rows of ``len(candidates)`` columns.
        Streams that run meanwhile go on. Raises `InvalidInput` for an empty prompt or candidate, or an adapter that
        can't be used, `PromptTooLong`, and `Busy` when there is no room for the adapter. Where the engine's ``scoring``
        is not exact, the numbers only tell which of the candidates are likelier; where it is none, it raises
        `InvalidInput`.
        """

    async def tokens(
        self, text: str = "", messages: Sequence[Message] = (), top: int = 5, adapter: str = ""
    ) -> list[TokenLook]:
        """How probable each token is where it stands, with as many of the likeliest as ``top`` says.

        Of a plain text, at most `introspect.looks.MAX_TOKENS` long; or of the conversation's last message, which has to
        be the assistant's, as it comes after the others: as its own ids if it has them, as far as the context reaches.
        Streams that run meanwhile go on. Raises `InvalidInput` for what is neither or both, a ``top`` that is not from
        1 to MAX_ALTERNATIVES, ids that the model does not have, an adapter that can't be used, or where the engine has
        not the ability; `PromptTooLong`; `Busy` when there is no room for the adapter.
        """

    async def likelihoods(
        self, conversations: Sequence[Sequence[Message]], parts: Sequence[str], adapter: str = ""
    ) -> list[list[float]]:
        """How probable one answer is after each of several conversations: the log-probability of its tokens.

        The answer is given as its parts, one after the other; of each the mean of its tokens, natural logarithm. Gives
        ``len(conversations)`` rows of ``len(parts)`` columns. What the conversations begin with in common is computed
        once. Streams that run meanwhile go on. Raises `InvalidInput` for no conversation, no answer, an empty part, an
        adapter that can't be used, or where the engine has not the ability; `PromptTooLong`; `Busy` when there is no
        room for the adapter.
        """

    async def look(self, look: Look, adapter: str = "", scale: float = 1.0) -> AnyResult:
        """What is asked of the model's inside: see `introspect.looks`, and `introspect.results` for what it gives.

        Computed with the adapter, as strong as the ``scale`` says: 1 as it was trained, 0 without effect. Streams that
        run meanwhile go on. Raises `InvalidInput` for a text, layer, position, adapter or scale that can't be, for a
        model that can't be looked into that way, or where the engine has not the ability; `Busy` when there is no room
        for the adapter.
        """

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation as the model would see it, the opening of the answer included.

        An estimate where the tokenizer is another server's.
        """

    async def close(self) -> None:
        """Ends every request and frees the model. The engine can't be used afterwards."""


async def answers(
    engine: Engine, messages: Sequence[Message], sampling: Sampling, adapter: str = "", begun: Sequence[int] = ()
) -> AsyncGenerator[Answer, None]:
    """The answer to the conversation: an empty one once it was not refused, then again after each chunk.

    The last one is whole. Raises like `Engine.stream`, and what the stream ends with.
    """
    answer = Answer()
    async with engine.stream(messages, sampling, adapter, begun) as stream:
        yield answer
        async for chunk in stream:
            answer = answer.grown(chunk)
            yield answer
