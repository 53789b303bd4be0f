"""`python -m qwen_ui.finetune`: trains on a file, or the run of a folder, in this process."""

import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from qwen_ui.errors import Diverged, InvalidInput, NotSaved, QwenUIError
from qwen_ui.finetune import cli
from qwen_ui.finetune.runs import Run, RunStore
from qwen_ui.finetune.training import priority
from qwen_ui.settings import Settings, read

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status: see ``--help``."""
    try:
        given = vars(cli.parser().parse_args(argv))
        if "plan" in given:
            return _plan(given["plan"], given)
        if "merge" in given:
            return _merge(given)
        if "run" in given:
            return _train(_run_of(given["run"]), given)
        return _train(_new_run(given), given)
    except (QwenUIError, OSError) as error:
        print(_line(error), file=sys.stderr)
        return BAD_INPUT


def _new_run(given: Mapping[str, Any]) -> Run:
    """A run folder for the file. Raises `InvalidInput` at once for what can't be, before anything slow."""
    if given["file"] is None:
        raise InvalidInput("Name a file of examples, or a run with --run. See --help.")
    request = cli.request_of(given)
    app = _app(given)
    if not given["file"].is_file():
        raise InvalidInput("There is no file {file}.", file=given["file"])
    from qwen_ui.finetune.training import publish  # noqa: PLC0415  torch takes seconds to import, --help should not

    publish.check_name(app.data_dir, request.name, request.settings)
    return RunStore(app.data_dir / "runs").add(request, given["file"].read_bytes())


def _run_of(folder: Path) -> Run:
    run = Run(folder.expanduser().resolve())
    if not (run.folder / "request.json").is_file():
        raise InvalidInput("There is no run in {folder}.", folder=folder)
    return run


def _app(given: Mapping[str, Any], run: Run | None = None) -> Settings:
    """The app's settings: where its folders are."""
    data_dir = run.folder.parents[1] if run else given.get("data_dir")
    flags = ["--data-dir", str(data_dir)] if data_dir else []
    flags += ["--prompts-dir", str(given["prompts_dir"])] if "prompts_dir" in given else []
    return read(flags)


def _plan(folder: Path, given: Mapping[str, Any]) -> int:
    """Prints what the run would be, as one JSON object."""
    try:
        run = _run_of(folder)
        from qwen_ui.finetune.training import session  # noqa: PLC0415

        print(json.dumps(session.plan(run, _app(given, run)), ensure_ascii=False))
        return DONE
    except QwenUIError as error:
        print(json.dumps({"error": cli.told(error)}, ensure_ascii=False))
        return BAD_INPUT


def _merge(given: Mapping[str, Any]) -> int:
    if "out" not in given:
        raise InvalidInput("Name a folder for the merged model with --out.")
    from qwen_ui.finetune.training import merge  # noqa: PLC0415

    merge.merge(
        replace(_app(given), model=given.get("model", "auto")), given["merge"], given["out"], cli.Lines().report
    )
    print(f"{given['out']} is ready: it loads with AutoModelForCausalLM.from_pretrained.")
    return DONE


def _train(run: Run, given: Mapping[str, Any]) -> int:
    """Trains the run as soon as no other one is trained, and gives the exit status."""
    app, lines = _app(given, run), cli.Lines()
    signals = _stop_at_signals(run)
    try:
        with run.lock.acquire(timeout=0), _alone(run):
            if run.stopping and next(run.events(), None) is not None:
                (run.folder / "stop").unlink()  # it ended an earlier time
            run.tell("state", state="running")
            status = _trained(run, app, lines, given)
    except Timeout:
        raise InvalidInput("Another process trains this run already.") from None
    return INTERRUPTED if signals and status == DONE else status


def _trained(run: Run, app: Settings, lines: cli.Lines, given: Mapping[str, Any]) -> int:
    """Tells how it ended."""

    def tell(kind: str, **values: Any) -> None:
        run.tell(kind, **values)
        lines.tell({"kind": kind, **values})

    priority.lower(given.get("nice", priority.LOWEST))
    from qwen_ui.finetune.training import session  # noqa: PLC0415

    try:
        session.set_threads(given.get("threads", max(1, (os.cpu_count() or 1) // 2)))
        session.train(run, app, tell, lines.report)
    except session.Stopped:
        pass
    except QwenUIError as error:
        tell("state", state="failed", **cli.told(error))
        print(_line(error), file=sys.stderr)
        return FAILED if isinstance(error, NotSaved | Diverged) else BAD_INPUT
    except Exception as error:  # noqa: BLE001  a bug, or a library's: whoever watches has to know, and the log has all of it
        traceback.print_exc()
        tell("state", state="failed", **cli.told(QwenUIError("The training failed: {error}", error=_line(error))))
        return FAILED
    tell("state", state="stopped" if run.stopping else "finished")
    return DONE


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Holds the lock of the data folder: one training at a time. Says when it has to wait."""
    lock = FileLock(run.folder.parent / ".training")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Another training runs; this one begins after it.", flush=True)
        while not run.stopping:
            with suppress(Timeout):
                lock.acquire(timeout=1)
                break
    try:
        yield
    finally:
        lock.release()


def _stop_at_signals(run: Run) -> list[int]:
    """Lets the first Ctrl-C or SIGTERM stop the run in good order; a second one ends the process. Gives what came."""
    came: list[int] = []

    def stop(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        came.append(number)
        run.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return came


def _line(error: BaseException) -> str:
    """The first line of what it says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
