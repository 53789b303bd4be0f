"""Who may import what, read from the source, so that a forbidden import fails wherever it stands."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen_ui.config import PROJECT

PACKAGE = PROJECT / "qwen_ui"
FILES = sorted([PROJECT / "app.py", *PACKAGE.rglob("*.py")])
TORCH = ("torch", "transformers", "bitsandbytes", "accelerate", "peft")
MAY_IMPORT_TORCH = (
    "qwen_ui.engine.local",
    "qwen_ui.engine.zero",
    "qwen_ui.models.load",
    "qwen_ui.models.folder",
    "qwen_ui.models.machine",
)

FORBIDDEN = {
    "qwen_ui.tasks": ("qwen_ui.engine", "qwen_ui.server.host", "qwen_ui.models", "qwen_ui.ui", "qwen_ui.config"),
    "qwen_ui.prompts": ("qwen_ui.engine", "qwen_ui.server.host", "qwen_ui.models", "qwen_ui.ui", "qwen_ui.tasks"),
    "qwen_ui.knowledge": ("qwen_ui.engine", "qwen_ui.server.host", "qwen_ui.models", "qwen_ui.ui", "qwen_ui.tasks"),
    "qwen_ui.engine": ("qwen_ui.tasks", "qwen_ui.prompts", "qwen_ui.ui", "qwen_ui.knowledge", "qwen_ui.server.host"),
    "qwen_ui.models": ("qwen_ui.tasks", "qwen_ui.prompts", "qwen_ui.ui", "qwen_ui.knowledge", "qwen_ui.server.host"),
}
BOTTOM = (
    "qwen_ui.errors",
    "qwen_ui.messages",
    "qwen_ui.config",
    "qwen_ui.flags",
    "qwen_ui.kinds",
    "qwen_ui.server.limits",
)


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


def test_only_the_ui_and_the_app_import_gradio():
    others = [path for path in FILES if not within(module_of(path), ("app", "qwen_ui.ui"))]
    assert not offenders(others, ("gradio", "gradio_client"))


def test_only_the_loader_and_the_local_engine_import_torch():
    others = [path for path in FILES if not within(module_of(path), MAY_IMPORT_TORCH)]
    assert not offenders(others, TORCH)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_nothing_above_it(package: str):
    inside = [path for path in FILES if within(module_of(path), (package,))]
    assert not offenders(inside, FORBIDDEN[package])


@pytest.mark.parametrize("module", BOTTOM)
def test_the_bottom_modules_import_only_each_other(module: str):
    names = imports_of(PROJECT / (module.replace(".", "/") + ".py"))
    project = [name for name in names if within(name, ("qwen_ui",)) and name != "qwen_ui.__version__"]
    assert not [name for name in project if not within(name, BOTTOM)]


def test_the_app_loads_no_torch_before_the_page_is_there():
    """Torch takes seconds to import; the page must not wait for it."""
    light = [module_of(path) for path in FILES if not within(module_of(path), MAY_IMPORT_TORCH)]
    code = f"import importlib, sys\nfor name in {light!r}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip().endswith("False")
