"""How much memory there is, as /proc and control groups tell it."""

import pytest

from neutral.memory import Memory, give_back, memory

MEMINFO = "MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:    5000 kB\nHugePages_Total:   0\n"


def machine(root, **files):
    for name, text in {"proc/meminfo": MEMINFO, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return memory(root)


def group(folder, limit, used, spare, kind=2):
    names = ("max", "current", "inactive_file")
    if kind == 1:
        names = ("limit_in_bytes", "usage_in_bytes", "total_inactive_file")
    texts = (str(limit), str(used), f"anon 1\n{names[2]} {spare}\n")
    return {f"{folder}/memory.{name}": text for name, text in zip((*names[:2], "stat"), texts, strict=True)}


def test_without_groups_it_is_the_machines(tmp_path):
    assert machine(tmp_path) == Memory(5000 * 1024, 8000 * 1024)


def test_a_container_has_less_than_its_machine(tmp_path):
    files = {"proc/self/cgroup": "0::/\n"} | group("sys/fs/cgroup", 1_000_000, 900_000, 100_000)
    assert machine(tmp_path, **files) == Memory(200_000, 1_000_000)


def test_the_narrowest_of_the_groups_around_a_process_holds(tmp_path):
    files = {"proc/self/cgroup": "0::/slice/app\n"}
    files |= group("sys/fs/cgroup/slice", 2_000_000, 1_990_000, 0) | group("sys/fs/cgroup/slice/app", "max", 5, 0)
    assert machine(tmp_path, **files) == Memory(10_000, 2_000_000)


def test_control_groups_1_are_read_too(tmp_path):
    files = {"proc/self/cgroup": "5:devices:/\n4:memory:/a:b\n"}
    files |= group("sys/fs/cgroup/memory/a:b", 3_000_000, 1_000_000, 0, kind=1)
    assert machine(tmp_path, **files) == Memory(2_000_000, 3_000_000)


def test_more_used_than_there_is_leaves_nothing(tmp_path):
    files = {"proc/self/cgroup": "0::/\n"} | group("sys/fs/cgroup", 1_000, 5_000, 0)
    assert machine(tmp_path, **files) == Memory(0, 1_000)


@pytest.mark.parametrize("meminfo", ["", "MemTotal: 5 kB\n", "MemAvailable: much\nMemTotal: 1 kB\n"])
def test_a_system_that_does_not_tell_is_not_guessed_at(meminfo, tmp_path):
    assert machine(tmp_path, **{"proc/meminfo": meminfo}) is None
    assert memory(tmp_path / "none") is None


def test_giving_back_harms_nothing():
    give_back()
