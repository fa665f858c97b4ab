"""Machine code for this processor from LLVM's language, some hundredths of a second a function, once a process."""

from __future__ import annotations

import ctypes
import re
import sys
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm
from llvmlite import ir

_UNNEEDED = 4  # MADV_DONTNEED

_kept: list[llvm.ExecutionEngine] = []  # their functions live as long as they


@cache
def has_permutations() -> bool:
    """Whether the processor permutes eight float32 numbers in one instruction (AVX2)."""
    return llvm.get_host_cpu_features().get("avx2", False)


def compiled(module: ir.Module) -> ctypes._CFuncPtr:
    """Return the function `run` of a module of int64 arguments; it runs without Python's lock."""
    machine = _target()
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    engine = llvm.create_mcjit_compiler(parsed, machine)
    engine.finalize_object()
    _kept.append(engine)
    _give_back()
    arguments = [ctypes.c_int64] * len(module.get_global("run").args)
    return ctypes.CFUNCTYPE(None, *arguments)(engine.get_function_address("run"))


def _give_back() -> None:
    """Let go of LLVM's pages in memory, 70 MB; they are read from its file again where they are needed again."""
    for start, length in _pages():
        ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), _UNNEEDED)


@cache
def _pages() -> list[tuple[int, int]]:
    """Return where LLVM's library is in memory as it is in its file: start and length. Nothing but on Linux."""
    if sys.platform != "linux":
        return []
    ranges = re.findall(
        r"^([0-9a-f]+)-([0-9a-f]+) r-.p .*libllvmlite.*\n(?:\w+: .*\n)*?Anonymous: +0 kB\n(?:\w+: .*\n)*?Swap: +0 kB$",
        Path("/proc/self/smaps").read_text(errors="replace"),
        re.MULTILINE,
    )
    return [(int(start, 16), int(stop, 16) - int(start, 16)) for start, stop in ranges]


def _target() -> llvm.TargetMachine:
    """Return this very processor as a target; an engine takes it over, so each gets its own."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)
