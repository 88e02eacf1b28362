"""Processes are measured with their children, suspended whole, and gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bench.cores import choose_cores, pinned_to
from deploy.bench.processes import ProcessTree, free_port, running

BUSY_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def idle_parent_of_busy_child() -> Iterator[tuple[ProcessTree, int]]:
    with subprocess.Popen([sys.executable, "-c", BUSY_CHILD], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        tree = ProcessTree(parent.pid)
        try:
            yield tree, child_pid
        finally:
            tree.send(9)


def spent_in(seconds: float, tree: ProcessTree) -> float:
    before_s = tree.cpu_s()
    time.sleep(seconds)
    return tree.cpu_s() - before_s


def test_cpu_time_includes_the_children(idle_parent_of_busy_child: tuple[ProcessTree, int]) -> None:
    tree, child_pid = idle_parent_of_busy_child
    assert spent_in(1.0, tree) > 0.1
    assert tree.cpu_s() >= ProcessTree(child_pid).cpu_s() > 0.1


def test_a_tree_spends_only_while_awake(idle_parent_of_busy_child: tuple[ProcessTree, int]) -> None:
    tree, _ = idle_parent_of_busy_child
    with tree.awake():
        assert spent_in(0.5, tree) > 0.05
    time.sleep(0.05)
    assert spent_in(0.3, tree) == 0.0


def test_a_server_is_up_inside_and_gone_after() -> None:
    port = free_port()
    with running(["-m", "http.server", str(port), "--bind", "127.0.0.1"], port=port) as tree:
        assert Path(f"/proc/{tree.root_pid}").exists()
    assert not Path(f"/proc/{tree.root_pid}").exists()


def test_a_server_that_fails_says_why() -> None:
    nothing = running(["-m", "deploy.bench.nothing"], port=free_port())
    with pytest.raises(RuntimeError, match=r"No module named deploy\.bench\.nothing"), nothing:
        pytest.fail("the body must not start")


def test_children_inherit_the_core_and_the_parent_gets_its_own_back() -> None:
    before = os.sched_getaffinity(0)
    core = choose_cores().load
    with pinned_to(core):
        question = "import os; print(os.sched_getaffinity(0))"
        answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == str({core})
    assert os.sched_getaffinity(0) == before


def test_one_core_is_refused() -> None:
    with pinned_to(choose_cores().server), pytest.raises(ValueError, match="two cores"):
        choose_cores()
