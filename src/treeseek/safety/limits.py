"""What may a process take? Memory, processor time, files: limits that the operating system enforces.

Memory is bounded by RLIMIT_DATA, which since Linux 4.7 counts every private writable page that a process has asked
for, so what it holds can't exceed that and the files it maps, which are shared. RLIMIT_AS also counts what was only
reserved, and has more room. macOS accepts both and enforces neither; Windows has none: there a worker is only killed
when its time is up.
"""

from __future__ import annotations

import math
import os
import sys

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

__all__ = ["Peak", "allow_cpu", "charged_bytes", "enforced", "limit"]

_MAPPED_BYTES = 1 << 30
"""Room for grammars, libraries and the model, which are mapped and shared."""
_CPU_SLACK_SECONDS = 5


def enforced() -> tuple[str, ...]:
    """Return the names of the limits that hold on this system."""
    if resource is None:
        return ()
    general = ("cpu", "descriptors", "file-size", "core")
    return ("memory", "processes", *general) if sys.platform.startswith("linux") else general


def limit(memory_bytes: int) -> tuple[str, ...]:
    """Limit this process for good: `memory_bytes` of its own, no new descriptor, file, process or core dump.

    Call it when everything is loaded. Returns the names of the limits that hold.
    """
    if resource is None:
        return ()
    wanted = [
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (getattr(resource, "RLIMIT_NPROC", None), 0),
        (resource.RLIMIT_AS, memory_bytes + _MAPPED_BYTES), (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_NOFILE, 0),
    ]  # fmt: skip
    for kind, most in wanted:
        if kind is not None:
            _lower(kind, most)
    return enforced()


def _lower(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    try:
        resource.setrlimit(kind, (most, most))
    except (OSError, ValueError):  # macOS refuses some for what is in use already
        return


def allow_cpu(seconds: float) -> None:
    """Let this process compute for so many seconds from now; the system ends it when they, and a few more, are up."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime + seconds) + _CPU_SLACK_SECONDS
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (until if hard == resource.RLIM_INFINITY else min(until, hard), hard))


class Peak:
    """The most memory that this process has held at once. Make it before nothing can be opened any more.

    Linux counts the memory of whoever started a process towards its `ru_maxrss`; its own is in /proc/self/status.
    """

    def __init__(self) -> None:
        try:
            self._status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # another system, or no /proc here
            self._status = -1

    def bytes(self) -> int:
        """Return it, in bytes; 0 where the system doesn't say."""
        if self._status < 0:
            return charged_bytes()
        os.lseek(self._status, 0, os.SEEK_SET)
        found = os.read(self._status, 4096).partition(b"VmHWM:")[2].split(maxsplit=1)
        return int(found[0]) * 1024 if found else 0


def charged_bytes() -> int:
    """Return the peak that the system will report to whoever waits for this process, so far; 0 if it reports none."""
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
