"""A run of the app without a model: a program that stands for `neutral`, and a supervisor that starts it.

As `neutral` does, it writes the file of `--json-progress`, ends cleanly on SIGUSR1 with 130, and says what it did on
standard error. What it does else is in its title, as in `sleep 5; until PATH; deaf 5; eat 50; child 5; threads; fail no
such text; fault x; exit 3`.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

GRACE = (0.3, 0.3)


def supervisor(tick=0.05):
    """The command of a supervisor that starts this file in place of `neutral`."""
    program = [sys.executable, __file__]
    code = f"from neutral.jobs import supervisor; supervisor.main({program}, grace={GRACE}, tick={tick})"
    return (sys.executable, "-c", code)


def _progress(path, state, message=""):
    """Write the file as the contract says."""
    told = {"state": state, "pid": os.getpid(), "units": {"done": 1, "total": 2, "before": 0}, "message": message}
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(told))
    os.replace(draft, path)


def _main(words):
    path = Path(words[words.index("--json-progress") + 1])
    title = words[words.index("--title") + 1] if "--title" in words else ""
    study = Path(words[words.index("--study") + 1])
    asked = []
    signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
    _progress(path, "running")
    study.mkdir(parents=True, exist_ok=True)
    with open(study / "begun", "a") as begun:
        begun.write(f"{title}\n")
    kept, children = [], []
    for deed in filter(None, (part.strip() for part in title.split(";"))):
        what, _, rest = deed.partition(" ")
        end = time.monotonic() + (float(rest) if what in ("sleep", "deaf") else 0)
        if what == "eat":
            kept.append(b"1" * int(float(rest) * 1e6))
        elif what == "child":
            children.append(os.spawnlp(os.P_NOWAIT, "sleep", "sleep", rest))
            print(f"child {children[-1]}")
        elif what == "threads":
            print(os.environ.get("OMP_NUM_THREADS"))
        elif what == "fail":
            _progress(path, "failed", rest)
            print(f"neutral: {rest}", file=sys.stderr)
            return 2
        elif what == "fault":
            raise ValueError(rest)
        elif what == "exit":
            return int(rest)
        while time.monotonic() < end or (what == "until" and not Path(rest).exists()):
            if asked and what != "deaf":
                _progress(path, "stopped")
                print("neutral: stopped; run the same command again to go on", file=sys.stderr)
                return 130
            time.sleep(0.01)
    _progress(path, "done")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
