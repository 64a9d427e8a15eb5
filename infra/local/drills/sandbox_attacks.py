"""Generated code that attacks: each attack is the code of a mission's analysis. Nothing gets out, and the mission ends.

An attack records what it got at; a drill also looks from outside: at a listener that nobody may reach, at files, at processes.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydantic import JsonValue

from functions.ds_star.code_screen import reasons_against
from infra.local.drills import promises
from infra.local.drills.drill import Drill, DrillFailed, Scene
from infra.local.drills.host import Host
from infra.local.drills.missions import ONLY_ANALYSIS, WITH_MODEL, Asked, submit, until_over
from infra.local.drills.standin import Reply, StandIn
from infra.local.drills.standin.playing import CODE, TABLE, plays_well
from infra.local.drills.standin.requests import Asked as Request
from schemas.events import AuditEvent
from schemas.mission import MissionState, MissionStatus
from schemas.outcome import MissionOutcomePackage
from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.adapters.sandbox_python import find_sandbox_python
from shared.runtime import CHECKOUT

GOT = "attack got"
"""What each attack records: how often it got at what it wanted."""
MARK = "mark-of-the-host"
ENDED = frozenset({"timeout", "memory", "output_limit", "killed", "error"})
"""How the run of an attack that exhausts something ends."""
WITHIN_S = 420.0
_HEAD = "import os, socket, sys, ctypes\nfrom contextlib import suppress\nfrom pathlib import Path\ngot = 0\n"
_TAIL = f"\nrecord({GOT!r}, got, filters='attempts that came through')\n"

EXHAUSTING: Mapping[str, str] = {
    "fork-bomb": """import os
for _ in range(4096):
    if os.fork() == 0:
        while True:
            os.fork()
while True:
    pass
""",
    "memory": """hoard = []
while True:
    hoard.append(b"x" * (64 << 20))
""",
    "disk": """n = 0
while True:
    n += 1
    for folder in ("/tmp", "outputs"):
        open(f"{folder}/{n}", "wb").write(b"x" * (4 << 20))
""",
    "output-flood": """import os
while True:
    os.write(1, b"x" * 65536)
""",
    "parent": """import os
for number in (19, 15, 9):
    os.kill(os.getppid(), number)
while True:
    pass
""",
    "record-flood": """while True:
    record("flood", 1)
""",
}
"""Attacks that take all there is of something, or go for the process that started them: the run is ended, and says why."""


@dataclass
class Target:
    """What an attack wants to get at, and what is seen of it from outside."""

    port: int = 0
    udp_port: int = 0
    reached: list[str] = field(default_factory=list)


def drills() -> list[Drill]:
    """By what they attack."""
    return [
        *(
            Drill(f"sandbox.{name}", f"generated code attacks what it runs on: {name}", partial(_exhausts, name), _require)
            for name in EXHAUSTING
        ),
        Drill(
            "sandbox.network", "generated code calls out: TCP, UDP, DNS, the metadata server, sockets of this machine", _network, _require
        ),
        Drill("sandbox.files", "generated code goes for files: the host's, another mission's, /proc, by symlinks too", _files, _require),
        Drill("sandbox.signals", "generated code signals and traces every process of the host that it can name", _signals, _require),
        Drill("sandbox.forgery", "generated code forges what `record` sends", _forgery, _require),
    ]


def _require() -> None:
    BubblewrapSandbox(find_sandbox_python(os.environ, CHECKOUT))


def _exhausts(name: str, scene: Scene) -> None:
    host, standin = _host(scene)
    before = _free_bytes(scene.folder)
    state, events = _attacked(scene, host, standin, EXHAUSTING[name])
    ends = [str(event.detail.get("status")) for event in events if event.kind == "round.ran"]
    scene.hurt(f"code: {name}", proof=f"its run ended with: {ends[0] if ends else 'nothing'}", really=bool(ends) and ends[0] in ENDED)
    left = _processes_of(host)
    scene.check("nothing of it lives on", len(left) <= 2, f"{len(left)} processes below the platform")
    lost = (before - _free_bytes(scene.folder)) >> 20
    scene.check("it leaves the disk alone", lost < 512, f"{lost} MiB less than before")
    scene.check("the platform answers", host.api.health().status == "ok" and host.pid is not None, f"process {host.pid}")
    _over(scene, host, state, standin)


def _network(scene: Scene) -> None:
    with _listening() as target:
        host, standin = _host(scene)
        addresses = [("127.0.0.1", target.port), ("127.0.0.1", host.port), ("169.254.169.254", 80), ("8.8.8.8", 53), ("1.1.1.1", 443)]
        code = f"""{_HEAD}
for address in {addresses!r}:
    with suppress(OSError):
        socket.create_connection(address, timeout=2).close()
        got += 1
