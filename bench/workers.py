"""Processes that measure: each loads the model anew, and only one of them computes at a time.

Plain `generate` and the engine are kept in processes of their own because a second thread that has
run torch slows a process down on the CPU, which would be unfair to whichever comes second.
"""

import asyncio
import multiprocessing
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from qwen_ui.engine.base import answers
from qwen_ui.engine.threads import in_thread
from qwen_ui.messages import Message, Sampling
from qwen_ui.settings import Settings

Job = tuple[str, dict[str, Any]]


class Worker:
    """A child process that answers calls by name. Use it as a context manager."""

    def __init__(self, target: Callable[..., None], settings: Settings, **options: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=target, args=(theirs, settings), kwargs=options, daemon=True)
        self._process.start()

    def __enter__(self) -> "Worker":
        self.info = self._pipe.recv()
        return self

    def __exit__(self, *exception: object) -> None:
        self._pipe.send(("stop", {}))
        self._process.join(60)

    @property
    def pid(self) -> int:
        """The child's number among the system's processes."""
        assert self._process.pid is not None
        return self._process.pid

    def call(self, name: str, **arguments: Any) -> Any:
        """What the child's function of that name gives."""
        self._pipe.send((name, arguments))
        return self._pipe.recv()


def generate_worker(pipe: Any, settings: Settings) -> None:
    """Answers with transformers' own `generate`, one prompt after the other."""
    import torch  # noqa: PLC0415  only in the child

    from qwen_ui.models.load import open_model  # noqa: PLC0415

    loaded = open_model(settings, lambda progress: None)
    tokenizer: Any = loaded.tokenizer
    model: Any = loaded.model

    def run(prompts: Sequence[str], new_tokens: int, temperature: float) -> dict[str, float]:
        started, tokens = time.perf_counter(), 0
        for prompt in prompts:
            inputs = tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}],
                add_generation_prompt=True,
                return_tensors="pt",
                return_dict=True,
            ).to(model.device)
            how = {"do_sample": True, "temperature": temperature, "top_p": 0.8, "top_k": 20} if temperature else {}
            with torch.inference_mode():
                output = model.generate(**inputs, max_new_tokens=new_tokens, **({"do_sample": False} | how))
            tokens += output.shape[1] - inputs["input_ids"].shape[1]
        return {"tokens_per_second": tokens / (time.perf_counter() - started), "tokens": tokens}

    pipe.send(loaded.info)
    while (call := pipe.recv())[0] != "stop":
        pipe.send(run(**call[1]))


def engine_worker(pipe: Any, settings: Settings, cuda_graphs: bool | None = None) -> None:
    """Answers with the app's engine."""
    from qwen_ui.engine.local import LocalEngine  # noqa: PLC0415  only in the child
    from qwen_ui.models.load import open_model  # noqa: PLC0415

    engines: list[Any] = []

    def open_engine() -> None:
        engines.append(LocalEngine(open_model(settings, lambda progress: None), settings, cuda_graphs))

    opening = threading.Thread(target=open_engine)
    opening.start()
    opening.join()
    engine = engines[0]
    functions: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
        "run": _run,
        "load": _load,
        "look": _look,
        "gaps": _gaps,
        "first_token": _first_token,
        "stop_to_idle": _stop_to_idle,
    }

    async def serve() -> None:
        pipe.send(engine.info)
        while (call := await asyncio.to_thread(pipe.recv))[0] != "stop":
            pipe.send(await functions[call[0]](engine, **call[1]))
        await engine.close()

    asyncio.run(serve())


async def _read(engine: Any, messages: Sequence[Message], adapter: str = "", **sampling: Any) -> tuple[str, Any]:
    answer = [answer async for answer in answers(engine, messages, Sampling(**sampling), adapter)][-1]
    return answer.text, answer.usage


async def _load(engine: Any, adapter: str) -> dict[str, float]:
    """Seconds until an adapter is in memory."""
    started = time.perf_counter()
    await in_thread(lambda checkpoint: engine.adapters.load(adapter))
    return {"seconds": time.perf_counter() - started}


async def _look(engine: Any, look: Any, adapter: str = "") -> dict[str, float]:
    """Seconds that a look inside takes."""
    started = time.perf_counter()
    await engine.look(look, adapter)
    return {"seconds": time.perf_counter() - started}


