"""The comparison that a GPU is measured with, tried without one on a small model of the same kind."""

from itertools import product
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from bench import gpu
from qwen_ui.models.catalog import Known
from qwen_ui.settings import Settings
from tests.models.tiny import in_thread

SMALL = Known("small", 64, 128, 2, 4, 2, 1000, tied=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the small shape."""
    path = tmp_path_factory.mktemp("small")
    in_thread(lambda: gpu.make(path, SMALL, "cpu"))
    return path


def test_every_token_of_the_made_model_is_text(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert len(tokenizer) == SMALL.vocab
    assert tokenizer.decode(tokenizer("A 故事?").input_ids) == "A 故事?"
    assert all(tokenizer.decode([token], skip_special_tokens=True) for token in range(3, SMALL.vocab))


def test_all_ways_are_measured_side_by_side(folder: Path) -> None:
    figures = gpu.compare(Settings(model=str(folder), max_context=512), {1: 4, 2: 3}, ["bf16"])
    values = {figure.what: figure.value for figure in figures}
    ours, others = [way.name for way in gpu.ENGINES], ["lock around generate", "a generate thread a request"]
    for users in ("1 user", "2 users"):
        speed = {way: float(values[f"bf16, {users}: {way}"].removesuffix(" tokens/s")) for way in ours + others}
        assert min(speed.values()) > 0
        for mine, other in product(ours, others):
            ratio = float(values[f"bf16, {users}: {mine} ÷ {other}"])
            assert ratio == pytest.approx(speed[mine] / speed[other], rel=0.1, abs=0.1)  # both are rounded
    assert all(f"bf16, peak memory: {name}" in values for name in ours + others)


def test_without_a_gpu_it_says_that_it_was_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (figure,) = gpu.run(Settings())
    assert (figure.value, "Qwen2.5-7B" in figure.what) == ("not run", True)
