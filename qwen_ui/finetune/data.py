"""From an uploaded file to examples: what is used for training, validation and test, and what is not, with reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune import rendering, split
from qwen_ui.finetune.conversations import read_conversations
from qwen_ui.finetune.labels import Labelled, check_numbers, labelled
from qwen_ui.finetune.rendering import Example, Pair
from qwen_ui.finetune.rows import Row, Rows, check_some, normalized, of_table
from qwen_ui.finetune.runs import Request
from qwen_ui.finetune.settings import Shape
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.sentences import Sentence
from qwen_ui.text.tables import SkippedRow, read

__all__ = ["Dataset", "Example", "candidates", "read_dataset"]

FEWEST_ROWS = 4
"""With less there is nothing to keep for validation."""
FEWEST_TRAINED = 2
_EXAMPLES = Sentence(
    "The prompt template shows examples in the Sentiment tab, which training leaves out. One without any suits better."
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A file's examples, and what there is to say of them."""

    shape: Shape
    labels: tuple[str, ...]
    template: str
    """The prompt file that was used, as task/name; empty for none."""
    columns: tuple[str, ...]
    """Those of the file; none where it holds conversations."""
    input: str
    target: str
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    left_out: tuple[SkippedRow, ...]
    """In the file's order."""
    duplicates: int
    """Rows that were left out because another one says the same."""
    warnings: tuple[Sentence, ...] = ()


def read_dataset(request: Request, data: bytes, prompts: PromptStore) -> Dataset:
    """The examples in a file's bytes, as the request's settings ask for them.

    Raises `InvalidInput` for a file or settings that can't be used (`UncertainEncoding` among it), `TemplateError` for
    a broken prompt file.
    """
    settings = request.settings
    rows = _read(request, data)
    check_some(rows.usable, rows.left_out, FEWEST_ROWS)
    _check_different(rows, settings.shape == "labels")
    if settings.loss == "mean-squared-error":
        check_numbers(rows.usable, rows.chosen.target if settings.shape == "labels" else "")
    with_labels = settings.shape == "labels"
    found = labelled(rows.usable, rows.chosen.target) if with_labels else Labelled(rows.usable, (), [])
    parts = split.parts(found.rows, settings, stratified=with_labels)
    warnings = [*found.warnings, *_checked(parts, found.labels)]
    warnings += split.contradictions(found.rows) if with_labels else []
    template = rendering.template_of(settings, prompts, parts.train)
    if with_labels and template and template.extra.get("examples"):
        warnings.append(_EXAMPLES)
    pair = rendering.languages(parts.train, rows.chosen) if settings.shape == "translation" else None
    train, validation, test = (
        _examples(each, template, found.labels, pair, rows) for each in (parts.train, parts.validation, parts.test)
    )
    return Dataset(
        shape=settings.shape,
        labels=found.labels,
        template=f"{template.task}/{template.id}" if template else "",
        columns=rows.columns,
        input=rows.chosen.input,
        target=rows.chosen.target,
        train=train,
        validation=validation,
        test=test,
        left_out=tuple(sorted(rows.left_out, key=lambda row: row.number)),
        duplicates=parts.duplicates,
        warnings=tuple(warnings),
    )


def candidates(dataset: Dataset) -> tuple[str, ...]:
    """The answers as they follow a prompt, in the labels' order; none where there are no labels."""
    if not dataset.labels:
        return ()
    example = dataset.train[0]
    space = example.answer.removesuffix(example.label)
    return tuple(space + label for label in dataset.labels)


def _read(request: Request, data: bytes) -> Rows:
    if request.settings.shape == "conversations":
        return read_conversations(request.file, data, request.sheet, request.encoding, request.settings)
    return of_table(read(request.file, data, request.sheet, request.encoding), request.file, request.settings)


def _check_different(rows: Rows, with_labels: bool) -> None:
    """Raises `InvalidInput` where a column says the same in all rows. Of labels there is more to say later."""
    inputs, targets = [row.input for row in rows.usable], [row.target for row in rows.usable]
    for column, texts in ((rows.chosen.input, inputs), ("" if with_labels else rows.chosen.target, targets)):
        if column and texts[0] and len(set(map(normalized, texts))) == 1:
            raise InvalidInput(
                "The column {column!r} says the same in all rows: {text!r}. There is nothing to learn from it; choose "
                "another one.",
                column=column,
                text=texts[0][:60],
            )


def _checked(parts: split.Parts, labels: Sequence[str]) -> list[Sentence]:
    """Warnings about the parts. Raises `InvalidInput` for training rows from which nothing can be learnt."""
    if len(parts.train) < FEWEST_TRAINED and not parts.duplicates:
        raise InvalidInput(
            "The validation and test rows leave only {count:,} {count:row|rows} to train on. Lower their shares, or "
            "add rows.",
            count=len(parts.train),
        )
    if len(parts.train) < FEWEST_TRAINED:
        raise InvalidInput(
            "Only {count:,} different {count:row is|rows are} left to train on, as {duplicates:,} "
            "{duplicates:row says|rows say} the same as others. Add more.",
            count=len(parts.train),
            duplicates=parts.duplicates,
        )
    if not labels:
        return []
    learnt = {row.target for row in parts.train}
    if len(learnt) == 1:
        raise InvalidInput(
            "All training rows have the same label, {label!r}. Put rows of other labels into the training part too.",
            label=next(iter(learnt)),
        )
    missing = [label for label in labels if label not in learnt]
    unknown = Sentence(
        "No training row has one of these labels, so they can't be learnt: {labels}.", labels=", ".join(missing)
    )
    return [unknown] if missing else []


def _examples(
    rows: Sequence[Row], template: Template | None, labels: Sequence[str], pair: Pair | None, source: Rows
) -> tuple[Example, ...]:
    """The rows as their shape wants them."""
    if template and labels:
        return tuple(rendering.completions(rows, template, labels))
    if template and pair:
        return tuple(rendering.translations(rows, template, source.chosen, pair))
    if source.chosen.target:
        return tuple(rendering.chats(rows, template, source.chosen))
    return tuple(Example(row.number, row.turns, answer="" if row.turns else row.target) for row in rows)
