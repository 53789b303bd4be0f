"""The result and the one before it as the browser keeps them. What comes back is checked: it is the visitor's."""

from dataclasses import asdict
from typing import Any

from qwen_ui.messages import Message
from qwen_ui.page.kept import not_kept
from qwen_ui.tabs.code.answer import MAX_NAME
from qwen_ui.tabs.code.result import Version
from qwen_ui.tabs.code.task import ACTIONS, Job
from qwen_ui.text.code.languages import Language, known
from qwen_ui.text.markdown import harmless, plain


def to_browser(now: Version | None, before: Version | None) -> Any:
    """For JSON; None where there is no result."""
    return None if now is None else {"now": _given(now), "before": before and _given(before)}


def from_browser(kept: Any) -> tuple[Version, Version | None]:
    """The result, and the one before it if there was one. Raises `InvalidInput` for anything else."""
    try:
        before = kept["before"]
        return _version(**kept["now"]), None if before is None else _version(**before)
    except (LookupError, TypeError, ValueError) as error:
        raise not_kept() from error


def _given(version: Version) -> dict[str, Any]:
    job, answer = version.job, version.answer
    return {
        "job": asdict(job) | {"language": job.language.id, "target": job.target.id},
        "language": version.language.id,
        "code": version.code,
        "explanation": plain(version.explanation),
        "name": version.name,
        "answer": answer and {"text": answer.content, "tokens": list(answer.tokens)},
        "cut": version.cut,
    }


def _version(job: Any, language: Any, code: Any, explanation: Any, name: Any, answer: Any, cut: Any) -> Version:
    if not isinstance(cut, bool) or len(_text(name)) > MAX_NAME:
        raise ValueError
    said = None if answer is None else Message("assistant", answer["text"], tuple(answer["tokens"]))
    return Version(_job(job), _language(language), _text(code), harmless(_text(explanation)), name, said, cut)


def _job(given: Any) -> Job:
    if given["action"] not in ACTIONS:
        raise ValueError
    return Job(
        given["action"],
        _text(given["template"]),
        _language(given["language"]),
        _language(given["target"]),
        _text(given["instruction"]),
        _text(given["code"]),
        _number(given["temperature"]),
        _number(given["max_new_tokens"]),
        _text(given["problem"]),
    )


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _language(id: Any) -> Language:
    language = known(_text(id))
    if language is None:
        raise ValueError
    return language