async def _gaps(engine: Any, prompt: str, look: Any) -> dict[str, float]:
    """The longest seconds between two pieces of a stream: alone, and while a look is taken."""
    longest = {}
    for name in ("alone", "during"):
        looking: asyncio.Task[Any] | None = None
        at, waits = time.perf_counter(), []
        async for each in answers(engine, [Message("user", prompt)], Sampling(max_new_tokens=96, temperature=0)):
            if each.text:
                waits.append(time.perf_counter() - at)
            at = time.perf_counter()
            if len(waits) == 10 and looking is None and name == "during":
                looking = asyncio.create_task(engine.look(look))
        if looking is not None:
            await looking
        longest[name] = max(waits[1:])
    return longest


async def _run(
    engine: Any, prompts: Sequence[str], new_tokens: int, temperature: float, adapters: Sequence[str] = ()
) -> dict[str, Any]:
    """All prompts at once, each with its own adapter if there are any."""
    started = time.perf_counter()
    results = await asyncio.gather(
        *(
            _read(engine, [Message("user", prompt)], adapter, max_new_tokens=new_tokens, temperature=temperature)
            for prompt, adapter in zip(prompts, adapters or [""] * len(prompts), strict=True)
        )
    )
    seconds = time.perf_counter() - started
    tokens = sum(usage.new_tokens for _, usage in results)
    return {
        "tokens_per_second": tokens / seconds,
        "tokens": tokens,
        "seconds": seconds,
        "firsts": [usage.seconds_to_first_token for _, usage in results],
        "peak": peak_memory(),
        "gpu_peak": gpu_peak(),
    }


def gpu_peak() -> int:
    """Bytes that torch took of the GPU's memory at the highest; 0 where there is none."""
    import torch  # noqa: PLC0415  only in the child

    return torch.cuda.max_memory_reserved() if torch.cuda.is_available() else 0


def peak_memory(pid: int | None = None) -> int:
    """Bytes of memory that the process held at its highest, where the system tells; else now. None is this one."""
    process = psutil.Process(pid)
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        lines = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(next(lines, "VmHWM 0").split()[1]) * 1024  # one that has just ended holds nothing
    memory = process.memory_info()
    return int(getattr(memory, "peak_wset", memory.rss))


async def _first_token(engine: Any, nonce: str, turns: int, words: int) -> dict[str, float]:
    """Seconds to the first token of a conversation's last turn, with what its earlier turns left and without."""
    messages = [Message("system", f"{nonce} You are a helpful assistant.")]
    for turn in range(turns):
        messages.append(Message("user", f"Question {turn}: " + "some more words to read " * (words // 5)))
        answer, _ = await _read(engine, messages, max_new_tokens=16, temperature=0)
        messages.append(Message("assistant", answer))
    messages.append(Message("user", "And now?"))
    _, warm = await _read(engine, messages, max_new_tokens=2, temperature=0)
    other = [Message("system", f"Not {nonce}. You are a helpful assistant."), *messages[1:]]
    _, cold = await _read(engine, other, max_new_tokens=2, temperature=0)
    return {
        "prompt_tokens": warm.prompt_tokens,
        "warm": warm.seconds_to_first_token,
        "cold": cold.seconds_to_first_token,
    }


async def _stop_to_idle(engine: Any, repeats: int) -> dict[str, float]:
    """Seconds from Stop until the batch holds nothing for the request, in decode steps.

    Stop comes at another moment of a step each time.
    """
    steps = []
    for repeat in range(repeats):
        story = [Message("user", "Write a very long story.")]
        async with engine.stream(story, Sampling(max_new_tokens=400)) as stream:
            times = []
            async for _ in stream:
                times.append(time.perf_counter())
                if len(times) == 20:
                    break
            step = statistics.median(b - a for a, b in pairwise(times))
            await asyncio.sleep(step * repeat / repeats)
            stopped = time.perf_counter()
            stream.cancel()
            async for _ in stream:
                pass
            while engine.batch.held_blocks:
                await asyncio.sleep(0.0005)
        steps.append((time.perf_counter() - stopped) / step)
    return {"steps": statistics.median(steps), "worst": max(steps)}
