"""Who may import what, read from the source, so that a forbidden import fails wherever it stands."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen_ui.settings import PROJECT

PACKAGE = PROJECT / "qwen_ui"
FILES = sorted([PROJECT / "app.py", *PACKAGE.rglob("*.py")])
TORCH = ("torch", "transformers", "bitsandbytes", "accelerate", "peft")
LOOKS = tuple(f"qwen_ui.introspect.{name}" for name in ("codec", "looks", "results", "sampling", "traces"))
"""What can be asked of the model's inside and what comes back: the rest of that room computes it."""
MAY_IMPORT_TORCH = (
    "qwen_ui.engine.local",
    "qwen_ui.engine.zero",
    "qwen_ui.finetune.training",
    "qwen_ui.introspect",
    "qwen_ui.models.load",
)
PAGE = ("app", "qwen_ui.page", "qwen_ui.tabs")
ROOMS = (
    "adapters",
    "decisions",
    "engine",
    "finetune",
    "introspect",
    "knowledge",
    "models",
    "page",
    "prompts",
    "server",
    "tabs",
    "text",
)
ABOVE = {
    "adapters": (
        "decisions",
        "engine",
        "finetune",
        "introspect",
        "knowledge",
        "models",
        "page",
        "prompts",
        "server",
        "tabs",
    ),
    "decisions": ("finetune", "introspect", "knowledge", "models", "page", "server", "tabs"),
    "engine": ("decisions", "finetune", "knowledge", "page", "prompts", "server", "tabs"),
    "finetune": ("decisions", "engine", "introspect", "page", "server", "tabs"),
    "introspect": ("decisions", "knowledge", "page", "prompts", "server", "tabs"),
    "knowledge": ("decisions", "engine", "introspect", "models", "page", "prompts", "server", "tabs"),
    "models": ("decisions", "introspect", "knowledge", "page", "prompts", "server", "tabs"),
    "prompts": ("decisions", "engine", "introspect", "knowledge", "models", "page", "server", "tabs"),
    "server": ("knowledge", "page", "prompts", "tabs"),
    "text": ("decisions", "engine", "introspect", "knowledge", "models", "page", "prompts", "server", "tabs"),
}
"""For each room, those that it knows nothing of."""
BOTTOM = ("sentences", "errors", "messages", "remotes", "settings", "server.limits")


def module_of(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    """Dotted names of everything that the file imports, within functions too; ``a.b`` for ``from a import b``."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports name the package in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def offenders(importers: list[Path], packages: tuple[str, ...]) -> list[str]:
    return [f"{module_of(path)} → {name}" for path in importers for name in imports_of(path) if within(name, packages)]


def files_in(*packages: str) -> list[Path]:
    """The package's files. A rule for what is not there would never fail."""
    for package in packages:
        assert any(within(module_of(path), (package,)) for path in FILES), f"there is no {package}"
    return [path for path in FILES if within(module_of(path), packages)]


def test_all_rooms_have_rules():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders == set(ROOMS)


def test_only_the_page_and_the_tabs_import_gradio():
    allowed = set(files_in(*PAGE))
    assert not offenders([path for path in FILES if path not in allowed], ("gradio", "gradio_client"))


def test_tasks_know_neither_widgets_nor_torch():
    tasks = sorted((PACKAGE / "tabs").glob("*/task.py"))
    assert {path.parent.name for path in tasks} == {path.parent.name for path in PACKAGE.glob("tabs/*/tab.py")}
    assert not offenders(tasks, ("gradio", "qwen_ui.page", *TORCH))


def test_only_the_loader_and_the_engines_import_torch():
    allowed = set(files_in(*MAY_IMPORT_TORCH)) - set(files_in(*LOOKS))
    assert not offenders([path for path in FILES if path not in allowed], TORCH)


def test_only_the_local_engine_and_the_room_itself_know_how_looks_are_computed():
    own = files_in("qwen_ui.introspect", "qwen_ui.engine.local")
    computing = tuple(module_of(path) for path in files_in("qwen_ui.introspect") if module_of(path) not in LOOKS)
    computing = tuple(name for name in computing if name != "qwen_ui.introspect")
    assert not offenders([path for path in FILES if path not in own], computing)


@pytest.mark.parametrize("room", ABOVE)
def test_a_room_imports_nothing_above_it(room: str):
    above = tuple(f"qwen_ui.{name}" for name in ABOVE[room])
    assert files_in(*above)
    assert not offenders(files_in(f"qwen_ui.{room}"), above)


def test_a_tab_imports_no_other_tab():
    for folder in {path.parent for path in PACKAGE.glob("tabs/*/tab.py")}:
        others = tuple(f"qwen_ui.tabs.{other.parent.name}" for other in PACKAGE.glob("tabs/*/tab.py"))
        others = tuple(other for other in others if not other.endswith(f".{folder.name}"))
        assert not offenders(files_in(f"qwen_ui.tabs.{folder.name}"), others)


@pytest.mark.parametrize("module", BOTTOM)
def test_the_bottom_modules_import_only_each_other(module: str):
    names = imports_of(PACKAGE / (module.replace(".", "/") + ".py"))
    project = [name for name in names if within(name, ("qwen_ui",)) and name != "qwen_ui.__version__"]
    assert not [name for name in project if not within(name, tuple(f"qwen_ui.{each}" for each in BOTTOM))]


def test_the_app_loads_no_torch_before_the_page_is_there():
    """Torch takes seconds to import; the page must not wait for it."""
    names = [module_of(path) for path in FILES]
    light = [name for name in names if name in LOOKS or not within(name, MAY_IMPORT_TORCH)]
    code = f"import importlib, sys\nfor name in {light!r}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip().endswith("False")
