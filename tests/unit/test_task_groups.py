"""Where control groups of sandboxes are made: read from the two files of /proc as each kind of machine has them; and a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.task_groups import PREFIX, TaskGroups, _own_group, _remove_left_over, find_task_groups, is_root

V1 = "39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
V2 = "25 22 0:22 / /proc rw - proc proc rw\n30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
IN_A_CONTAINER = "39 31 0:36 /docker/ab12 /sys/fs/cgroup/pids ro - cgroup cgroup ro,pids\n"


@pytest.mark.parametrize(
    ("memberships", "mounts", "folder"),
    [
        ("8:pids:/\n1:cpu:/\n0::/\n", V1, "/sys/fs/cgroup/pids"),
        ("8:pids:/user.slice\n0::/\n", V1, "/sys/fs/cgroup/pids/user.slice"),
        ("4:cpu,cpuacct:/x\n8:pids,misc:/y\n", V1.replace("rw,pids", "rw,misc,pids"), "/sys/fs/cgroup/pids/y"),
        ("0::/user.slice/user-0.slice/session-3.scope\n", V2, "/sys/fs/cgroup/user.slice/user-0.slice/session-3.scope"),
        ("8:pids:/docker/ab12\n", IN_A_CONTAINER, "/sys/fs/cgroup/pids"),
        ("8:pids:/elsewhere\n", IN_A_CONTAINER, None),
        ("0::/\n", "25 22 0:22 / /proc rw - proc proc rw\n", None),
        ("", V2, None),
    ],
)
def test_the_own_group_is_found_in_either_version(memberships: str, mounts: str, folder: str | None) -> None:
    assert _own_group(memberships, mounts) == (folder and Path(folder))


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_uses_is_not(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    left, used = tmp_path / f"{PREFIX}{ended.pid}-1", tmp_path / f"{PREFIX}{os.getpid()}-1"
    left.mkdir()
    used.mkdir()
    _remove_left_over(tmp_path)
    assert used.is_dir() and not left.exists()


def test_a_group_that_a_killed_process_of_the_same_number_left_is_passed_over(tmp_path: Path) -> None:
    groups = TaskGroups(tmp_path)
    start, _, number = groups.new().folder.name.rpartition("-")
    for left in (1, 2):
        (tmp_path / f"{start}-{int(number) + left}").mkdir()
    assert groups.new().folder.name == f"{start}-{int(number) + 3}"


def test_a_group_that_cannot_be_bounded_is_not_left_behind(tmp_path: Path) -> None:
    groups = TaskGroups(tmp_path)
    (tmp_path / "cgroup.subtree_control").mkdir()  # as unwritable for root as for everyone else
    with pytest.raises(OSError, match="directory"):
        groups.new()
    assert [entry.name for entry in tmp_path.iterdir()] == ["cgroup.subtree_control"]


def test_members_of_a_group_cannot_be_more_than_it_allows() -> None:
    groups = find_task_groups() if is_root() else None
    if groups is None:
        pytest.skip("only root makes control groups, and only where they are mounted to be written")
    group = groups.new()
    try:
        group.limit(3)
        script = """
import os, signal
children = []
try:
    while len(children) < 50:
        children.append(os.fork() or signal.pause())
except OSError:
    print(len(children))
for child in children:
    os.kill(child, signal.SIGKILL)
"""
        ran = subprocess.run(group.entering([sys.executable, "-c", script]), capture_output=True, text=True, check=False, timeout=20)
    finally:
        group.remove()
    assert ran.stdout.splitlines()[-1:] == ["2"] and not group.folder.exists()
