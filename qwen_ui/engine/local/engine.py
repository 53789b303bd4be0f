"""The engine over a model in this process: admission, streaming, cancelling, scoring."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.engine.base import Ability, EngineInfo
from qwen_ui.engine.completion import Completion, end_tokens
from qwen_ui.engine.given import given_to
from qwen_ui.engine.local import likelihoods, linear4bit, linear8bit, looking, scoring
from qwen_ui.engine.local.adapters import NO_ADAPTER, AdapterLayers
from qwen_ui.engine.local.batch import BatchLoop
from qwen_ui.engine.local.forms import Forms
from qwen_ui.engine.local.resident import ResidentAdapters
from qwen_ui.engine.local.sampler import Own
from qwen_ui.engine.local.stream import LocalStream
from qwen_ui.engine.looking import looked_at, token_looks
from qwen_ui.engine.prompt import Prompt, PromptEncoder
from qwen_ui.engine.queue import WAITING_PER_SLOT, RequestQueue
from qwen_ui.engine.threads import Checkpoint, in_thread
from qwen_ui.introspect.looks import Look, check_scale
from qwen_ui.introspect.results import AnyResult, Origin
from qwen_ui.messages import Message, Sampling, TokenLook
from qwen_ui.settings import Settings
from qwen_ui.text.pieces import Pieces

if TYPE_CHECKING:
    from qwen_ui.models.load import Loaded


ABILITIES = frozenset[Ability](["tokens", "likelihoods", "introspect", "texts", "tools", "forms", "seeds"])


class LocalEngine:
    """`qwen_ui.engine.base.Engine` on transformers' continuous batching.

    Made in a thread that ends (it warms up); used from one event loop afterwards.
    ``cuda_graphs=None`` leaves it to transformers whether the GPU's work is recorded and replayed.
    """

    stopped = False

    def __init__(self, loaded: "Loaded", settings: Settings, cuda_graphs: bool | None = None) -> None:
        self._info = replace(loaded.info, abilities=ABILITIES)
        self._model = loaded.model
        self._tokenizer = loaded.tokenizer
        self._pieces = Pieces(loaded.tokenizer)
        self._prompts = PromptEncoder(loaded.tokenizer, loaded.info.context_length)
        self._eos = end_tokens(loaded.model, loaded.tokenizer)
        self._forms = Forms(loaded.tokenizer, loaded.model.config.get_text_config().vocab_size, self._eos)
        self._plain = loaded.plain
        linear8bit.speed_up(loaded.model)
        self._layers = AdapterLayers(loaded.model, loaded.base)
        self.batch = BatchLoop(
            loaded.model, sorted(self._eos), loaded.cache_tokens, settings.max_concurrent, self._layers, cuda_graphs
        )
        store = AdapterStore(settings.data_dir / "adapters", settings.data_dir / "runs")
        self.adapters = ResidentAdapters(store, self._layers, loaded.adapter_bytes, self.batch.pause)
        linear4bit.speed_up(loaded.model)  # after the loop's warm-up, by which the weights are repacked
        self.queue = RequestQueue(settings.max_concurrent, WAITING_PER_SLOT * settings.max_concurrent)
        self._computing = threading.Lock()
        self._beside = threading.Lock()
        self._norms: dict[Any, float] = {}  # of the weights, which looks measure and which never change

    @property
    def info(self) -> EngineInfo:
        """What runs here."""
        return self._info

    @property
    def active(self) -> int:
        """Requests that are generating now."""
        return self.queue.active

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return self.queue.waiting

    @asynccontextmanager
    async def stream(
        self, messages: Sequence[Message], sampling: Sampling, adapter: str = "", begun: Sequence[int] = ()
    ) -> AsyncIterator[LocalStream]:
        """Answers the conversation: see `Engine`."""
        await self.ensure_running()
        completion = Completion(self._tokenizer.backend_tokenizer, self._eos, sampling.stop)
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        with ExitStack() as held:
            held.enter_context(self.queue.enter(inbox.put_nowait))  # first: a full queue costs nothing but a refusal
            conversation, ids = tuple(messages), tuple(begun)

            def prepare(checkpoint: Checkpoint) -> tuple[Prompt, Own | None, int]:
                prompt = self._prompts.fit(conversation, sampling.max_new_tokens, checkpoint, ids)
                completion.begin(ids)
                return prompt, self._own(sampling), self.adapters.load(adapter) if adapter else NO_ADAPTER

            prompt, own, loaded = await in_thread(prepare)
            number = await self._take(adapter, held, loaded)
            yield LocalStream(self, prompt, sampling, own, number, completion, inbox, held)

    def _own(self, sampling: Sampling) -> Own | None:
        """What the request's draws have to themselves, if anything."""
        form = self._forms.begin(sampling.form) if sampling.form else None
        seed = None if sampling.greedy else sampling.seed
        return None if form is None and seed is None else Own(form, seed)

    async def score(self, prompts: Sequence[str], candidates: Sequence[str], adapter: str = "") -> list[list[float]]:
        """Log-probability of each candidate after each prompt: see `Engine`."""
        if not prompts:
            return []
        async with self._adapted(adapter) as number:
            return await in_thread(partial(self._score, tuple(prompts), tuple(candidates), number))

    async def tokens(
        self, text: str = "", messages: Sequence[Message] = (), top: int = 5, adapter: str = ""
    ) -> list[TokenLook]:
        """How probable each token is where it stands: see `Engine`."""
        async with self._adapted(adapter) as number:
            return await in_thread(partial(self._look_at, text, tuple(messages), top, number))

    async def likelihoods(
        self, conversations: Sequence[Sequence[Message]], parts: Sequence[str], adapter: str = ""
    ) -> list[list[float]]:
        """How probable the answer is after each conversation: see `Engine`."""
        asked = tuple(map(tuple, conversations))
        async with self._adapted(adapter) as number:
            return await in_thread(partial(self._weigh, asked, tuple(parts), number))

    async def look(self, look: Look, adapter: str = "", scale: float = 1.0) -> AnyResult:
        """What is asked of the model's inside: see `Engine`."""
        check_scale(scale)
        async with self._adapted(adapter) as number:
            return await in_thread(partial(self._look_inside, look, adapter, scale, number))

    @asynccontextmanager
    async def _adapted(self, adapter: str) -> AsyncIterator[int]:
        """The adapter's number, in memory as long as the context lasts."""
        with ExitStack() as held:
            yield await self._take(adapter, held)

    async def _take(self, adapter: str, held: ExitStack, number: int = NO_ADAPTER) -> int:
        """The number of a request's adapter, which stays in memory until the request gives back what it holds.

        ``number`` is the one that it was loaded under, if it was.
        """
        if not adapter:
            return NO_ADAPTER
        while not self.adapters.take(number):  # not loaded, or others needed its room meanwhile
            number = await in_thread(lambda checkpoint: self.adapters.load(adapter))
        held.callback(self.adapters.give_back, number)
        return number

    def _score(
        self, prompts: Sequence[str], candidates: Sequence[str], adapter: int, checkpoint: Checkpoint
    ) -> list[list[float]]:
        rows = scoring.tokenize(self._tokenizer, prompts, candidates, self._info.context_length)
        with self._alone(checkpoint):
            return scoring.score(self._model, rows, partial(self._pause, checkpoint, adapter))

    def _look_at(
        self, text: str, messages: Sequence[Message], top: int, adapter: int, checkpoint: Checkpoint
    ) -> list[TokenLook]:
        looked = looked_at(self._prompts, self._tokenizer, text, messages, top, checkpoint)
        with self._alone(checkpoint):
            places = looking.look(self._model, looked, top, partial(self._pause, checkpoint, adapter))
        return token_looks(looked, places, self._pieces)

    def _weigh(
        self, conversations: Sequence[Sequence[Message]], parts: Sequence[str], adapter: int, checkpoint: Checkpoint
    ) -> list[list[float]]:
        given = given_to(self._prompts, conversations, parts, checkpoint)
        with self._alone(checkpoint):
            return likelihoods.likelihoods(self._model, given, partial(self._pause, checkpoint, adapter))

    def _look_inside(self, look: Look, adapter: str, scale: float, number: int, checkpoint: Checkpoint) -> AnyResult:
        from qwen_ui.introspect.run import run, subject_of  # noqa: PLC0415  needed by few

        subject = subject_of(
            look,
            self._model,
            self._tokenizer,
            self._prompts,
            origin=Origin(self._info.model, self._info.precision, adapter, scale),
            pause=partial(self._turn, checkpoint, number, scale),
            base_pause=partial(self._turn, checkpoint, NO_ADAPTER, 1.0) if number else None,
            changes=self._layers.changes(number),
            plain=self._plain,
            checkpoint=checkpoint,
            beside=self._beside,
            norms=self._norms,
        )
        return run(look, subject)

    @contextmanager
    def _turn(self, checkpoint: Checkpoint, adapter: int, scale: float) -> Iterator[None]:
        """One part of a look: others who compute beside the batch loop have their turns in between."""
        with self._alone(checkpoint), self.batch.pause(), self._layers.all_tokens(adapter, scale):
            yield

    @contextmanager
    def _alone(self, checkpoint: Checkpoint) -> Iterator[None]:
        """Computes beside the batch loop: one at a time, as two threads that do would slow each other down."""
        with self._computing:
            checkpoint()
            self.batch.revive()
            yield

    @contextmanager
    def _pause(self, checkpoint: Checkpoint, adapter: int) -> Iterator[None]:
        checkpoint()
        with self.batch.pause(), self._layers.all_tokens(adapter):
            yield

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation as the model would see it."""
        return self._prompts.count(messages)

    async def ensure_running(self) -> None:
        """Rebuilds the batch loop if it died. Raises `NotReady` once the engine is closed."""
        if not self.batch.alive:
            await in_thread(lambda checkpoint: self.batch.revive())

    async def close(self) -> None:
        """Ends the batch loop and with it every request."""
        await asyncio.to_thread(self.batch.stop)
