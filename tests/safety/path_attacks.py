"""Paths that attack, and a root full of traps for them: for the tests of the library, the command line and servers."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

SECRET = "outside_secret"
GOOD = "def inside():\n    return 1\n"

LEXICAL = {
    "up": "../secret.py", "here-up": "./../secret.py", "down-up": "dir/../../secret.py", "only-up": "..",
    "up-slash": "../", "dots-up": "dir/./.././../secret.py", "many-up": "../" * 60 + "etc/passwd",
    "through-file": "good.py/../../secret.py", "through-gone": "gone/../../secret.py", "back-in": "../root/good.py",
    "absolute": "{outside}/secret.py", "two-slashes": "//{outside}/secret.py", "absolute-up": "{root}/../secret.py",
    "passwd": "/etc/passwd", "environ": "/proc/self/environ", "proc-root": "/proc/self/root/etc/passwd",
    "proc-cwd": "/proc/self/cwd/../secret.py", "stdin": "/dev/stdin", "zero": "/dev/zero", "tty": "/dev/tty",
    "fd": "/dev/fd/0", "nul": "nul\0.py", "nul-after": "good.py\0", "nul-up": "\0/../secret.py", "only-nul": "\0",
    "surrogate": "\ud800.py", "long-name": "n" * 300, "long-path": "d/" * 3000 + "a.py",
    "long-up": "../" * 2000,
    "home": "~/secret.py", "url": "file:///etc/passwd",
    "percent": "%2e%2e/secret.py", "percent-slash": "..%2fsecret.py",
    "backslash": "..\\secret.py", "drive": "C:\\secret.py", "unc": "\\\\host\\share", "wide-dots": "．．/secret.py",
    "overlong": "\udcc0\udcae\udcc0\udcae/secret.py", "newline": "../secret.py\n", "spaces": " ../secret.py",
    "trailing": "../secret.py/", "root-of-root": "/", "stream": "good.py:stream",
}  # fmt: skip
PLANTED = (
    "link.py", "link-up.py", "link-absolute.py", "link-inside.py", "dirlink/secret.py", "up/secret.py", "loop",
    "loop-a/x.py", "dangling.py", "chain.py", "proc/environ", "magic-root/etc/passwd", "magic-cwd", "magic-fd",
    "dir/deep/out.py", "fifo", "socket", "dir", "dir/", "GOOD.py", "good.py/", "good.py/.", "device", "gone.py",
    "null-link", "dirlink", "link-dir/link.py",
)  # fmt: skip
ATTACKS = [*LEXICAL, *PLANTED]
SPELLED_OTHERWISE = ("good.py/", "good.py/.")
"""A client that says so means good.py, which it may have."""


def planted(base: Path) -> Path:
    """Make a root full of traps, and a secret beside it; return the root."""
    root = base / "root"
    (root / "dir" / "deep").mkdir(parents=True)
    (root / "good.py").write_text(GOOD)
    (base / "secret.py").write_text(f"def {SECRET}():\n    return 1\n")
    links = {
        "link.py": "../secret.py", "link-up.py": "dir/../../secret.py", "link-absolute.py": str(base / "secret.py"),
        "link-inside.py": "good.py", "dirlink": "..", "up": "..", "loop": "loop",
        "loop-a": "loop-b", "loop-b": "loop-a",
        "dangling.py": "nowhere", "chain.py": "link.py", "proc": "/proc/self", "magic-root": "/proc/self/root",
        "magic-cwd": "/proc/self/cwd", "magic-fd": "/proc/self/fd/0", "dir/deep/out.py": "../../../secret.py",
        "null-link": "/dev/zero", "link-dir": str(base),
    }  # fmt: skip
    for name, target in links.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    here = Path.cwd()
    os.chdir(root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    os.chdir(here)
    with suppress(PermissionError):  # only root makes devices; for others the name is one that is gone
        os.mknod(root / "device", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    return root


def path_of(attack: str, root: Path) -> str:
    return LEXICAL.get(attack, attack).replace("{outside}", str(root.parent)).replace("{root}", str(root))