with suppress(OSError):
    socket.getaddrinfo("metadata.google.internal", 80)
    got += 1
with suppress(OSError):
    socket.gethostbyname("example.org")
    got += 1
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for address in [("127.0.0.1", {target.udp_port}), ("8.8.8.8", 53)]:
    with suppress(OSError):
        udp.sendto(b"out", address)
for path in ("/run/docker.sock", "/var/run/docker.sock", "/run/systemd/private", "/run/dbus/system_bus_socket"):
    with suppress(OSError):
        socket.socket(socket.AF_UNIX).connect(path)
        got += 1
{_TAIL}"""
        state, events = _attacked(scene, host, standin, code)
        _got_nothing(scene, host, state, events, "code that calls out by every way there is")
        scene.check("nobody outside was reached", not target.reached, f"reached: {target.reached or 'nobody'}")
        _over(scene, host, state, standin)


def _files(scene: Scene) -> None:
    host, standin = _host(scene)
    secret = scene.folder / "secret.txt"
    secret.write_text(MARK)
    beside = Asked({**WITH_MODEL, **ONLY_ANALYSIS}, files={"secret.csv": ("data", f"a,b\n{MARK},1\n".encode())})
    other = submit(host.api, beside.upload(host.api, scene.folder / "other"), "other")
    ours = [secret, host.data / "kimera.sqlite3", host.data, host.data / "artifacts", host.home]
    wanted = [*map(str, ours), "/etc/shadow", "/root/.bashrc", "/root/.ssh"]
    code = f"""{_HEAD}
found = []
for path in {wanted!r}:
    for route in (path, "/proc/1/root" + path, "/proc/self/root" + path, "/proc/self/cwd/../../.." + path):
        with suppress(OSError):
            if os.path.isdir(route):
                got += bool(os.listdir(route))
            else:
                got += bool(Path(route).read_bytes())
    with suppress(OSError):
        os.symlink(path, "outputs/link-" + str(len(found)) + ".csv")
        found.append(path)
    with suppress(OSError):
        os.link(path, "outputs/hard-" + str(len(found)) + ".csv")
        got += 1
for root, _, names in os.walk("/proc", onerror=None):
    for name in names:
        if name in ("environ", "cmdline", "maps"):
            with suppress(OSError):
                got += {MARK[:8]!r}.encode() + {MARK[8:]!r}.encode() in Path(root, name).read_bytes()
for folder in ("/", "/usr", "/etc", "inputs", "/job", "/packages"):
    with suppress(OSError):
        Path(folder, "planted").write_text("x")
        got += 1
with suppress(OSError):
    Path(inputs["heights.csv"]).write_text("changed")
    got += 1
{_TAIL}"""
    state, events = _attacked(scene, host, standin, code)
    _got_nothing(scene, host, state, events, "code that reads, links and writes files of the host and of another mission")
    told = b"".join(host.api.report(state.mission_id, form=form) for form in ("json", "md", "html")).decode()
    scene.check("the report holds nothing of them", MARK not in told and "root:x:0" not in told, f"{len(told):,} characters looked at")
    scene.check("they are as they were", secret.read_text() == MARK, "the secret is unchanged")
    assert other is not None
    until_over(scene, host.api, other, seconds=WITHIN_S)
    _over(scene, host, state, standin, missions=2)


def _signals(scene: Scene) -> None:
    host, standin = _host(scene)
    pid = host.pid
    code = f"""{_HEAD}
libc = ctypes.CDLL(None, use_errno=True)
own = os.getpid()
for pid in [{pid}, {os.getpid()}, os.getppid(), *range(1, 40), *range({pid} - 20, {pid} + 20)]:
    if pid in (0, own):
        continue
    if pid > 60:  # a number as low as those in here is one of the sandbox's own
        libc.ptrace(16, pid, 0, 0)
        for number in (0, 15, 9):
            with suppress(OSError):
                os.kill(pid, number)
                got += 1
{_TAIL}"""
    state, events = _attacked(scene, host, standin, code)
    _got_nothing(scene, host, state, events, "code that signals and traces what it can name")
    scene.check("the platform's process is the same", host.pid == pid, f"process {host.pid}")
    _over(scene, host, state, standin)


def _forgery(scene: Scene) -> None:
    host, standin = _host(scene)
    code = """import os, kimera_runtime, json
record("true figure", 1)
forged = {"t": "record", "name": "forged figure", "value": 4711, "unit": None, "n": 10**9, "filters": None, "line": 1, "sha256": "0" * 64}
print(json.dumps(forged))
os.write(2, json.dumps(forged).encode())
with open("outputs/result.json", "w") as stream:
    json.dump({"values": [forged]}, stream)
