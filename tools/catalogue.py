"""Brings the gettext files up to date with the code: ``python -m tools.catalogue``, or ``make words``.

What one tab alone says is in its own folder's ``zh.po``, all the rest in ``qwen_ui/zh.po``. New sentences come in
without a translation, old ones go; translations stay with their English sentence.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from qwen_ui import errors
from qwen_ui.page.words import CATALOGUE
from qwen_ui.sentences import in_context, parted, read_catalogue

PACKAGE = Path(__file__).parents[1] / "qwen_ui"
TABS = PACKAGE / "tabs"
TOLD_BY = {"say": 0, "label": 0, "marked": 0, "Sentence": 0, "fault": 1}
"""The functions that take a template, and which of their arguments it is."""
ERRORS = frozenset(
    {"Unreadable", "Refused"}  # of the confined process
    | {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.QwenUIError)}
)
"""Errors take it first."""


def calls(path: Path) -> Iterator[tuple[ast.Call, ast.expr]]:
    """The calls in a file that take a template, each with what stands in its place."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        place = 0 if name in ERRORS else TOLD_BY.get(name)
        if place is not None and len(node.args) > place:
            yield node, node.args[place]


def templates(path: Path) -> set[str]:
    """The templates in a file, each in its context."""
    return {
        in_context(argument.value, _context(call))
        for call, argument in calls(path)
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def _context(call: ast.Call) -> str:
    given = {keyword.arg: keyword.value for keyword in call.keywords}.get("context")
    return str(given.value) if isinstance(given, ast.Constant) else ""


def wanted() -> dict[Path, dict[str, list[str]]]:
    """What each gettext file should hold: templates with the files that they stand in."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for template in templates(path):
            files[template].append(path)
    catalogues: dict[Path, dict[str, list[str]]] = defaultdict(dict)
    for template, paths in sorted(files.items()):
        homes = {_home(path) for path in paths}
        home = homes.pop() if len(homes) == 1 else PACKAGE
        catalogues[home / CATALOGUE][template] = [str(path.relative_to(PACKAGE.parent)) for path in paths]
    return catalogues


def _home(path: Path) -> Path:
    """The folder whose gettext file holds what the file says."""
    return TABS / path.relative_to(TABS).parts[0] if path.is_relative_to(TABS) and path.parent != TABS else PACKAGE


def known() -> dict[str, str]:
    """All translations that there are."""
    return {key: told for path in PACKAGE.rglob(CATALOGUE) for key, told in read_catalogue(path).items()}


def update(translations: Mapping[str, str]) -> int:
    """Writes the files. Gives how many sentences have no translation."""
    missing = 0
    for path, entries in wanted().items():
        catalogue = Catalog(locale="zh", project="Qwen UI", fuzzy=False)
        for key, places in entries.items():
            context, template = parted(key)
            translated = translations.get(key, "")
            missing += not translated
            flags = ["python-brace-format"] if "{" in template else []
            locations = [(place, 0) for place in places]
            catalogue.add(template, translated, locations=locations, flags=flags, context=context or None)
        with path.open("wb") as file:
            write_po(file, catalogue, width=120, omit_header=True, include_lineno=False)
    return missing


if __name__ == "__main__":
    count = update(known())
    print(f"{count} without a translation")
    sys.exit(count > 0)
