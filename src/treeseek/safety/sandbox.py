"""What may a process that reads hostile files still do? Compute, answer on the pipes that it has, and end.

Two locks of the Linux kernel, each of which would do alone. Landlock (5.13) takes away the file system, and from newer
kernels TCP, abstract sockets and signals to others. Seccomp lets through a few dozen system calls and refuses all
others: no open, no socket, no fork, no exec, no tracing; no memory becomes executable. Both are one-way, need no
privilege, and hold for whatever the process turns into.

The calls are made here, through ctypes, and the filter is written out: the packages that wrap them need libseccomp on
the machine, or are no releases yet, and what is needed of them is this page. System calls that are refused fail with
EPERM, so Python code gets an OSError. Elsewhere than on Linux there are only the limits of `limits`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from treeseek.safety import limits

__all__ = ["Sandbox", "enter", "landlock_abi", "offered", "seccomp_offered"]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What holds for a process: the version of Landlock (0 for none), seccomp, and the limits by name."""

    landlock: int = 0
    seccomp: bool = False
    limits: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is missing."""
        return self.landlock > 0 and self.seccomp and "memory" in self.limits


def offered() -> Sandbox:
    """Return what this system would give a process that enters a sandbox."""
    return Sandbox(landlock_abi(), seccomp_offered(), limits.enforced())


def enter(memory_bytes: int) -> Sandbox:
    """Give up everything but computing, for good. Call it when all modules and files are loaded.

    Returns what holds from now on: nothing is claimed that wasn't tried.
    """
    landlock = _enter_landlock()
    if landlock and _refusal() != errno.EACCES:
        landlock = 0
    held = limits.limit(memory_bytes)  # from here on nothing can be opened, whatever the kernel has
    filtered = _enter_seccomp() and _refusal() == errno.EPERM
    return Sandbox(landlock, filtered, held)


def _refusal() -> int:
    """Return the error with which the root directory can't be opened, 0 if it can: each lock has its own."""
    try:
        os.close(os.open("/", os.O_RDONLY))
    except OSError as error:
        return error.errno or 0
    return 0


# -- system calls --------------------------------------------------------------------------------------------------

_PR_SET_NO_NEW_PRIVS = 38
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
"""The same on every architecture."""


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def _call(libc: ctypes.CDLL, number: int, *arguments: object) -> int:
    libc.syscall.restype = ctypes.c_long
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    return result


def _promise(libc: ctypes.CDLL) -> bool:
    """Give up ever gaining privileges, which both locks ask for."""
    zero = ctypes.c_ulong(0)
    done: int = libc.prctl(ctypes.c_int(_PR_SET_NO_NEW_PRIVS), ctypes.c_ulong(1), zero, zero, zero)
    return done == 0


# -- Landlock ------------------------------------------------------------------------------------------------------

_FILE_RIGHTS = (13, 14, 15, 15, 16)
"""How many kinds of access to files each version of Landlock, from 1 on, knows; the last holds for later ones."""
_NET_FROM, _SCOPES_FROM = 4, 6


def landlock_abi() -> int:
    """Return the version of Landlock that the kernel has; 0 for none."""
    libc = _libc()
    if libc is None:
        return 0
    return max(_call(libc, _LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)), 0)


