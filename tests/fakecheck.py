"""A program that stands for `neutral` and is asked what it would do: it answers at once; else it is `fakerun`.

What it answers is in the run's title, which may ask for a refusal (`fail --seeds: no such seed`) or a silent end
(`die`). Every name that comes from a model or a text is that of the variable FAKE_NAME.
"""

import json
import os
import signal
import sys
import time

import fakerun

MARK = os.environ.get("FAKE_NAME", "a name")


def facts(command):
    """What a check answers."""
    languages = {
        "en": {
            "name": "English", "read": 1200, "unit": "lines", "train": 1080, "held_out": 120, "tokens": 30000,
            "left_out": {MARK: 2}, "labels": {}, "first": {"text": MARK},
        },
        MARK: {"name": MARK, "read": 0, "left_out": {}, "labels": {}, "first": {}, "problem": f"{MARK}.txt: is empty"},
    }  # fmt: skip
    model = {
        "class": "BertForMaskedLM", "task": "mlm", "parameters": 11_000_000,
        "prunable": {"matrices": 24, "weights": 3_000_000, "share": 0.27, "components": {}},
        "left_out": [{"name": MARK, "shape": [3, 4], "reason": "no matrix of a layer"}], "missing": [], "notes": [MARK],
    }  # fmt: skip
    each = [{"unit": f"magnitude {MARK}", "reads": "lines", "writes": "a mask", "seconds": 30}]
    return {
        "command": command, "summary": f"masks of 2 languages, {MARK}", "model": model, "data": languages,
        "units": {"total": 11, "done": 1, "left": 10}, "each": each, "seconds": 640.0, "timed": f"en, {MARK}",
        "memory": 1_200_000_000, "study_bytes": 4_000_000, "notes": [MARK],
    }  # fmt: skip


def _main(words):
    if "--dry-run" not in words:
        return fakerun._main(words)
    title = words[words.index("--title") + 1] if "--title" in words else ""
    if log := os.environ.get("FAKE_CHECKS"):
        with open(log, "a") as file:
            file.write(f"{' '.join(words)}\n")
    if title.startswith("fail "):
        print(f"neutral: {title.removeprefix('fail ')}", file=sys.stderr)
        return 2
    if title == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if title.startswith("wait "):
        time.sleep(float(title.removeprefix("wait ")))
    print("nothing" if title == "nonsense" else json.dumps(facts(words[0])))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
