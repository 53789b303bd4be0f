"""Models of the Hugging Face hub: its local cache, a quick look-up, and the download."""

import errno
import io
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.constants import HF_HUB_CACHE
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm.std import tqdm  # type: ignore[import-untyped]

from qwen_ui.errors import HubUnreachable, ModelDamaged, ModelError, ModelNotFound
from qwen_ui.models import folder
from qwen_ui.models.estimate import gigabytes
from qwen_ui.models.progress import Progress
from qwen_ui.sentences import Sentence

T = TypeVar("T")

LOOK_UP_SECONDS = 4.0
METADATA_SECONDS = 30.0
FILES = ["*.json", "*.safetensors", "*.jinja", "merges.txt", "tokenizer.model"]
"""What is fetched: data alone. Neither pickles nor Python files, which run when they are opened."""
NOT_FILES = ["*/*", "consolidated*"]
"""Other formats in subfolders, and Mistral's second copy of the weights."""

HTTPError: type[Exception] = next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
"""The base of all errors of the HTTP library that huggingface_hub uses; which one that is depends on its version."""


@dataclass(frozen=True, slots=True)
class Hub:
    """A model hub and its local cache. ``endpoint=None`` is the one that HF_ENDPOINT names, or huggingface.co."""

    endpoint: str | None = None
    cache_dir: Path = Path(HF_HUB_CACHE)

    def cached(self, model_id: str) -> Path | None:
        """The model's folder in the cache, if all of it is there. Asks nobody."""
        try:
            found = Path(self._snapshot(model_id, local_files_only=True))
            folder.check(found)
        except (LocalEntryNotFoundError, HFValidationError, ModelNotFound, ModelDamaged):
            return None
        return found

    def look_up(self, model_id: str) -> int:
        """Asks the hub for the model: the bytes of its files. Takes a few seconds at most.

        Raises `ModelNotFound` or `HubUnreachable`.
        """
        with _translated(model_id):
            ask = HfApi(endpoint=self.endpoint).model_info
            info = _within(LOOK_UP_SECONDS, partial(ask, model_id, timeout=LOOK_UP_SECONDS, files_metadata=True))
        return sum(file.size or 0 for file in info.siblings or [] if file.rfilename.endswith(".safetensors"))

    def config(self, model_id: str) -> Path:
        """Fetches config.json alone, so that a model can be refused before gigabytes are fetched: its folder."""
        with _translated(model_id):
            fetch = partial(self._snapshot, model_id, allow_patterns=["config.json"])
            return Path(_within(METADATA_SECONDS, fetch))

    def download(self, model_id: str, size: int, report: Callable[[Progress], None]) -> Path:
        """Fetches all of the model's files, going on where an earlier download broke off: their folder.

        ``size`` is what `look_up` gave. Raises `HubUnreachable`, or `ModelError` when the disk is too full.
        """
        report(Progress("fetching", model_id, 0, size))
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(self.cache_dir).free) < size:
            raise ModelError(
                "{model} takes {size} and the disk of {folder} has {free} free. "
                "Make room, or set HF_HOME to a folder on another disk.",
                model=model_id,
                size=gigabytes(size),
                folder=self.cache_dir,
                free=gigabytes(free),
            )
        with _translated(model_id):
            return Path(self._snapshot(model_id, tqdm_class=_reporting_bar(model_id, report)))

    def _snapshot(self, model_id: str, **options: Any) -> str:
        options = {"allow_patterns": FILES, "ignore_patterns": NOT_FILES} | options
        path = snapshot_download(model_id, endpoint=self.endpoint, cache_dir=self.cache_dir, **options)
        assert isinstance(path, str)  # a list comes with dry_run alone
        return path


def _within(seconds: float, call: Callable[[], T]) -> T:
    """What the call gives, or `TimeoutError`: the libraries' own time-outs leave out the DNS look-up."""
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            outcome.set_result(call())
        except Exception as error:  # noqa: BLE001  raised again in the caller's thread
            outcome.set_exception(error)

    threading.Thread(target=work, name="hub", daemon=True).start()  # an executor's would be waited for at the exit
    return outcome.result(seconds)


@contextmanager
def _translated(model_id: str) -> Iterator[None]:
    """Turns what huggingface_hub raises into sentences for the user."""
    try:
        yield
    except GatedRepoError as error:
        raise ModelNotFound(
            "{model} is gated. Accept its terms on its page of the hub, sign in with `hf auth login`, start again.",
            model=model_id,
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ModelNotFound(
            "The hub has no model {model}, or it is private. Check the spelling of --model; "
            "for a private one, sign in with `hf auth login`.",
            model=model_id,
        ) from error
    except HFValidationError as error:
        raise ModelNotFound(
            "{model!r} is neither a folder nor a .gguf file that is here, nor a hub id (owner/name). Check --model.",
            model=model_id,
        ) from error
    except LocalEntryNotFoundError as error:
        raise _unreachable(model_id, error.__cause__ or error) from error
    except HfHubHTTPError as error:
        raise _refused(model_id, error) from error
    except (HTTPError, OfflineModeIsEnabled, TimeoutError, ValueError, KeyError, TypeError, RuntimeError) as error:
        # The last four: another page answers in the hub's place, as in a hotel's network; a transfer broke off.
        raise _unreachable(model_id, error) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ModelError(
                "The disk is full. Make room for {model}, or set HF_HOME to another disk.", model=model_id
            ) from error
        raise _unreachable(model_id, error) from error


def _refused(model_id: str, error: HfHubHTTPError) -> ModelError:
    """What an error status of the hub means."""
    status = error.response.status_code
    if status == 404:
        return ModelNotFound("The hub has no model {model}. Check the spelling of --model.", model=model_id)
    if status == 401:
        return ModelNotFound("The hub does not accept the saved sign-in. Run `hf auth login` again, or unset HF_TOKEN.")
    return _unreachable(model_id, error)


def _unreachable(model_id: str, error: BaseException) -> HubUnreachable:
    cause: str | Sentence = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, TimeoutError):
        cause = Sentence("it did not answer in time")
    return HubUnreachable(
        "The model hub can't be reached ({cause}) and {model} is not wholly in the local cache. "
        "Connect to the internet, set HF_ENDPOINT to a mirror, or start with --model embedded.",
        cause=cause,
        model=model_id,
    )


def _reporting_bar(model_id: str, report: Callable[[Progress], None]) -> type[tqdm]:
    """A progress bar class that draws nothing and reports the bytes.

    snapshot_download makes one bar of received bytes, one of written bytes and one of files. The two of
    bytes run side by side, so the furthest of them is told.
    """
    furthest = 0

    class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **(options | {"file": io.StringIO(), "disable": False}))

        def display(self, msg: str | None = None, pos: int | None = None) -> None:
            nonlocal furthest
            if self.unit == "B" and self.n > furthest:
                furthest = int(self.n)
                report(Progress("fetching", model_id, furthest, max(furthest, int(self.total or 0))))

    return Bar
