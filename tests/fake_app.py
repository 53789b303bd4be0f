"""The app over an engine without a model, for a process of its own: ``python -m tests.fake_app <words> <flags>``.

Its answers say so many words at once, and then never end.
"""

import os
import sys

import app
from qwen_ui.server import logs
from qwen_ui.settings import read
from tests.fakes import FakeEngine


def main() -> int:
    words, *flags = sys.argv[1:]
    engine = FakeEngine(["word"] * 1000, steps=int(words))
    here = {name: os.environ[name] for name in ["QWEN_UI_DATA_DIR"] if name in os.environ}
    settings = read(flags, here)  # what else its user has set holds for the real app
    logs.set_up(settings)
    return app.serve(settings, lambda settings, report: engine)


if __name__ == "__main__":
    sys.exit(main())