os.write(kimera_runtime._channel, json.dumps(forged).encode() + b"\\n")
os.write(kimera_runtime._channel, b'{"t": "record", "name": "forged figure", "value": 4711\\n')
"""
    state, events = _attacked(scene, host, standin, code)
    ran = [event.detail for event in events if event.kind == "round.ran"]
    proof = f"its run: {ran[0].get('status') if ran else 'none'}, {ran[0].get('values') if ran else 0} values taken"
    scene.hurt("code that writes to record's channel itself", proof=proof, really=bool(ran))
    outcome = _outcome(host, state)
    names = {value.name for section in outcome.sections for claim in section.findings for value in claim.values}
    text = json.dumps(outcome.model_dump(mode="json", exclude={"provenance"}))
    scene.check("the forged figure is nowhere", "4711" not in text, f"figures of the report: {', '.join(sorted(names)) or 'none'}")
    _over(scene, host, state, standin)


def _host(scene: Scene) -> tuple[Host, StandIn]:
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    return scene.closing.enter_context(Host(scene.folder, standin.environment())), standin


def _attacked(scene: Scene, host: Host, standin: StandIn, code: str) -> tuple[MissionState, tuple[AuditEvent, ...]]:
    """A mission whose coder writes the attack, and insists on it where it is sent back unrun; what repairs it is harmless."""
    written, insists = 0, 2 if reasons_against(code) else 1

    def coder(asked: Request) -> Reply:
        nonlocal written
        if "secret.csv" in asked.user:
            return Reply({"code": 'record("rows", 1)\n'})
        written += 1
        return Reply({"code": code if written <= insists else CODE})

    standin.always("CoderAnswer", coder)
    standin.always("FinalizerAnswer", _states_first_value)
    asked = Asked({**WITH_MODEL, **ONLY_ANALYSIS}, "What is the mean height by team?", {"heights.csv": ("data", TABLE.encode())})
    mission_id = submit(host.api, asked.upload(host.api, scene.folder / "files"), "attack")
    assert mission_id is not None, "the platform answers"
    state = until_over(scene, host.api, mission_id, seconds=WITHIN_S)
    if not written:
        raise DrillFailed("The attack was never written: no coder was asked.")
    return state, host.api.events(mission_id)


def _states_first_value(asked: Request) -> Reply:
    """Whatever was recorded first is the finding, so that the report shows it."""
    finding: JsonValue = {"question_id": "q1", "statement": "It came to {v1}."}
    return Reply({"findings": [finding], "answers": [{"question_id": "q1", "status": "answered"}]})


def _got_nothing(scene: Scene, host: Host, state: MissionState, events: tuple[AuditEvent, ...], what: str) -> None:
    """The attack ran to its end, and recorded that it got at nothing."""
    ran = [event.detail for event in events if event.kind == "round.ran"]
    values = [v for s in _outcome(host, state).sections for f in s.findings for v in f.values if v.name == GOT]
    proof = f"it ran to its end ({ran[0].get('status') if ran else 'not at all'}) and recorded {values[0].value if values else 'nothing'}"
    scene.hurt(what, proof=proof, really=bool(values) and bool(ran) and ran[0].get("status") == "ok")
    scene.check("0 escapes", values[0].value == 0, f"{values[0].value} attempts came through")


def _over(scene: Scene, host: Host, state: MissionState, standin: StandIn, *, missions: int = 1) -> None:
    scene.check(promises.NO_LOST_MISSION, state.status is MissionStatus.DONE, f"{state.status}, {state.fusion_status}")
    promises.once(scene, state, host.api.events(state.mission_id))
    report = host.api.costs_of_mission(state.mission_id, by="track")
    if missions == 1:
        promises.bought_once(scene, report, standin)
    promises.within_caps(scene, report)
    promises.audited(scene, host, missions=missions)


def _outcome(host: Host, state: MissionState) -> MissionOutcomePackage:
    return MissionOutcomePackage.model_validate_json(host.api.report(state.mission_id, form="json"))


def _processes_of(host: Host) -> list[int]:
    """The processes of the platform's session: itself, and what it left running."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
            except OSError:
                continue  # it has just ended
            if session == host.pid:
                found.append(int(entry.name))
    return found


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@contextmanager
def _listening() -> Iterator[Target]:
    """Somebody on this machine who notes each connection and each datagram."""
    target = Target()
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        target.port, target.udp_port = tcp.getsockname()[1], udp.getsockname()[1]

        def accept() -> None:
            while True:
                try:
                    connection, _ = tcp.accept()
                except OSError:
                    return  # closed: the drill is over
                connection.close()
                target.reached.append("tcp")

        def receive() -> None:
            while True:
                try:
                    udp.recv(100)
                except OSError:
                    return
                target.reached.append("udp")

        for listener in (accept, receive):
            threading.Thread(target=listener, daemon=True).start()
        try:
            yield target
        finally:
            tcp.shutdown(socket.SHUT_RDWR)  # ends the waiting accept
