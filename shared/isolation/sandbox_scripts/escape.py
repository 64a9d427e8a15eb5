"""Tries to get out of the sandbox it runs in, and records what it managed. ``shared/isolation/selfcheck.py`` judges."""

import ctypes
import os
import socket
from contextlib import suppress
from pathlib import Path

from kimera_runtime import inputs, parameters, record

ADDRESS_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6, "unix": socket.AF_UNIX}
NAMESPACES = {"user": 0x10000000, "mount": 0x20000, "network": 0x40000000, "process": 0x20000000}


def reaches(family: str, address: object) -> bool:
    """Whether somebody answers there."""
    try:
        with socket.socket(ADDRESS_FAMILIES[family]) as connection:
            connection.settimeout(0.5)
            connection.connect(tuple(address) if isinstance(address, list) else address)
        return True
    except OSError:
        return False


def reads(path: str) -> bool:
    """Whether there is such a file or folder of the host, by any way to it."""
    for route in (path, "/proc/1/root" + path, "/proc/self/cwd/../.." + path):
        with suppress(OSError):
            if os.path.isdir(route) or Path(route).read_bytes():
                return True
    return False


def writes(folder: str) -> bool:
    """Whether a file can be made in it."""
    try:
        Path(folder, "probe").touch(exist_ok=False)
    except OSError:
        return False
    return True


def signals(pid: int) -> bool:
    """Whether a process of the host is in reach. A number as low as those in here says nothing."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return pid > 20


for name, (family, address) in parameters["addresses"].items():
    record(f"reaches {name}", reaches(family, address))
record("has interfaces beside the loopback", [name for _, name in socket.if_nameindex()] != ["lo"])
for path in parameters["files"]:
    record(f"reads {path}", reads(path))
for folder in ("/", "/job", "/job/inputs", "/runtime", "/usr", "/etc", "/packages", "/proc/sys/kernel"):
    record(f"writes to {folder}", writes(folder))
record("changes its input", os.access(inputs["input"], os.W_OK) or os.access("inputs", os.W_OK))
record("reads its input", Path(inputs["input"]).read_text() == "input")

libc = ctypes.CDLL(None, use_errno=True)
for name, flag in NAMESPACES.items():
    record(f"makes a new {name} namespace", libc.unshare(flag) == 0)
record("mounts", libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0)
record("becomes root", libc.setuid(0) == 0)
status = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
record("has capabilities", set(status["CapEff"] + status["CapPrm"] + status["CapAmb"]) != {"0"})
record("may gain privileges", status["NoNewPrivs"] != "1")

processes = [name for name in os.listdir("/proc") if name.isdigit()]
record("sees processes of the host", len(processes) > 4)
record("signals the host", any(signals(pid) for pid in parameters["processes"]))
seen = " ".join(os.environ) + " ".join(os.environ.values())
for pid in processes:
    for name in ("environ", "cmdline"):
        with suppress(OSError):
            seen += Path(f"/proc/{pid}/{name}").read_text(errors="replace")
record("sees the host's environment", parameters["mark"] in seen or any(name in os.environ for name in parameters["names"]))
