"""The errors that a user can act on.

    QwenUIError
    ├── InvalidInput            a value that must be changed: the message says which and how
    │   ├── PromptTooLong       the prompt and its answer do not fit into the context
    │   ├── NotSaved            the disk is full, or the folder can't be written to
    │   ├── Diverged            a training's loss is no number any more
    │   └── Unreadable          a document that can't be read (text/confined.py)
    ├── TemplateError           a prompt file is broken: names file, line and cause
    ├── ModelError              the model can't be had
    │   ├── ModelNotFound       no such id, folder or file
    │   ├── ModelDamaged        a file is truncated, corrupted or not a causal language model
    │   ├── ModelTooLarge       it will not fit: carries the numbers and a smaller choice
    │   └── HubUnreachable      the model hub did not answer and nothing is cached
    └── EngineError             the engine can't serve this request now
        ├── NotReady            the model is still loading, or failed to load
        ├── Busy                the queue is full
        ├── TooMany             this visitor has asked for too much lately: says when to try again
        └── EngineFailed        the generation died under this request: try again

Deep code raises these; only the edges (the page, the API, the command line) show them. Each carries one or two
sentences for a person that say what to change: an English template, which is the key of its translations, and the
values in it.
"""

from pathlib import Path
from typing import Any

from qwen_ui.sentences import Sentence


class QwenUIError(Exception):
    """Base of all errors whose message is meant for the user.

    ``template`` is a literal where the error is raised, never a text that was put together: see `qwen_ui.sentences`.
    """

    def __init__(self, template: str, /, **values: Any) -> None:
        super().__init__(template)  # what pickle makes it from again; the values travel beside it
        self.sentence = Sentence(template, **values)

    def __str__(self) -> str:
        return str(self.sentence)


class InvalidInput(QwenUIError):
    """Something the user gave must be changed."""


class PromptTooLong(InvalidInput):
    """The prompt with the wanted number of new tokens exceeds the context."""


class NotSaved(InvalidInput):
    """Something can't be written to the data folder: the disk is full, or writing is not allowed."""

    @staticmethod
    def within(folder: Path, error: Exception) -> "NotSaved":
        """For a folder that can't be written to, and why."""
        return NotSaved(
            "It can't be saved in {folder} ({error}). Free space there, or allow writing to it.",
            folder=folder,
            error=getattr(error, "strerror", None) or error,
        )


class Diverged(InvalidInput):
    """A training has gone astray: its loss is no number any more."""


class TemplateError(QwenUIError):
    """A prompt file can't be read or rendered. The message starts with ``file:line:``."""


class ModelError(QwenUIError):
    """The wanted model can't be loaded."""


class ModelNotFound(ModelError):
    """There is no model under that id, folder or file name."""


class ModelDamaged(ModelError):
    """The model's files are truncated, corrupted, or not a causal language model."""


class ModelTooLarge(ModelError):
    """The model will not fit into the memory there is."""


class HubUnreachable(ModelError):
    """The model hub did not answer in time and the model is not in the cache."""


class EngineError(QwenUIError):
    """The engine can't serve the request now."""


class NotReady(EngineError):
    """The model is still loading, or could not be loaded."""


class Busy(EngineError):
    """Too many requests are waiting already."""


class TooMany(EngineError):
    """The visitor has reached a limit. Says when to try again."""


class EngineFailed(EngineError):
    """The generation died while it served this request. Trying again is safe."""
