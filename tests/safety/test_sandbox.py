"""A worker that was taken over can compute and answer, and nothing else; without the sandbox it could."""

from __future__ import annotations

import json
import os
import platform
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import treeseek
from treeseek import telemetry
from treeseek.errors import WorkerError
from treeseek.indexing import workers
from treeseek.indexing.analyse import FileText
from treeseek.indexing.batch import Batch
from treeseek.indexing.identity import content_hash
from treeseek.indexing.quarantine import Quarantine
from treeseek.indexing.spare import Spare
from treeseek.indexing.workers import CRASH_REASON, HANG_REASON, MEMORY_REASON, Pool, Terms, Worker, kept_warm
from treeseek.model import SourceFile
from treeseek.safety import limits, sandbox
from treeseek.settings import Settings, load, worker_environment

LINUX = sys.platform.startswith("linux")

TAKEN_OVER = """
import ctypes, json, mmap, os, resource, socket, sys, _thread
from treeseek.indexing import analyse, worker

TARGET, VICTIM, PORT, PARENT = {target!r}, {victim!r}, {port!r}, os.getppid()
libc = ctypes.CDLL(None, use_errno=True)

def called(number, *arguments):
    if libc.syscall(number, *map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def forked():
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)

def spawned():
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {{}}), 0)

def written():
    with open(TARGET, "w") as file:
        file.write("written")

def connected():
    with socket.socket() as tcp:
        tcp.connect(("127.0.0.1", PORT))

def sent():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"secret", ("127.0.0.1", 9))

def limit_raised():
    resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

PROBES = dict(
    read=lambda: open(VICTIM).read(), write=written, unlink=lambda: os.unlink(VICTIM), list=lambda: os.listdir("/"),
    stat=lambda: os.stat("/etc/passwd"), chdir=lambda: os.chdir("/"), link=lambda: os.symlink("/", TARGET + "2"),
    proc=lambda: open("/proc/self/mem", "rb"), root=lambda: os.open("/proc/self/root/etc/passwd", os.O_RDONLY),
    connect=connected, udp=sent, unix=lambda: socket.socket(socket.AF_UNIX), pair=lambda: socket.socketpair(),
    fork=forked, spawn=spawned, thread=lambda: _thread.start_new_thread(int, ()), pipe=lambda: os.pipe(),
    signal=lambda: os.kill(PARENT, 0), duplicate=lambda: os.dup(0), code=lambda: mmap.mmap(-1, 4096, prot=7),
    userspace=lambda: called(323 if sys.maxsize and os.uname().machine == "x86_64" else 282, 1),
    umask=lambda: os.umask(0), limit=limit_raised,
)

def outcome(probe):
    try:
        probe()
    except (OSError, RuntimeError, ValueError) as error:
        return "refused"
    return "done"

real = analyse.analyse
def hostile(data, language, **options):
    if language == "text":
        return real(data, language, **options)
    if b"PROBE" in data:
        told = {{name: outcome(probe) for name, probe in PROBES.items()}}
        return analyse.replace(real(data, "text", deadline_seconds=1), fallback=json.dumps(told))
    if b"EXEC" in data:
        os.execv("/bin/true", ["true"])
    if b"EAT" in data:
        eaten = []
        while True:
            eaten.append(bytearray(1 << 20))
    if b"GORGE" in data:
        bytearray(1 << 33)
    if b"SPIN" in data:
        while True:
            pass
    if b"SHOUT" in data:
        print("\\x1b]0;owned\\x07", flush=True)
        print("\\x1b]0;owned\\x07", file=sys.stderr, flush=True)
    return real(data, language, **options)
analyse.analyse = hostile
worker.main()
"""


