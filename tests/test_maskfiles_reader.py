"""The process that reads pickles ends with the one that started it."""

import subprocess
import sys

from conftest import ROOT


def test_the_reader_of_pickles_ends_with_its_parent_in_the_midst_of_a_file():
    code = "import time; from neutral.maskfiles import worker; worker.do = lambda _: time.sleep(600); worker.main()"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE)
    process.stdin.write(b"{}\n")
    process.stdin.close()  # as when the process that has the other end is killed
    assert process.wait(20) == 0
