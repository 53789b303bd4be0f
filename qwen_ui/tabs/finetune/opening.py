"""From an uploaded file to what step 1 offers of it, and from the fields to what is asked for."""

import time
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.finetune.runs import Request, Run
from qwen_ui.page.app import App
from qwen_ui.page.events import Event, Values
from qwen_ui.tabs.finetune.fields import COLUMNS, Fields
from qwen_ui.tabs.finetune.task import file_bytes, pinned_of
from qwen_ui.text.decode import UncertainEncoding
from qwen_ui.text.tables import read


class Opening:
    """Opens files. Made where the fields are laid out."""

    def __init__(self, app: App, fields: Fields) -> None:
        self._app = app
        self._fields = fields
        self.encoding = gr.State("")
        """The encoding that was chosen for the file; empty where that can be told, None while it is asked for.

        What the choice itself holds on the page may be older than the file.
        """

    @property
    def shown(self) -> list[Any]:
        """What opening gives the values of."""
        return [self._fields.encoding.radio, self._fields.sheet, *self._fields.columns, self.encoding]

    @property
    def asked(self) -> list[Any]:
        """What `request` looks at."""
        return [*self._fields.all, self.encoding]

    def new(self, event: Event) -> Values:
        """A new file: its sheets and columns."""
        return self._fields.encoding.none() | self._opened(event, "", "")

    def decoded(self, event: Event) -> Values:
        """The file in the chosen encoding."""
        return self._opened(event, "", event[self._fields.encoding.radio] or "")

    def turned(self, event: Event) -> Values:
        """Another sheet of the file."""
        return self._opened(event, event[self._fields.sheet] or "", event[self.encoding])

    def again(self, event: Event, run: Run) -> Values:
        """The file and the settings of a run. Raises `InvalidInput` when the file is gone."""
        fields, request = self._fields, run.request
        if not run.file.exists():
            raise InvalidInput("The run's file is gone. Add it again.")
        file = fields.file.move_resource_to_block_cache(run.file)
        filled = fields.fill(request)
        opened = self._opened(event.having({fields.file: file, **filled}), request.sheet, request.encoding)
        others = {widget: value for widget, value in filled.items() if widget not in fields.columns}
        return {fields.file: file, **fields.encoding.none(), **opened, **others}

    def readable(self, event: Event) -> bool:
        """Whether there is a file, and its encoding is known."""
        return bool(event[self._fields.file]) and event[self.encoding] is not None

    def request(self, event: Event, name: str) -> tuple[Request, bytes]:
        """What is asked for, and the file. Raises `InvalidInput` for what can't be."""
        fields = self._fields
        if not event[fields.file]:
            raise InvalidInput("Add a file first.")
        if event[self.encoding] is None:
            raise InvalidInput("Choose the encoding of the file first.")
        data = file_bytes(event[fields.file], self._app.settings.upload_limit_mb)
        request = Request(
            name=name,
            file=Path(event[fields.file]).name,
            settings=fields.chosen(event),
            sheet=event[fields.sheet] or "",
            encoding=event[self.encoding],
            model=self._app.model,
            pinned=pinned_of(event[fields.pinned] or ""),
            made=time.time(),
        )
        return request, data

    def _opened(self, event: Event, sheet: str, encoding: str) -> Values:
        fields, say = self._fields, event.say
        known: Values = {self.encoding: encoding}
        unseen: Values = {fields.sheet: gr.Dropdown(choices=[], value=None, visible=False)}
        if not event[fields.file]:
            return known | unseen | fields.offer_columns((), say)
        try:
            data = file_bytes(event[fields.file], self._app.settings.upload_limit_mb)
            table = read(Path(event[fields.file]).name, data, sheet, encoding)
        except UncertainEncoding as error:
            return unseen | fields.offer_columns((), say) | fields.encoding.offer(error, say) | {self.encoding: None}
        except QwenUIError:  # the look, which comes next, says what is wrong; conversations are no table
            return known | unseen | fields.offer_columns((), say)
        kept = {name: event[fields.settings[name]] for name in COLUMNS}
        sheets = gr.Dropdown(choices=list(table.sheets), value=table.sheet or None, visible=len(table.sheets) > 1)
        return known | {fields.sheet: sheets} | fields.offer_columns(table.columns, say, kept)
