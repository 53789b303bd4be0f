"""The batch loop: transformers' continuous batching, set up, watched and rebuilt when it dies."""

import gc
import logging
import threading
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from transformers import ContinuousBatchingConfig, GenerationConfig

from qwen_ui.engine.local.adapters import NO_ADAPTER, AdapterLayers
from qwen_ui.engine.local.head import NarrowHead
from qwen_ui.engine.local.sampler import FusedSampler, Own, RowSampler
from qwen_ui.errors import EngineError, EngineFailed, NotReady
from qwen_ui.messages import Sampling
from qwen_ui.sentences import Sentence

log = logging.getLogger(__name__)

CPU_PAGE = 32
"""Tokens a cache block. Only whole blocks are shared: small ones waste less of a conversation's beginning."""
WARM_UP_SECONDS = 300
CPU_STEP_TOKENS = 256
"""Prompt tokens a step, so that a long prompt holds running streams up for half a second, not for all of it."""


def request_id(adapter: int) -> str:
    """An id for a new request, which tells its adapter for as long as anything knows of the request."""
    return f"{adapter}:{uuid.uuid4().hex}"


def adapter_of(request: str) -> int:
    """The number of a request's adapter; none for those of transformers' own."""
    number, found, _ = request.partition(":")
    return int(number) if found else NO_ADAPTER


