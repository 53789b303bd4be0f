"""The app in a process of its own with a line to its inside, over which the load test kills and looks."""

import signal
import threading
from typing import Any

from qwen_ui.settings import Settings


def app_worker(pipe: Any, settings: Settings) -> None:
    """Serves the app as app.py does, and answers calls: see `Worker`. Says that it is there once the model is."""
    import app  # noqa: PLC0415  only in the child
    from qwen_ui.server.host import open_local  # noqa: PLC0415

    def open_engine(settings: Settings, report: Any) -> Any:
        engine = open_local(settings, report)
        threading.Thread(target=_obey, args=(pipe, engine), daemon=True).start()
        return engine

    app.serve(settings, open_engine)


def _obey(pipe: Any, engine: Any) -> None:
    functions = {"kill": _kill, "held": _held}
    pipe.send(engine.info)
    while (call := pipe.recv())[0] != "stop":
        pipe.send(functions[call[0]](engine))
    signal.raise_signal(signal.SIGTERM)


def _kill(engine: Any) -> None:
    """Ends the batch loop with what the engine's admission keeps from it: a division by zero."""
    engine.batch.manager.add_request([5] * 8, temperature=0.0)


def _held(engine: Any) -> dict[str, int]:
    """What requests hold in the engine."""
    return {"blocks": engine.batch.held_blocks, "handlers": len(engine.batch.manager.output_router.result_handlers)}
