"""The card of an adapter: what it was trained on, and what came of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CARD = "card.json"


@dataclass(frozen=True, slots=True)
class Card:
    """What an adapter was trained on, and what came of it. Adapters from elsewhere have an empty one."""

    made: str = ""
    """The date, as in ISO 8601."""
    base: str = ""
    """The model's name."""
    base_hash: str = ""
    """The model's fingerprint: see `qwen_ui.models.fingerprint`."""
    data: str = ""
    """The file's name."""
    data_hash: str = ""
    """Its SHA-256, in hexadecimal."""
    rows: int = 0
    """Those that it was trained on."""
    shape: str = ""
    """What the rows were: see `qwen_ui.finetune.settings.Shape`."""
    template: str = ""
    """The prompt file that they were put into, as task/name; it suits this adapter best."""
    labels: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    """On the test rows."""
    curves: tuple[Mapping[str, float], ...] = ()
    """Step and losses."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, folder: Path) -> "Card":
        """The folder's card; an empty one where there is none, or none that can be read."""
        try:
            given = json.loads((folder / CARD).read_text(encoding="utf-8"))
            known = {name: given[name] for name in cls.__dataclass_fields__ if name in given}
            return cls(**{**known, "labels": tuple(known.get("labels", ()))})
        except (OSError, ValueError, TypeError):
            return cls()
