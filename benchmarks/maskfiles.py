"""Time the reading of a float32 mask.pt of mBERT's shape, and its memory, beside `torch.load`.

    python -m benchmarks.maskfiles

It writes a mask file as the paper's scripts do (340 MB) to a temporary folder. Memory is the peak resident set beyond
that of the process once its modules are loaded; every measurement has a process of its own. The files have just been
written, so all measurements read them from the system's cache. Last it times eleven small files: a batch in one child
process, and each file in a child of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LAYERS, WIDTH, INNER = 12, 768, 3072


def shapes() -> dict[str, tuple[int, int]]:
    """Return weight name -> shape of mBERT's prunable weights, 85 million."""
    parts = {f"attention.{part}": (WIDTH, WIDTH) for part in ("self.query", "self.key", "self.value", "output.dense")}
    parts |= {"intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER)}
    blocks = {
        f"bert.encoder.layer.{layer}.{part}.weight": shape for layer in range(LAYERS) for part, shape in parts.items()
    }
    return blocks | {"bert.pooler.dense.weight": (WIDTH, WIDTH)}


def peak(who: str = "RUSAGE_SELF") -> float:
    """Return the peak resident memory in MB of this process, or of the largest of its children."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(getattr(resource, who)).ru_maxrss * unit / 1e6


def make(path: str, legacy: bool = False) -> dict[str, float]:
    """Write the float32 masks to `path`, in torch's legacy format if asked, and return how many weights they have."""
    import torch

    torch.manual_seed(0)
    masks = {f"{name}_mask": (torch.rand(shape) < 0.5).float() for name, shape in shapes().items()}
    torch.save(masks, path, _use_new_zipfile_serialization=not legacy)
    return {"weights": sum(mask.numel() for mask in masks.values())}


def read(path: str) -> dict[str, float]:
    """Read the file with this library; return seconds, and the MB of this process and of the child that unpickles."""
    from neutral import maskfiles

    # A child that does all but read: the memory of Python, numpy and torch in it.
    subprocess.run([sys.executable, "-c", "import torch, neutral.maskfiles.worker"], check=True, cwd=sys.path[0])
    own, child = peak(), peak("RUSAGE_CHILDREN")
    start = time.perf_counter()
    mask = maskfiles.read(path)
    seconds = time.perf_counter() - start
    assert mask.size == sum(rows * columns for rows, columns in shapes().values())
    return {"seconds": seconds, "own": peak() - own, "child": peak("RUSAGE_CHILDREN") - child}


def convert(path: str, packed: str) -> dict[str, float]:
    """Write the file again with packed bits, and return its bytes."""
    from neutral import maskfiles

    maskfiles.write(maskfiles.read(path), packed)
    return {"bytes": Path(packed).stat().st_size}


def naive(path: str) -> dict[str, float]:
    """Read the file with torch.load, as the reference analysis does; return seconds and MB."""
    import torch

    own, start = peak(), time.perf_counter()
    masks = torch.load(path, weights_only=True)
    seconds = time.perf_counter() - start
    assert all(mask.dtype == torch.float32 for mask in masks.values())
    return {"seconds": seconds, "own": peak() - own}


def batch(folder: str, count: int = 11) -> dict[str, float]:
    """Write small mask files, and return the seconds that they take as one batch and one by one."""
    import torch

    from neutral import maskfiles

    paths = [f"{folder}/small_{i}.pt" for i in range(count)]
    for path in paths:
        torch.save({"encoder.layer.0.output.dense.weight_mask": torch.eye(64)}, path)
    start = time.perf_counter()
    maskfiles.read_all(paths)
    together = time.perf_counter() - start
    start = time.perf_counter()
    for path in paths:
        maskfiles.read(path)
    return {"together": together, "apart": time.perf_counter() - start}


def main() -> None:
    """Run each part in a process of its own and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        path, legacy, packed = (f"{folder}/{name}" for name in ("en.pt", "legacy_en.pt", "en.safetensors"))

        def part(*arguments: str) -> dict[str, float]:
            command = [sys.executable, __file__, *arguments]
            return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

        weights = part("make", path)["weights"]
        part("make", legacy, "legacy")
        small = part("convert", path, packed)["bytes"]
        size = Path(path).stat().st_size
        print(f"{weights / 1e6:.1f} M weights, {size / 1e6:.0f} MB as float32 (mask.pt)")
        print(f"{'':36}{'seconds':>9}{'peak MB here':>14}{'in the child':>14}")
        rows = {
            "torch.load": part("naive", path),
            "maskfiles.read": part("read", path),
            "torch.load, legacy format": part("naive", legacy),
            "maskfiles.read, legacy format": part("read", legacy),
            "maskfiles.read, packed": part("read", packed),
        }
        for name, row in rows.items():
            child = f"{row['child']:14.0f}" if "child" in row else f"{'-':>14}"
            print(f"{name:36}{row['seconds']:9.2f}{row['own']:14.0f}{child}")
        print(f"packed: {small / 1e6:.1f} MB")
        both = part("batch", folder)
        together, apart = both["together"], both["apart"]
        print(
            f"11 small files: {together:.1f} s in one child, {apart:.1f} s ({apart / together:.1f} times) in one each"
        )


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        step, *arguments = sys.argv[1:]
        print(
            json.dumps(
                {"make": make, "read": read, "convert": convert, "naive": naive, "batch": batch}[step](*arguments)
            )
        )
