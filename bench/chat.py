"""The chat: the engine against plain `generate`, reuse of earlier turns, Stop, and the app as a whole."""

import statistics
from typing import Any

from bench import server
from bench.report import Figure
from bench.server import Server
from bench.workers import Worker, engine_worker, generate_worker
from qwen_ui.settings import Settings

NOUNS = ["cat", "ship", "king", "tree", "robot", "river", "baker", "storm", "garden", "clock"]
NOUNS += ["mirror", "train", "island", "letter", "forest", "piano"]
STORIES = [f"Tell me a long story about a {noun}." for noun in NOUNS]
NEW_TOKENS = 96
PORT = 7960


def run(settings: Settings, rounds: int) -> list[Figure]:
    """The lines of the report."""
    flags = ("--model", settings.model)
    with Worker(engine_worker, settings) as engine:
        with Worker(generate_worker, settings) as plain:
            figures = [_one_stream(plain, engine, rounds), _sixteen_streams(plain, engine, rounds)]
        figures += [_reuse(engine, rounds), _stop(engine, rounds)]
        with server.running(PORT, *flags) as app:
            app.wait_until_loaded()
            figures.append(_client(engine, app, rounds))
            peak = _peak(app)
    starts = [server.first_token_seconds(PORT + 1 + i, *flags) for i in range(2)]
    page, token = (statistics.median(times) for times in zip(*starts, strict=True))
    return [
        *figures,
        Figure("(f) peak memory of the server, 17 streams", f"{peak / 2**20:,.0f} MiB"),
        Figure("(g) second start to page", f"{page:.1f} s", "", "start of the process to the page's first byte"),
        Figure("(g) second start to first token", f"{token:.1f} s", "", "start of the process to the first text"),
    ]


def _client(engine: Worker, app: Server, rounds: int) -> Figure:
    """By turns, for the machine's speed changes within minutes; each first call is left out."""
    alone, through = [], []
    for _ in range(rounds + 1):
        alone.append(engine.call("run", prompts=STORIES[:1], new_tokens=NEW_TOKENS, temperature=0)["seconds"])
        through.append(server.client_seconds(app, STORIES[0], NEW_TOKENS))
    engine_seconds, client_seconds = statistics.median(alone[1:]), statistics.median(through[1:])
    return Figure(
        "(d) speed seen by one gradio_client ÷ engine alone",
        f"{engine_seconds / client_seconds:.2f}",
        "≥ 0.9",
        f"{NEW_TOKENS} tokens in {client_seconds:.2f} s and {engine_seconds:.2f} s",
    )


def _peak(app: Server) -> int:
    """Bytes of the server's memory at the highest, with as many streams as there are stories and one more."""
    for story in STORIES:
        app.client.submit(story, max_new_tokens=48, api_name="/chat")
    app.client.submit(STORIES[0], max_new_tokens=48, api_name="/chat").result()
    return app.peak_memory()


def _one_stream(plain: Worker, engine: Worker, rounds: int) -> Figure:
    call = {"prompts": STORIES[:1], "new_tokens": NEW_TOKENS, "temperature": 0.7}
    return _ratio("(a) one stream: engine ÷ `generate`", "≥ 0.95", plain, engine, call, rounds)


def _sixteen_streams(plain: Worker, engine: Worker, rounds: int) -> Figure:
    call = {"prompts": STORIES, "new_tokens": NEW_TOKENS // 2, "temperature": 0.7}
    return _ratio("(b) sixteen streams together ÷ one after the other", "≥ 3.5", plain, engine, call, rounds)


def _ratio(what: str, goal: str, plain: Worker, engine: Worker, call: dict[str, Any], rounds: int) -> Figure:
    for worker in (plain, engine):
        worker.call("run", **call | {"new_tokens": 4})  # warm
    theirs, ours = [], []
    for _ in range(rounds):
        theirs.append(plain.call("run", **call)["tokens_per_second"])
        ours.append(engine.call("run", **call)["tokens_per_second"])
    a, b = statistics.median(ours), statistics.median(theirs)
    return Figure(what, f"{a / b:.2f}", goal, f"{a:.1f} and {b:.1f} tokens/s")


def _reuse(engine: Worker, rounds: int) -> Figure:
    runs = [engine.call("first_token", nonce=f"Run {i}.", turns=5, words=270) for i in range(rounds)]
    warm, cold = (statistics.median(run[key] for run in runs) for key in ("warm", "cold"))
    size = runs[0]["prompt_tokens"]
    return Figure(
        f"(c) first token at {size:,} prompt tokens after five turns ÷ without reuse",
        f"{warm / cold:.3f}",
        "≤ 0.2",
        f"{warm:.2f} s and {cold:.2f} s",
    )


def _stop(engine: Worker, rounds: int) -> Figure:
    run = engine.call("stop_to_idle", repeats=3 * rounds)
    return Figure("(e) Stop to the model idle", f"{run['steps']:.1f} decode steps", "< 3", f"worst {run['worst']:.1f}")
