"""Runs app.py as a ZeroGPU Space does, with the real ``spaces`` package, on a machine without a GPU.

The package's emulation of CUDA, its packing of the weights to disk, its forked workers and their queues are real. Only
the last step stands in: a worker reads the packed weights into main memory instead of onto its GPU.
A CPU build of torch names no version of CUDA and has no start of it; the package asks for both.
"""

import itertools
import sys
from pathlib import Path

import torch

torch.version.cuda = torch.version.cuda or "12.8"
if not hasattr(torch._C, "_cuda_init"):
    torch._C._cuda_init = torch.cuda.init
    torch.cuda._is_in_bad_fork = torch.cuda.is_initialized  # there, a function that can be pickled

import spaces.zero.torch as emulation  # noqa: E402  only after that
from spaces.zero.torch import patching  # noqa: E402


def into_main_memory(callback: object = None) -> None:
    """Gives the weights their numbers back from the package's file."""
    torch.set_num_threads(1)  # the parent's OpenMP threads were not forked
    for pack in patching.tensor_packs:
        packed, at = bytearray(Path(pack.path()).read_bytes()), 0
        for meta, size, padded in itertools.chain(*pack.batches, pack.big_tensors):
            numbers = torch.frombuffer(packed, dtype=torch.uint8, count=size, offset=at).view(meta.dtype)
            for weight in pack.fakes[meta]:
                weight.data = numbers.as_strided(meta.shape, meta.stride())
            at += padded


emulation.init = lambda uuid: None
emulation.move = into_main_memory

import app  # noqa: E402

sys.exit(app.main())