def _enter_landlock() -> int:
    """Handle every kind of access that the kernel knows and allow none; return the version, 0 if it didn't work."""
    libc, abi = _libc(), landlock_abi()
    if libc is None or not abi or not _promise(libc):
        return 0
    files = (1 << _FILE_RIGHTS[min(abi, len(_FILE_RIGHTS)) - 1]) - 1
    rules = struct.pack("=QQQ", files, 3 if abi >= _NET_FROM else 0, 3 if abi >= _SCOPES_FROM else 0)
    size = 24 if abi >= _SCOPES_FROM else 16 if abi >= _NET_FROM else 8
    ruleset = _call(libc, _LANDLOCK_CREATE_RULESET, rules, ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return 0
    done = _call(libc, _LANDLOCK_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)
    return abi if done == 0 else 0


# -- seccomp -------------------------------------------------------------------------------------------------------

_ALLOWED = (
    "read", "write", "readv", "writev", "close", "lseek",
    "brk", "mmap", "mprotect", "mremap", "munmap", "madvise",
    "futex", "rseq", "membarrier", "sched_yield", "sched_getaffinity", "getcpu",
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "times", "restart_syscall",
    "getpid", "gettid", "getrusage", "getrandom", "prlimit64",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "tgkill",
    "exit", "exit_group",
)  # fmt: skip
_NUMBERS = {
    "x86_64": dict(zip(_ALLOWED, (
        0, 1, 19, 20, 3, 8, 12, 9, 10, 25, 11, 28, 202, 334, 324, 24, 204, 309, 228, 229, 230, 35, 96, 100, 219,
        39, 186, 98, 318, 302, 13, 14, 15, 131, 234, 60, 231,
    ), strict=True)),
    "aarch64": dict(zip(_ALLOWED, (
        63, 64, 65, 66, 57, 62, 214, 222, 226, 216, 215, 233, 98, 293, 283, 124, 123, 168, 113, 114, 115, 101, 169,
        153, 128, 172, 178, 165, 278, 261, 134, 135, 139, 132, 131, 93, 94,
    ), strict=True)),
}  # fmt: skip
_ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_FILTER, _GET_ACTION, _ALL_THREADS = 1, 2, 1

_LOAD, _IS, _HAS_BITS, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
"""Codes of the instructions of BPF: load a word, compare it, end with a verdict."""
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_KILL, _ALLOW = 0x8000_0000, 0x7FFF_0000
_REFUSE = 0x0005_0000 | errno.EPERM
_OTHER_ABI = 0x4000_0000
"""On x86-64, numbers from here on are those of x32, which would pass a filter that forgot them."""
_PROT_EXEC = 4
_RLIMIT_CPU = 0

Instruction = tuple[int, int, int, int]
"""Code, how far to jump if it is so, how far if not, and the operand."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def seccomp_offered() -> bool:
    """Whether the kernel has seccomp filters, on a processor whose system calls are known here."""
    libc, machine = _libc(), platform.machine()
    if libc is None or machine not in _SECCOMP:
        return False
    action = ctypes.c_uint32(_REFUSE & 0xFFFF_0000)
    return _call(libc, _SECCOMP[machine], ctypes.c_uint(_GET_ACTION), ctypes.c_uint(0), ctypes.byref(action)) == 0


def _enter_seccomp() -> bool:
    libc, machine = _libc(), platform.machine()
    if libc is None or not seccomp_offered() or not _promise(libc):
        return False
    code = b"".join(struct.pack("=HBBI", *step) for step in _filter(machine, os.getpid()))
    program = _Program(len(code) // 8, code)
    number = _SECCOMP[machine]
    return _call(libc, number, ctypes.c_uint(_SET_FILTER), ctypes.c_uint(_ALL_THREADS), ctypes.byref(program)) == 0


def _filter(machine: str, own: int) -> Iterator[Instruction]:
    """Yield the filter: each block lets one call through or goes on to the next; at the end all others are refused."""
    yield _LOAD, 0, 0, _ARCHITECTURE_AT
    yield _IS, 1, 0, _ARCHITECTURES[machine]
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER_AT
    yield _AT_LEAST, 0, 1, _OTHER_ABI
    yield _RETURN, 0, 0, _KILL
    conditions = {
        "mmap": [(2, _HAS_BITS, _PROT_EXEC, False)],
        "mprotect": [(2, _HAS_BITS, _PROT_EXEC, False)],
        "tgkill": [(0, _IS, own, True)],
        "prlimit64": [(0, _IS, 0, True), (1, _IS, _RLIMIT_CPU, True)],
    }
    for name, number in _NUMBERS[machine].items():
        checks = conditions.get(name, [])
        yield _IS, 0, 2 * len(checks) + 1 + bool(checks), number
        for i, (argument, test, operand, wanted) in enumerate(checks):
            to_refusal = 2 * (len(checks) - i - 1) + 1
            yield _LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument
            yield test, 0 if wanted else to_refusal, to_refusal if wanted else 0, operand
        yield _RETURN, 0, 0, _ALLOW
        if checks:
            yield _RETURN, 0, 0, _REFUSE
    yield _RETURN, 0, 0, _REFUSE
