"""The bubblewrap command line of one run, and what its refusals mean. What is not named here does not exist in the sandbox.

Options as in bwrap(1) of bubblewrap 0.8, the first with ``--disable-userns``; order matters: a mount hides what came before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.adapters.sandbox_python import SandboxPython

MIB = 1 << 20
TMP = "/tmp"  # noqa: S108 (a folder of the sandbox: its own file system in memory)
SHM = "/dev/shm"  # noqa: S108 (likewise)
SHM_MB = 64
NEEDED_OPTIONS = ("--disable-userns", "--size", "--perms", "--clearenv", "--json-status-fd", "--unshare-all", "--die-with-parent")

ENVIRONMENT = {
    "HOME": TMP,
    "TMPDIR": TMP,
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PATH": "/usr/bin",
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    "SOURCE_DATE_EPOCH": "1704067200",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": f"{TMP}/matplotlib",
    "MATPLOTLIBRC": "/runtime/matplotlibrc",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "LOKY_MAX_CPU_COUNT": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "2",
    "MALLOC_ARENA_MAX": "2",
}
"""All of the environment: fixed, so that equal jobs give equal results; one thread per library, so that the limits mean something."""


def sandbox_arguments(
    python: SandboxPython, *, files: Mapping[str, int], inputs: Mapping[str, Path] | Path, file_mb: int, status_fd: int
) -> list[str]:
    """The options. ``files``: path in the sandbox -> descriptor to copy it from; ``inputs``: name -> host file, or a host folder."""
    arguments = [
        *("--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox"),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--json-status-fd", str(status_fd)),
        *_system_libraries(python.multiarch),
    ]
    for path in python.system:
        arguments += ["--ro-bind", str(path), str(path)]
    for number, path in enumerate(python.packages):
        arguments += ["--ro-bind", str(path), f"/packages/{number}"]
    for target, descriptor in files.items():
        arguments += ["--perms", "0444", "--file", str(descriptor), target]
    if isinstance(inputs, Path):
        arguments += ["--ro-bind", str(inputs), "/job/inputs"]
    else:
        arguments += ["--dir", "/job/inputs"]
        for name, path in inputs.items():
            arguments += ["--ro-bind", str(path), f"/job/inputs/{name}"]
    for folder, size_mb in ((TMP, file_mb), ("/job/outputs", file_mb)):
        arguments += ["--size", str(size_mb * MIB), "--tmpfs", folder]
    arguments += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
    arguments += ["--size", str(SHM_MB * MIB), "--tmpfs", SHM, "--remount-ro", "/dev", "--remount-ro", "/"]
    arguments += ["--chdir", "/job", "--clearenv"]
    search_path = ["/runtime", *(f"/packages/{number}" for number in range(len(python.packages)))]
    for name, value in {**ENVIRONMENT, "PYTHONPATH": ":".join(search_path)}.items():
        arguments += ["--setenv", name, value]
    return arguments


def program(python: SandboxPython, descriptors: Sequence[int], imports: Sequence[str]) -> list[str]:
    """What runs in it. ``-S``: only the packages bound here, none of the base installation's."""
    return [str(python.executable), "-S", "-s", "-B", "-P", "/runtime/bootstrap.py", *map(str, descriptors), *imports]


def _system_libraries(multiarch: str) -> Sequence[str]:
    """The C library and its kind: the architecture's own folders where the distribution has them (Debian), else all of ``lib``."""
    arguments: list[str] = []
    for top in (Path("/lib"), Path("/lib64")):
        if top.is_symlink():
            arguments += ["--symlink", str(top.readlink()), str(top)]
        elif (top / multiarch).is_dir() and multiarch:
            arguments += ["--ro-bind", str(top / multiarch), str(top / multiarch)]
        elif top.is_dir():
            arguments += ["--ro-bind", str(top), str(top)]
    own = Path("/usr/lib") / multiarch
    for folder in (own if multiarch and own.is_dir() else Path("/usr/lib"), Path("/usr/lib64")):
        if folder.is_symlink():
            arguments += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            arguments += ["--ro-bind", str(folder), str(folder)]
    return [*arguments, "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]


def remedy_for(message: str) -> str:
    """What to do about an error message of bwrap at its start."""
    if "max_user_namespaces" in message or "No space left" in message:
        return "User namespaces are switched off. Run `sudo sysctl -w user.max_user_namespaces=15000`."
    if "setting up uid map" in message or "Creating new namespace failed" in message or "No permissions to create" in message:
        return (
            "This kernel or container forbids user namespaces to bubblewrap. On Ubuntu 24.04 and later: "
            "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` (or an AppArmor profile for bwrap with `userns,`). "
            "On older Debian: `sudo sysctl -w kernel.unprivileged_userns_clone=1`. "
            "In Docker: `--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined`."
        )
    if "loopback" in message:
        return (
            "On Ubuntu 24.04 and later: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` (or an AppArmor profile for bwrap)."
        )
    if "proc" in message:
        return "A container hides parts of /proc, so no new one can be mounted. In Docker: `--security-opt systempaths=unconfined`."
    if "Permission denied" in message:
        return "This user may not read the interpreter or an input: give it the right to, or run `make setup` as this user."
    return "`kimera doctor` shows more; `bwrap --unshare-all --ro-bind / / true` tries bubblewrap on its own."
