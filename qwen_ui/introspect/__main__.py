"""`python -m qwen_ui.introspect FOLDER`: does the job that is in the folder, on 16-bit weights. See `beside`."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qwen_ui.errors import QwenUIError
from qwen_ui.finetune.cli import told
from qwen_ui.finetune.training import priority

JOB, RESULT = "job.json", "result.npz"
"""Files in the folder."""
DONE, BAD_INPUT = 0, 2


def main(argv: Sequence[str]) -> int:
    """Writes what came of the job beside it, or prints why nothing did; gives the exit status."""
    (folder,) = (Path(each) for each in argv)
    priority.lower(priority.LOWEST)
    import torch  # noqa: PLC0415  after the priority: its threads take it over

    from qwen_ui.introspect import steps  # noqa: PLC0415

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))  # beside a server one less does more
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    try:
        made = {"states": steps.last_states, "backward": steps.step}[job["kind"]](job)
    except QwenUIError as error:
        print(json.dumps(told(error), ensure_ascii=False))
        return BAD_INPUT
    np.savez(folder / RESULT, **made)
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
