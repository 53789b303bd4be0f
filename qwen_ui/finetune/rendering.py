"""Rows → examples: what exactly the model reads, and what it is to write after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.columns import Columns, language_in
from qwen_ui.finetune.rows import Row
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.text.detect import SAMPLE, detect
from qwen_ui.text.languages import HAN, Language

_LOOKED_AT = 200
"""Rows from which script and language are told."""
_SURE = 0.5
"""The confidence that it takes to name a language."""

Pair = tuple[Language | None, Language]
"""The source language, if it is known, and the target language."""


@dataclass(frozen=True, slots=True)
class Example:
    """A chat whose last message is the model's, or a text to be completed: prompt and answer."""

    number: int
    """Its row in the file."""
    turns: tuple[Message, ...] = ()
    prompt: str = ""
    answer: str = ""
    label: str = ""
    """The answer's label, where the rows have labels."""


def template_of(settings: TrainSettings, prompts: PromptStore, rows: Sequence[Row]) -> Template | None:
    """The prompt file that rows are put into; None for those that need none.

    Raises `InvalidInput` for one that there is not, `TemplateError` for one that is broken.
    """
    given = settings.template
    if not given and settings.shape == "labels":
        given = "sentiment/trained-zh" if _mostly_chinese(rows) else "sentiment/trained"
    elif not given and settings.shape == "translation":
        given = "translate/standard"
    if not given:
        return None
    if settings.shape in ("conversations", "text"):
        raise InvalidInput("Conversations and plain text are learnt as they are. Leave the prompt template empty.")
    task, _, name = given.partition("/")
    if not name:
        raise InvalidInput(
            "The prompt template must be named as task/name, as in {example}, not {given!r}.",
            example="sentiment/trained",
            given=given,
        )
    return prompts.load(task, name)


def completions(rows: Sequence[Row], template: Template, labels: Sequence[str]) -> list[Example]:
    """Rows with labels as texts to be completed, exactly as the Sentiment tab scores them without examples.

    Raises `TemplateError` for a template that can't be rendered with these values.
    """
    prompts = []
    for row in rows:
        line, listed = " ".join(row.input.split()), ", ".join(labels)
        messages = template.render(**{**row.values, "text": line, "labels": listed, "examples": ()})
        if len(messages) != 1:
            raise template.fault("name", "a template for labels must have exactly one section, user:.")
        prompts.append(messages[0].content.rstrip())
    space = " " if all(prompt[-1].isascii() for prompt in prompts) else ""
    return [
        Example(row.number, prompt=prompt, answer=space + row.target, label=row.target)
        for row, prompt in zip(rows, prompts, strict=True)
    ]


def chats(rows: Sequence[Row], template: Template | None, columns: Columns) -> list[Example]:
    """Rows as chats: what the template makes of the input, or the input itself, and the target as its answer."""
    return [_chat(row, template, {"text": row.input}, columns) for row in rows]


def translations(rows: Sequence[Row], template: Template, columns: Columns, pair: Pair) -> list[Example]:
    """Rows as chats that ask for a translation, exactly as the Translate tab does."""
    values = {"source": pair[0].full_name if pair[0] else "", "target": pair[1].full_name}
    values |= {"tone": "plain", "glossary": ""}
    return [_chat(row, template, {**values, "text": row.input}, columns) for row in rows]


def languages(rows: Sequence[Row], columns: Columns) -> Pair:
    """The languages of input and target: those that the columns are named after, else those that the texts are in.

    Raises `InvalidInput` where the target's can't be told.
    """
    source = language_in(columns.input) or _detected([row.input for row in rows[:_LOOKED_AT]])
    target = language_in(columns.target) or _detected([row.target for row in rows[:_LOOKED_AT]])
    if target is None:
        raise InvalidInput(
            "In which language the column {column!r} is can't be told. Name the column after it, as in {examples}.",
            column=columns.target,
            examples="French, fr",
        )
    if source == target:
        raise InvalidInput(
            "The columns {input!r} and {target!r} both seem to be in the same language, {language}. Name them after "
            "their languages, or choose another shape for what the rows are.",
            input=columns.input,
            target=columns.target,
            language=target.name,
        )
    return source, target


def _detected(texts: Sequence[str]) -> Language | None:
    """The language of texts, taking a little of each; None where it is not sure enough."""
    found = detect("\n".join(text[: SAMPLE // 20] for text in texts))
    return found.language if found.confidence >= _SURE else None


def _chat(row: Row, template: Template | None, values: Mapping[str, str], columns: Columns) -> Example:
    answer = Message("assistant", row.target)
    if template:
        return Example(row.number, (*template.render(**{**row.values, **values}), answer))
    system = row.values.get(columns.system, "").strip()
    first = (Message("system", system),) if system else ()
    return Example(row.number, (*first, Message("user", row.input), answer))


def _mostly_chinese(rows: Sequence[Row]) -> bool:
    """Whether most of the texts hold Chinese characters."""
    texts = [row.input for row in islice(rows, _LOOKED_AT)]
    return sum(bool(HAN.search(text)) for text in texts) * 2 > len(texts)
