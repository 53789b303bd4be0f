"""What a run's states, figures and choices are called."""

from collections.abc import Mapping

from qwen_ui.page.words import Say
from qwen_ui.sentences import marked

STATES = {
    "waiting": marked("waiting"),
    "running": marked("running"),
    "finished": marked("finished"),
    "stopped": marked("stopped"),
    "failed": marked("failed"),
    "interrupted": marked("interrupted"),
}
OPTIONS = {
    "labels": marked("Text and label"),
    "answers": marked("Instruction and answer"),
    "translation": marked("Source and translation"),
    "conversations": marked("Conversations"),
    "text": marked("Plain text"),
    "lora": marked("Adapter (LoRA)"),
    "layers": marked("The last layers"),
    "full": marked("The full model"),
    "all": marked("All"),
    "attention": marked("Attention"),
    "feed-forward": marked("Feed-forward"),
    "adamw8bit": marked("AdamW in 8 bits"),
    "linear": marked("Linear"),
    "cosine": marked("Cosine"),
    "constant": marked("Constant"),
    "cross-entropy": marked("Cross-entropy"),
    "mean-squared-error": marked("Mean squared error"),
    "answer": marked("The answer"),
    "none": marked("None"),
    "balanced": marked("Balanced"),
    "loss": marked("Loss"),
    "metric": marked("Metric"),
}
PRESETS = {
    "quick": marked("Quick"),
    "careful": marked("Careful"),
    "tiny": marked("Tiny data"),
}
METRICS = {
    "accuracy": marked("Accuracy"),
    "macro_f1": marked("Macro-F1"),
    "loss": marked("Loss"),
    "mse": marked("Mean squared error"),
}
PARTS = {
    "train": marked("Training"),
    "validation": marked("Validation"),
    "test": marked("Test"),
}
KINDS = {
    "chat": marked("Chat"),
    "sentiment": marked("Sentiment"),
    "translation": marked("Translation"),
    "translate": marked("Translation"),
}
NAMES = {"adamw": "AdamW", "adam": "Adam", "sgd": "SGD", "adafactor": "Adafactor", "chrf": "chrF"}
"""The same in all languages."""


def named(name: str, titles: Mapping[str, str], say: Say) -> str:
    """What it is called in the reader's language; its own name where it is not known."""
    return say(titles[name]) if name in titles else NAMES.get(name, name)