@pytest.fixture
def taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Workers whose parser does what an attacker would have it do. Yields the file that it is to write."""
    (tmp_path / "victim").write_text("secret")
    server = socket.create_server(("127.0.0.1", 0))
    target, port = tmp_path / "target", server.getsockname()[1]
    code = TAKEN_OVER.format(target=str(target), victim=str(tmp_path / "victim"), port=port)
    (tmp_path / "takenover.py").write_text(code)
    boot = "import sys; sys.path[:] = {path!r}; sys.path.insert(0, " + repr(str(tmp_path)) + "); import takenover"
    monkeypatch.setattr(workers, "_BOOT", boot)
    yield target
    server.close()


def text(word: str, path: str = "bad.py") -> FileText:
    data = f"def bad():\n    return '{word}'\n".encode()
    return FileText(SourceFile(path, len(data), 1, 1), data, content_hash(data), "python", b"key")


def notes(pool: Pool, *files: FileText) -> list[str]:
    outcomes = pool.analyse(Batch(files))
    return [note for outcome in outcomes for kind, note in zip(outcome.rows.kind, outcome.rows.note, strict=True)
            if kind == "file"]  # fmt: skip


@pytest.fixture
def pool(request: pytest.FixtureRequest, taken_over: Path) -> Any:
    terms = Terms(getattr(request, "param", 5.0), memory_bytes=400 << 20)
    opened = Pool(1, terms)
    yield opened
    opened.close()
    workers._spare.empty()


def test_a_worker_that_was_taken_over_can_do_nothing(pool: Pool, taken_over: Path) -> None:
    told = json.loads(notes(pool, text("PROBE"))[0])
    assert {name: done for name, done in told.items() if done != "refused"} == {}
    assert not taken_over.exists()


def test_without_the_sandbox_it_could(taken_over: Path) -> None:
    """What the test above refuses works here, so that it proves something."""
    pool = Pool(1, Terms(5.0, sandbox="off"))
    told = json.loads(notes(pool, text("PROBE"))[0])
    pool.close()
    workers._spare.empty()
    wanted = {"read", "write", "unlink", "list", "stat", "chdir", "link", "connect", "udp", "unix", "pair", "fork",
              "spawn", "thread", "pipe", "signal", "duplicate", "code", "umask", "root", "proc"}  # fmt: skip
    assert {name for name in wanted if told[name] != "done"} == set()
    assert taken_over.read_text() == "written"


@pytest.mark.parametrize(
    ("word", "reason"),
    [("EXEC", "analysis-error"), ("EAT", MEMORY_REASON), ("GORGE", MEMORY_REASON)],
)
def test_what_a_worker_may_not_take_costs_the_file_alone(pool: Pool, word: str, reason: str) -> None:
    assert notes(pool, text("good", "a.py"), text(word), text("good", "b.py")) == ["", reason, ""]


@pytest.mark.parametrize("pool", [0.3], indirect=True)
def test_a_worker_that_spins_is_killed_and_the_next_one_works(pool: Pool) -> None:
    assert notes(pool, text("SPIN")) == [HANG_REASON]
    assert notes(pool, text("good")) == [""]


def test_the_processor_time_of_a_request_is_limited() -> None:
    """Even if nobody is there to kill it."""
    code = "from treeseek.safety import limits; limits._CPU_SLACK_SECONDS = 0; limits.allow_cpu(0.5)\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, env={"PYTHONPATH": ":".join(sys.path)})
    assert done.returncode < 0


def test_what_a_worker_holds_stays_within_its_memory(pool: Pool) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024  # of whatever ran before
    assert notes(pool, text("EAT")) == [MEMORY_REASON]
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert children < max(pool.terms.memory_bytes + (256 << 20), before + 1), "what it maps is shared, and comes on top"


def test_a_worker_prints_to_no_terminal(pool: Pool, capfd: pytest.CaptureFixture[str]) -> None:
    assert notes(pool, text("SHOUT")) == [""]
    assert capfd.readouterr() == ("", "")


def test_no_secret_of_the_environment_reaches_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    given = worker_environment()
    assert "AWS_SECRET_ACCESS_KEY" not in given
    assert given["OPENBLAS_NUM_THREADS"] == "1"
    worker = Worker(Terms(5.0))
    worker.sandbox()
    if LINUX:
        assert b"made-up" not in Path(f"/proc/{worker._process.pid}/environ").read_bytes()
        assert len(list(Path(f"/proc/{worker._process.pid}/task").iterdir())) == 1, "one thread"
    worker.close()


def test_what_is_required_and_not_there_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(Terms(5.0, sandbox="require"))
    monkeypatch.setattr(worker, "_sandbox", sandbox.Sandbox(0, True, ("memory",)))
    with pytest.raises(WorkerError, match="requires one"):
        worker.ask("rows", {})
    worker.close()
    whole = Worker(Terms(5.0, sandbox="require"))
    assert whole.sandbox() == sandbox.offered()
    whole.close()


def test_a_worker_that_does_not_start_is_an_error_and_no_files_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_BOOT", "import sys; sys.exit(3)  # {path!r}")
    pool = Pool(1, Terms(5.0))
    with pytest.raises(WorkerError, match="an analysis process"):
        pool.analyse(Batch([text("good")]))
    pool.close()


def test_a_crash_counts_twice_and_then_nobody_tries_again(taken_over: Path, tmp_path: Path) -> None:
    bad = text("EAT")
    terms = Terms(5.0, memory_bytes=300 << 20)
    for trial, failures in ((1, 3), (2, 0)):
        before = telemetry.snapshot()[0]
        pool = Pool(1, terms, Quarantine(tmp_path / "cache"))
        assert notes(pool, text("good", "a.py"), bad) == ["", MEMORY_REASON]
        assert pool.parse(bad.data, "python", bad.digest) is None
        assert pool.outline(bad.data, "python", bad.digest) == MEMORY_REASON
        pool.close()
        key = ("treeseek_worker_failures_total", (("reason", MEMORY_REASON),))
        done = telemetry.snapshot()[0].get(key, 0) - before.get(key, 0)
        assert done == failures, f"trial {trial}: in its batch, alone, alone again, and as the good one's neighbour"
    workers._spare.empty()


def test_the_quarantine_ends_with_an_edit_or_another_grammar(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    assert not quarantine.note("a" * 32, "python", CRASH_REASON)
    assert quarantine.reason("a" * 32, "python") == ""
    assert quarantine.note("a" * 32, "python", HANG_REASON)
    again = Quarantine(tmp_path)
    assert again.reason("a" * 32, "python") == HANG_REASON
    assert again.reason("b" * 32, "python") == again.reason("a" * 32, "ruby") == ""


@pytest.mark.parametrize("content", [b"\xff\0nonsense\n\n", b"a\n" * 2_500_000, b"key \x1b[31m\nkey two words\n"])
def test_a_damaged_quarantine_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "quarantine").write_bytes(content)
    quarantine = Quarantine(tmp_path)
    assert quarantine.reason("a" * 32, "python") == ""
    assert not quarantine.note("a" * 32, "python", CRASH_REASON)
    assert Quarantine(tmp_path).note("a" * 32, "python", CRASH_REASON)


def test_a_quarantine_that_can_not_be_written_holds_for_this_process(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    quarantine = Quarantine(tmp_path / "cache")
    quarantine.note("a" * 32, "python", CRASH_REASON)
    assert quarantine.note("a" * 32, "python", CRASH_REASON)


# -- the main process ----------------------------------------------------------------------------------------------


def test_the_main_process_never_parses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked, and with one worker too: no grammar sees a byte here."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("parsed in the main process")

    for module in ("grammars", "read", "parsed", "columns", "live"):
        monkeypatch.setattr(f"treeseek.syntax.{module}.parse", forbidden)
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / "a.py").write_text("def first():\n    return 1\n")
    settings = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", workers=1)
    with treeseek.open(root, settings) as engine:
        assert engine.sync().parsed == 1
        assert engine.search("first").hits
        assert [one.name for one in engine.outline("a.py").declarations] == ["first"]
        (root / "a.py").write_text("def second():\n    return 1\n")
        assert engine.sync(hints=["a.py"]).aliases in (0, 1)
        assert engine.query(treeseek.engine.DeclarationQuery(kinds=("function",))).found
        (tmp_path / "b.py").write_text("def third():\n    return 2\n")
        assert engine.diff_files(root / "a.py", tmp_path / "b.py").files


def test_who_watches_has_a_worker_ready_and_others_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its own: a server of other tests, in this process, may hold on to the one that all share.
    monkeypatch.setattr(workers, "_spare", Spare(lambda worker: worker.is_fit))
    terms = Terms(5.0)
    monkeypatch.setattr("treeseek.indexing.spare.IDLE_SECONDS", 0.05)
    with kept_warm(terms):
        ready = workers._spare._kept
        time.sleep(0.2)
        pool = Pool(1, terms)
        assert notes(pool, text("good")) == [""]
        pool.rest()
        assert workers._spare._kept is ready is not None
        pool.close()
    deadline = time.monotonic() + 10
    while workers._spare._kept is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert workers._spare._kept is None
    assert ready is not None
    assert ready._process.wait(10) is not None


def test_a_worker_is_judged_by_its_own_memory_not_by_its_parents(taken_over: Path) -> None:
    """Linux counts what the parent has held towards the child's peak: a large server's workers would all be tired."""
    terms = Terms(5.0, memory_bytes=300 << 20)
    held = bytearray(b"x") * terms.memory_bytes
    del held
    worker = Worker(terms)
    worker.ask("outline", {"data": b"x = 1\n", "language": "python"})
    assert worker.is_fit
    assert 0 < worker.peak_bytes < 150 << 20
    worker._process.kill()
    assert worker.why_it_died() == CRASH_REASON
    worker.close()


def test_a_forked_child_has_no_worker_of_its_parents() -> None:
    workers.start_ahead(Terms(5.0))
    kept = workers._spare._kept
    child = os.fork()
    if child == 0:
        os._exit(0 if workers._spare._kept is None and workers._spare._lock.acquire(timeout=1) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert workers._spare._kept is kept
    workers._spare.empty()


def test_the_process_ends_with_its_spare_worker(tmp_path: Path) -> None:
    code = (
        "from treeseek.indexing import workers\nworkers.start_ahead(workers.Terms(5.0))\n"
        "print(workers._spare._kept._process.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, timeout=60, text=True
    )
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)


# -- the parts -----------------------------------------------------------------------------------------------------


def test_what_is_offered_is_what_holds() -> None:
    worker = Worker(Terms(5.0))
    assert worker.sandbox() == sandbox.offered()
    worker.close()
    off = Worker(Terms(5.0, sandbox="off"))
    assert off.sandbox() == sandbox.Sandbox()
    assert not sandbox.Sandbox().is_whole
    off.close()


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_one_that_the_kernel_takes_apart_alike(machine: str) -> None:
    """Run the filter's instructions here: what may pass passes, on either processor, and nothing else does."""
    program = list(sandbox._filter(machine, 42))
    architecture = sandbox._ARCHITECTURES[machine]

    def verdict(number: int, *arguments: int, architecture: int = architecture) -> int:
        data = {0: number, 4: architecture} | {16 + 8 * i: value for i, value in enumerate((*arguments, 0, 0, 0)[:3])}
        at = loaded = 0
        while True:
            code, so, otherwise, operand = program[at]
            at += 1
            if code == sandbox._LOAD:
                loaded = data[operand]
            elif code == sandbox._RETURN:
                return operand
            else:
                holds = {sandbox._IS: loaded == operand, sandbox._AT_LEAST: loaded >= operand,
                         sandbox._HAS_BITS: bool(loaded & operand)}[code]  # fmt: skip
                at += so if holds else otherwise

    numbers = sandbox._NUMBERS[machine]
    conditional = {"mmap", "mprotect", "tgkill", "prlimit64"}
    allowed = set(numbers.values())
    assert len(allowed) == len(numbers)
    for number in range(600):
        is_plain = number in allowed - {numbers[name] for name in conditional}
        assert (verdict(number, 7, 7, 7) == sandbox._ALLOW) == is_plain, number
    assert verdict(numbers["mmap"], 0, 0, 3) == verdict(numbers["mprotect"], 0, 0, 1) == sandbox._ALLOW
    assert verdict(numbers["mmap"], 0, 0, 4) == verdict(numbers["mprotect"], 0, 0, 5) == sandbox._REFUSE
    assert (verdict(numbers["tgkill"], 42), verdict(numbers["tgkill"], 43)) == (sandbox._ALLOW, sandbox._REFUSE)
    assert [verdict(numbers["prlimit64"], *told) for told in ((0, 0), (0, 2), (9, 0))] == [
        sandbox._ALLOW, sandbox._REFUSE, sandbox._REFUSE,
    ]  # fmt: skip
    assert verdict(0x4000_0000) == verdict(numbers["read"], architecture=1) == sandbox._KILL


def test_other_systems_offer_what_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sandbox.offered() == sandbox.Sandbox(0, False, ("cpu", "descriptors", "file-size", "core"))
    monkeypatch.setattr(limits, "resource", None)
    assert sandbox.enter(1 << 30) == sandbox.offered() == sandbox.Sandbox()
    limits.allow_cpu(1.0)
    assert limits.charged_bytes() == 0
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not sandbox.seccomp_offered()


def test_the_setting_is_one_of_three(tmp_path: Path) -> None:
    assert load({"TREESEEK_SANDBOX": "require"}).sandbox == "require"
    assert Settings(tmp_path, tmp_path).sandbox == "auto"
    for variable, value in (("TREESEEK_SANDBOX", "maybe"), ("TREESEEK_WORKER_MEMORY_BYTES", "1000")):
        with pytest.raises(treeseek.UsageError, match=variable):
            load({variable: value})


def test_threads_share_a_pool(pool: Pool) -> None:
    pool.grow(2)
    pool.start(2)
    done: list[str] = []
    threads = [
        threading.Thread(target=lambda i=i: done.extend(notes(pool, text(f"good{i}", f"{i}.py")))) for i in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [""] * 6
