"""Write down the card, its driver, the processor and the versions of the libraries.

python -m benchmarks.gpu.card --out FILE
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmarks.gpu.timing import write
from neutral.tasks import gains_from_bfloat16

PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "safetensors", "numpy", "scipy", "pandas", "pytest")


def installed(name: str) -> str | None:
    """Return a package's version, or None if it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def cards() -> str:
    """Return what the driver says of the cards."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"nvidia-smi: {error}"


def main() -> None:
    """Write one row."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True, type=Path, metavar="FILE")
    options = parser.parse_args()
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name(place) if place.type == "cuda" else platform.processor()
    write(
        options.out,
        step="card",
        device=place.type,
        name=name,
        driver=cards(),
        cuda=torch.version.cuda,
        bfloat16=gains_from_bfloat16(place),
        bfloat16_on_the_processor=gains_from_bfloat16(torch.device("cpu")),
        processors=os.cpu_count(),
        threads=torch.get_num_threads(),
        python=platform.python_version(),
        **{package: installed(package) for package in PACKAGES},
    )


if __name__ == "__main__":
    main()