class BatchLoop:
    """Runs many generations together in a thread of its own, the only one that computes.

    A second thread that runs torch halves the speed on a CPU (idle OpenMP workers spin), so whoever
    else needs the model takes a thread that ends soon, within `pause`.
    """

    def __init__(
        self,
        model: Any,
        eos: Sequence[int],
        cache_tokens: int,
        max_concurrent: int,
        adapters: AdapterLayers,
        cuda_graphs: bool | None = None,
    ) -> None:
        self._model = model
        self._head = NarrowHead(model)
        self._adapters = adapters
        self._cuda_graphs = cuda_graphs
        self._eos = list(eos)
        self._cache_tokens = cache_tokens
        self._max_concurrent = max_concurrent
        self._lock = threading.Lock()
        self._closed = False
        self.reused: dict[str, int] = {}
        """Prompt tokens found in the cache, by request; `release` takes a request's entry out."""
        self._own: dict[str, Own] = {}
        self.manager = self._start()

    @property
    def alive(self) -> bool:
        """Whether the loop runs and takes requests."""
        status = self.manager.background_thread_status
        return self.manager.is_running() and status.can_accept_new_requests() is None

    def revive(self) -> None:
        """Builds the loop anew if it died, which takes a second or two: not for the event loop.

        Raises `NotReady` once the loop was stopped.
        """
        with self._lock:
            if self._closed:
                raise self.failure()
            if not self.alive:
                self.manager.stop(block=True, hard_stop=True)  # its thread may still be telling why
                error = self.manager.background_thread_status.fatal_error
                log.warning("The batch loop died (%s); building it anew", error)
                self.reused.clear()
                if error is not None:
                    traceback.clear_frames(error.__traceback__)  # they hold the old cache
                gc.collect()  # there may be no memory for two caches
                self.manager = self._start()

    def submit(
        self,
        request_id: str,
        tokens: list[int],
        sampling: Sampling,
        deliver: Callable[[Any], None],
        own: Own | None = None,
    ) -> None:
        """Hands a request to the loop; ``deliver`` gets its `GenerationOutput`s, on the running event loop.

        Raises `EngineError` when the loop does not take it.
        """
        self.manager.register_result_handler(request_id, deliver)
        if own is not None:
            self._own[request_id] = own
        warpers = (1.0, 1, 1.0) if sampling.greedy else (sampling.temperature, sampling.top_k, sampling.top_p)
        temperature, top_k, top_p = warpers
        accepted = self.manager.add_request(
            tokens,
            request_id=request_id,
            max_new_tokens=sampling.max_new_tokens,
            streaming=True,
            eos_token_id=self._eos,
            temperature=float(temperature),
            top_k=top_k or self._model.config.get_text_config().vocab_size,
            top_p=float(top_p),
        )
        if accepted is None:
            raise self.failure()

    def release(self, request_id: str) -> None:
        """Ends a request, if it has not ended, and takes out all that it left: cache blocks, handler, late results."""
        router = self.manager.output_router
        with router._lock:
            router.result_handlers.pop(request_id, None)
        self.manager.cancel_request(request_id)
        while not router.output_queue.empty():  # results that came after their handler had gone
            late = router.output_queue.get_nowait()
            self.manager.cancel_request(late.request_id)  # the first time, it may have come before the request itself
        self.reused.pop(request_id, None)
        self._own.pop(request_id, None)

    def failure(self) -> EngineError:
        """What a request is told when the loop has ended."""
        if self._closed:
            return NotReady("The server is shutting down.")
        return EngineFailed("The model's batch loop has stopped. It is being restarted: try again.")

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Lets the calling thread use the model while the loop stands still between two steps."""
        try:
            with self.manager.pause():
                yield
        except RuntimeError as error:
            if self.alive:
                raise
            raise self.failure() from error

    def stop(self) -> None:
        """Ends the loop and its thread for good; requests in flight fail."""
        with self._lock:
            self._closed = True
            if self.manager.is_running():
                self.manager.stop(block=True, hard_stop=True)

    def _start(self) -> Any:
        # Per-request sampling exists only for what the base configuration sets to non-neutral values.
        sampling = GenerationConfig(do_sample=True, temperature=0.7, top_k=20, top_p=0.8, eos_token_id=self._eos)
        if self._model.device.type == "cpu":
            greedy = GenerationConfig(do_sample=False, eos_token_id=self._eos)
            manager = self._model.init_continuous_batching(greedy, self._config())
            manager.logit_processor = FusedSampler(self._model, sampling, self._own)
        else:
            manager = self._model.init_continuous_batching(sampling, self._config())
            manager.logit_processor = RowSampler(self._model, sampling, self._own)
        manager.start()
        self._warm_up(manager)
        self._keep_adapters_apart(manager.batch_processor.cache)
        self._follow_adapters(manager.batch_processor)
        return manager

    def _config(self) -> ContinuousBatchingConfig:
        common: dict[str, Any] = {"per_request_processors": True, "max_requests_per_batch": self._max_concurrent}
        if self._model.device.type != "cpu":
            page = ContinuousBatchingConfig.page_size
            blocks = self._cache_tokens // page
            return ContinuousBatchingConfig(num_blocks=blocks, use_cuda_graph=self._cuda_graphs, **common)
        return ContinuousBatchingConfig(
            page_size=CPU_PAGE,
            num_blocks=self._cache_tokens // CPU_PAGE,
            max_batch_tokens=max(CPU_STEP_TOKENS, self._max_concurrent),
            auto_switch_to_flash=False,
            **common,
        )

    def _warm_up(self, manager: Any) -> None:
        """Generates a little, so that the first user does not pay for first-time set-up."""
        if self._model.device.type != "cpu":
            manager.warmup()
        manager.add_request([0] * 8, max_new_tokens=2, eos_token_id=-1)
        result = manager.get_result(timeout=WARM_UP_SECONDS)
        if result is None or result.error is not None:
            manager.stop(block=True, hard_stop=True)
            reason = (
                result.error if result else Sentence("no answer in {time}", time=timedelta(seconds=WARM_UP_SECONDS))
            )
            raise EngineFailed("The model does not generate: {reason}.", reason=reason)

    def _keep_adapters_apart(self, cache: Any) -> None:
        """Lets the prefix cache find an adapter's blocks for that adapter only: it knows them by their tokens alone."""
        cache.search_prefix_match = partial(self._search, cache.search_prefix_match)
        for allocator in cache.cache_allocators.values():
            allocator.mark_complete_blocks = partial(self._mark, allocator.mark_complete_blocks)

    def _search(self, search: Callable[[str, list[int]], int], request: str, prompt: list[int]) -> int:
        """Also notes what the cache finds of each prompt; transformers itself only logs it."""
        self.reused[request] = search(request, self._marked(prompt, adapter_of(request)))
        return self.reused[request]

    def _mark(self, mark: Callable[[str, list[int], int], None], request: str, tokens: list[int], new: int) -> None:
        mark(request, self._marked(tokens, adapter_of(request)), new)

    def _marked(self, tokens: list[int], adapter: int) -> list[int]:
        """The tokens as no other adapter has them. transformers packs each into 31 bits, enough for 14,000 adapters."""
        offset = adapter * self._model.config.get_text_config().vocab_size
        return [token + offset for token in tokens] if offset else tokens

    def _follow_adapters(self, processor: Any) -> None:
        """Tells the adapters' layers whose tokens each step computes.

        By methods with their arguments bound: a function within this one would hold the cache for as long as anybody
        holds the traceback of an error that went through it.
        """
        runner, io = processor.model_runner, processor.inputs_and_outputs
        spans: list[tuple[int, int]] = []
        graphs = runner.use_cuda_graph_varlen, runner.use_cuda_graph_decode
        io.prepare_batch_tensors = partial(self._prepare, io.prepare_batch_tensors, spans)
        runner.compute_batch = partial(self._compute, runner.compute_batch, runner, graphs, spans)

    def _prepare(
        self, prepare: Callable[..., None], spans: list[tuple[int, int]], requests_in_batch: Sequence[Any], **named: Any
    ) -> None:
        spans[:] = [(adapter_of(each.state.request_id), each.query_length) for each in requests_in_batch]
        prepare(requests_in_batch=requests_in_batch, **named)

    def _compute(
        self,
        compute: Callable[[Any, Any], None],
        runner: Any,
        graphs: tuple[bool, bool],
        spans: Sequence[tuple[int, int]],
        model: Any,
        data: Any,
    ) -> None:
        """A recorded CUDA graph has no adapters and no forms in it: a step with some is computed without."""
        unlike = runner.logit_processor.rows or any(adapter for adapter, _ in spans)
        runner.use_cuda_graph_varlen, runner.use_cuda_graph_decode = (False, False) if unlike else graphs
        few = runner.logit_processor.few(data["logits_processor_args"])
        with self._adapters.tokens_of(spans), self._head.narrow(few):
            compute(model, data)

    @property
    def held_blocks(self) -> int:
        """Cache blocks that requests hold now; those kept only for reuse do not count."""
        if self.manager.batch_processor is None:
            return 0
        allocators = self.manager.batch_processor.cache.cache_allocators.values()
        return sum(len(blocks) for allocator in allocators for blocks in list(allocator.block_table.values()))
