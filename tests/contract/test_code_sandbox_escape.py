"""The escape suite: each script tries to get out, to look in, or to forge what comes back. What it managed is judged from outside
wherever that is possible.

``test_code_sandbox_exhaustion.py`` has those that use the machine up. The cloud's sandbox service runs a short form of both on itself
before it takes traffic (``shared/isolation``).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.sandbox_python import find_sandbox_python
from shared.sandbox import SandboxInput
from tests.support.sandbox_service import linked_store, sandbox, sandbox_service
from tests.support.sandboxes import ROOT, Run, recorded, run

__all__ = ["linked_store", "run", "sandbox", "sandbox_service"]  # the fixtures, for pytest to find


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A server on the host's loopback, and who connected to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.01)
        arrived: list[str] = []
        yield server.getsockname()[1], arrived
        try:
            arrived.append(str(server.accept()[1]))
        except TimeoutError:
            pass
        assert arrived == []


def test_there_is_no_network(run: Run, listener: tuple[int, list[str]], tmp_path: Path) -> None:
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0kimera-escape-test")
    abstract.listen()
    named = socket.socket(socket.AF_UNIX)
    named.bind(str(tmp_path / "s"))
    named.listen()
    result = run(
        """
        import os, socket
        def reach(name, family, address):
            try:
                with socket.socket(family) as s:
                    s.settimeout(1); s.connect(address); record(name, "connected")
            except OSError as error:
                record(name, "no")
        reach("metadata server", socket.AF_INET, ("169.254.169.254", 80))
        reach("host loopback", socket.AF_INET, ("127.0.0.1", parameters["port"]))
        reach("internet", socket.AF_INET, ("1.1.1.1", 443))
        reach("internet v6", socket.AF_INET6, ("2606:4700:4700::1111", 443))
        reach("abstract socket", socket.AF_UNIX, "\\0kimera-escape-test")
        reach("named socket", socket.AF_UNIX, parameters["named"])
        try:
            socket.getaddrinfo("example.com", 80); record("DNS", "resolved")
        except OSError:
            record("DNS", "no")
        try:
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW); record("raw", "opened")
        except OSError:
            record("raw", "no")
        record("interfaces", ",".join(name for _, name in socket.if_nameindex()))
        record("routes", len(open("/proc/net/route").readlines()) - 1)
        """,
        parameters={"port": listener[0], "named": str(tmp_path / "s")},
    )
    abstract.close()
    named.close()
    outcomes = recorded(result)
    assert outcomes.pop("interfaces") == "lo" and outcomes.pop("routes") == 0
    assert set(outcomes.values()) == {"no"} and len(outcomes) == 8


HOST_FILES = (
    *("/etc/passwd", "/etc/shadow", "/etc/hostname", "/etc/resolv.conf", "/proc/kcore", "/dev/mem", "/dev/sda", "/dev/vda"),
    *("/var/run/docker.sock", "/sys/kernel", "/run", "/var", "/home", "/boot", "/mnt", "/opt", "/usr/bin/env", "/usr/share"),
)


def test_no_file_of_the_host_can_be_read(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("mark-of-the-host")
    home = Path.home() / f".kimera-escape-{os.getpid()}"
    home.write_text("mark-of-the-host")
    try:
        result = run(
            """
            import os, glob
            for path in [*parameters["paths"], *parameters["usual"]]:
                for route in (path, "/proc/1/root" + path, "/proc/self/root" + path, "/proc/self/cwd/../.." + path):
                    if os.path.isdir(route) or (os.path.exists(route) and open(route, "rb").read(1)):
                        record(route, "readable")
            found = []
            for folder, folders, files in os.walk("/"):
                folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", *parameters["skip"])]
                found += [os.path.join(folder, name) for name in files]
            record("visible", "|".join(sorted(found))[:2000])
            record("top", ",".join(sorted(os.listdir("/"))))
            """,
            parameters={
                "usual": [*HOST_FILES],
                "paths": [str(secret), str(home), str(ROOT / "pyproject.toml"), str(ROOT / "shared")],
                "skip": ["/packages", "/usr", "/lib", "/lib64", *[str(parent) for parent in _interpreter_prefixes()]],
            },
        )
    finally:
        home.unlink()
    outcomes = recorded(result)
    top = str(outcomes.pop("top")).split(",")
    visible = str(outcomes.pop("visible")).split("|")
    assert outcomes == {}
    assert set(top) <= {"dev", "etc", "job", "lib", "lib64", "packages", "proc", "runtime", "tmp", "usr"} | {
        prefix.parts[1] for prefix in _interpreter_prefixes()
    }
    assert {path for path in visible if not path.startswith(("/runtime/", "/dev/"))} <= {"/etc/ld.so.cache", "/job/script.py"}


def _interpreter_prefixes() -> list[Path]:
    real = find_sandbox_python(os.environ, ROOT).resolve()
    return [] if real.is_relative_to("/usr") else [real.parent.parent]


def test_the_environment_is_a_fixed_short_list(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMERA_ESCAPE_MARK", "mark-of-the-host")
    result = run(
        """
        import os
        record("names", ",".join(sorted(os.environ)))
        seen = ""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            for name in ("environ", "cmdline", "maps", "mountinfo"):
                try: seen += open(f"/proc/{pid}/{name}", errors="replace").read()
                except OSError: pass
        record("mark", "mark-of-the-host" in seen)
        """
    )
    outcomes = recorded(result)
    assert outcomes["mark"] is False
    assert "HOME" in str(outcomes["names"]) and "KIMERA" not in str(outcomes["names"]) and len(str(outcomes["names"]).split(",")) < 30


def test_only_its_own_processes_are_visible_and_none_of_the_host_can_be_signalled(run: Run) -> None:
    result = run(
        """
        import ctypes, os
        record("visible", len([name for name in os.listdir("/proc") if name.isdigit()]))
        for pid in (parameters["host pid"], parameters["host parent"]):
            try:
                os.kill(pid, 0); record(f"signal {pid}", pid > 20)
            except ProcessLookupError:
                pass
        libc = ctypes.CDLL(None, use_errno=True)
        record("ptrace", libc.ptrace(16, parameters["host pid"], 0, 0))
        """,
        parameters={"host pid": os.getpid(), "host parent": os.getppid()},
    )
    outcomes = recorded(result)
    assert 2 <= int(str(outcomes.pop("visible"))) <= 4
    assert outcomes.pop("ptrace") == -1 and True not in outcomes.values()


def test_nothing_but_tmp_and_outputs_can_be_written(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("original")
    table.chmod(0o666)
    result = run(
        """
        import os, stat
        for path in ("inputs/in.csv", "script.py", "/runtime/bootstrap.py", "/runtime/kimera_runtime.py", "/runtime/job.json",
                     "/etc/ld.so.cache", "/proc/sys/kernel/core_pattern", "/proc/self/oom_score_adj", "/proc/self/uid_map", os.__file__):
            for act in (lambda p: open(p, "r+"), lambda p: os.chmod(p, 0o777), os.unlink, lambda p: os.rename(p, p + "x")):
                try: act(path); record(path, "changed")
                except OSError: pass
        writable = set()
        for folder, folders, files in os.walk("/"):
            if folder.startswith("/proc"): folders[:] = []; continue
            try:
                open(os.path.join(folder, "probe"), "x").close(); writable.add(folder)
            except OSError: pass
            if folder.startswith("/packages/0/"): folders[:] = []
        record("writable", ",".join(sorted(writable)))
        """,
        inputs=(SandboxInput("in.csv", table),),
    )
    assert recorded(result) == {"writable": "/dev/shm,/job/outputs,/tmp"}
    assert table.read_text() == "original"


def test_privileges_and_further_namespaces_are_out_of_reach(run: Run) -> None:
    result = run(
        """
        import ctypes, os, signal
        libc = ctypes.CDLL(None, use_errno=True)
        for name, flag in {"user": 0x10000000, "mount": 0x20000, "net": 0x40000000, "pid": 0x20000000}.items():
            record("unshare " + name, libc.unshare(flag))
        def clone_in_new_user_namespace():
            pid = libc.syscall(56 if os.uname().machine == "x86_64" else 220, 0x10000000 | int(signal.SIGCHLD), 0, 0, 0, 0)
            if pid == 0: os._exit(0)
            return -1 if pid < 0 else pid
        record("clone", clone_in_new_user_namespace())
        record("mount", libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
        record("remount", libc.mount(b"none", b"/job/inputs", None, 32 | 4096, None))
        record("chroot", libc.chroot(b"/tmp"))
        record("setuid", libc.setuid(0))
        record("sethostname", libc.sethostname(b"x", 1))
        status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
        record("capabilities", status["CapEff"] + status["CapPrm"] + status["CapAmb"]); record("no new privileges", status["NoNewPrivs"])
        try: os.mknod("/tmp/disk", 0o60666, os.makedev(8, 0)); record("device", 0)
        except OSError: record("device", -1)
        try: open("/dev/tty"); record("terminal", 0)
        except OSError: record("terminal", -1)
        """
    )
    outcomes = recorded(result)
    assert outcomes.pop("capabilities") == "0" * 48 and outcomes.pop("no new privileges") == "1"
    assert set(outcomes.values()) == {-1}, outcomes


def test_no_descriptor_of_the_host_is_inherited(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "open.txt"
    secret.write_text("mark-of-the-host")
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        result = run(
            """
            import os
            links = []
            for pid in filter(str.isdigit, os.listdir("/proc")):
                for name in os.listdir(f"/proc/{pid}/fd"):
                    try: links.append(os.readlink(f"/proc/{pid}/fd/{name}"))
                    except OSError: pass
            ours = ("pipe:", "/proc/", "anon_inode:")
            record("other than pipes", ",".join(sorted({link for link in links if not link.startswith(ours)})))
            """
        )
    assert recorded(result) == {"other than pipes": "/dev/null"}


def test_links_and_special_files_among_the_outputs_are_left_out_and_said(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("mark-of-the-host")
    result = run(
        """
        import os, socket
        os.symlink(parameters["secret"], "outputs/link.txt"); os.symlink("/etc", "outputs/folder")
        os.symlink("script.py", "outputs/inside")
        os.mkfifo("outputs/fifo"); socket.socket(socket.AF_UNIX).bind("outputs/socket")
        open("outputs/a", "w").write("a"); os.link("outputs/a", "outputs/b")
        open("outputs/good.txt", "w").write("good")
        """,
        parameters={"secret": str(secret)},
    )
    assert result.status == "ok" and [file.name for file in result.outputs] == ["good.txt"]
    assert sorted(warning.split()[0].removeprefix("outputs/") for warning in result.warnings) == [
        "a",
        "b",
        "fifo",
        "folder",
        "inside",
        "link.txt",
        "socket",
    ]
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_hostile_names_of_outputs_stay_in_their_folder(run: Run, tmp_path: Path) -> None:
    result = run(
        """
        for name in (b"\\xff\\xfe", b"line\\nbreak", b"back\\\\slash", b"-rf", b"good.txt"):
            open(b"outputs/" + name, "w").close()
        """
    )
    assert result.status == "ok" and [file.name for file in result.outputs] == ["-rf", "good.txt", "\ufffd\ufffd"]
    assert [warning.split(" has ")[0] for warning in result.warnings] == ["outputs/back\\slash", "outputs/line?break"]
    forged = run(
        """
        import json, os
        ours = [int(name) for name in os.listdir(f"/proc/{os.getppid()}/fd")]
        for name in ours:
            if name > 2:
                with open(f"/proc/{os.getppid()}/fd/{name}", "wb") as stream:
                    stream.write(json.dumps({"name": "../escaped", "size": 1}).encode() + b"\\nx")
        """
    )
    assert forged.outputs == () and not list(tmp_path.rglob("escaped")) and not (tmp_path.parent / "escaped").exists()


@pytest.mark.parametrize(
    "forgery",
    [
        b"not json\n",
        b'{"t":"record","name":"x","value":NaN,"unit":null,"n":null,"filters":null,"line":1}\n',
        b'{"t":"record","name":"x","value":1e999,"unit":null,"n":null,"filters":null,"line":1}\n',
        b'{"t":"emit","result":' + b'{"a":' * 5_000,
        b'{"t":"emit","result":{"a":"\\ud800"}}\n',
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
    ],
)
def test_a_forged_channel_is_an_error_and_keeps_what_came_before(run: Run, forgery: bytes) -> None:
    result = run(f"import os, kimera_runtime\nrecord('before', 1)\nos.write(kimera_runtime._channel, {forgery!r})\nrecord('after', 1)")
    assert result.status == "error" and "malformed" in result.warnings[-1]
    assert [value.name for value in result.values] == ["before"] and result.result is None
