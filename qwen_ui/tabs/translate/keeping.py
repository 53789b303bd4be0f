"""A translation on its way to the browser, which keeps it over reloads, and back, where it is checked."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from qwen_ui.page.kept import not_kept
from qwen_ui.prompts import Template
from qwen_ui.tabs.translate import glossary
from qwen_ui.tabs.translate.files import Document, read
from qwen_ui.tabs.translate.protect import Finding, Restored
from qwen_ui.tabs.translate.rules import Kind
from qwen_ui.tabs.translate.translation import (
    AUTO,
    MAX_EDIT,
    MAX_VERSIONS,
    Segment,
    State,
    Translation,
    Version,
    begin,
    order_for,
    typed,
)

_STATES = set(get_args(State)) - {"writing"}


def to_browser(translation: Translation) -> dict[str, Any]:
    """What `from_browser` reads."""
    order, document = translation.order, translation.document
    origin = document.origin
    return {
        "text": "" if origin else document.texts[0],
        "file": origin and [document.name, base64.b64encode(origin.data).decode(), origin.columns, origin.encoding],
        "target": order.target.code,
        "source": order.source.code if order.source else AUTO,
        "tone": order.tone,
        "template": order.template.id,
        "glossary": glossary.written(order.terms),
        "segments": [_packed(segment) for segment in translation.segments],
    }


def from_browser(kept: Any, template: Callable[[str], Template], largest: int) -> Translation:
    """The translation that was kept; its file has so many bytes at most. ``template`` gives one by its id.

    Raises `InvalidInput` for anything else, and `TemplateError` where its template is no longer there.
    """
    kept = kept if isinstance(kept, Mapping) else {}
    document = _document(kept.get("text"), kept.get("file"), largest)
    named, tone, segments = kept.get("template"), kept.get("tone"), kept.get("segments")
    if not isinstance(named, str) or not isinstance(tone, str) or not isinstance(segments, Sequence):
        raise not_kept()
    order = order_for(
        document.texts, template(named), kept.get("target"), kept.get("source"), tone, kept.get("glossary")
    )
    translation = begin(document, order)
    if len(segments) != len(translation.segments):
        raise not_kept()
    translation.segments[:] = [
        _unpacked(segment, packed).checked(order.terms)
        for segment, packed in zip(translation.segments, segments, strict=True)
    ]
    return translation


def _document(text: Any, file: Any, largest: int) -> Document:
    if not file:
        return typed(text)
    match file:
        case [str(name), str(data), columns, str(encoding)]:
            wanted = columns is None or (isinstance(columns, list) and all(isinstance(each, str) for each in columns))
            if wanted and len(data) <= 2 * largest:
                try:
                    return read(name, base64.b64decode(data, validate=True), columns, encoding)
                except binascii.Error as error:
                    raise not_kept() from error
    raise not_kept()


def _packed(segment: Segment) -> list[Any]:
    return [segment.version, *map(_packed_version, segment.versions)]


def _packed_version(version: Version) -> list[Any]:
    restored = [[finding.kind, finding.text, finding.restored] for finding in version.restored]
    return [version.translation, _at_rest(version.state), *restored]


def _at_rest(state: State) -> State:
    """One that is being written is not, once it comes back."""
    return "stopped" if state == "writing" else state


def _unpacked(segment: Segment, packed: Any) -> Segment:
    match packed:
        case [int(shown), *versions] if 0 <= shown < len(versions) <= MAX_VERSIONS:
            others = [_version(version) for version in versions]
            now = others.pop(shown)
            segment = replace(segment, translation=now.translation, state=now.state, restored=now.restored)
            return replace(segment, others=tuple(others), version=shown)
    raise not_kept()


def _version(packed: Any) -> Version:
    match packed:
        case [str(text), str(state), *restored] if len(text) <= MAX_EDIT and state in _STATES:
            return Version(text, state, tuple(map(_finding, restored)))  # type: ignore[arg-type]  # it is one of them
    raise not_kept()


def _finding(packed: Any) -> Finding:
    match packed:
        case [str(kind), str(text), str(restored)] if kind in get_args(Kind) and restored in get_args(Restored):
            return Finding(kind, text, restored)  # type: ignore[arg-type]  # they are one of them
    raise not_kept()
