"""Runs app.py as a ZeroGPU Space does, with the real ``spaces`` package, on a machine without a GPU.

The package's emulation of CUDA, its forked workers and their queues are real. Two things stand in, as they need a GPU:
in the worker the weights stay in main memory, and they are not written to a file for it before the page is served.
A CPU build of torch names no version of CUDA and has no start of it; the package asks for both.
"""

import sys

import torch

torch.version.cuda = torch.version.cuda or "12.8"
if not hasattr(torch._C, "_cuda_init"):
    torch._C._cuda_init = torch.cuda.init
    torch.cuda._is_in_bad_fork = torch.cuda.is_initialized  # there, a function that can be pickled

import spaces.zero.torch as emulation  # noqa: E402  only after that
from spaces.zero.torch import patching  # noqa: E402


def stay(callback: object = None) -> None:
    """Instead of moving the weights to the GPU."""
    for fake, original in patching.cuda_aliases.items():
        fake.data = original
    torch.set_num_threads(1)  # the parent's OpenMP threads were not forked


emulation.init = lambda uuid: None
emulation.move = stay
emulation.pack = lambda: 0

import app  # noqa: E402

sys.exit(app.main())
