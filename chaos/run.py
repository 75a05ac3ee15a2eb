"""Run a campaign: `python -m chaos.run [--kills 1000] [--flips 1000] [--parts kills,disk] [--short]`.

Each part runs in a process of its own, so that one that dies is a finding, too; two at a time. It tells what was tried
and what was found; the exit code is 1 if anything broke. Then its directory stays, with a copy of each broken place.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos import disk, flips, kills, others, power
from chaos.campaign import Campaign
from chaos.preload import NoCompilerError

__all__ = ["main"]

PARTS: dict[str, Callable[[Campaign, argparse.Namespace], None]] = {
    "disk": lambda campaign, told: disk.run(campaign, short=told.short),
    "kills": lambda campaign, told: kills.run(campaign, told.kills),
    "power": lambda campaign, told: power.run(campaign, short=told.short),
    "flips": lambda campaign, told: flips.run(campaign, told.flips, told.repairs),
    "others": lambda campaign, told: others.run(campaign, short=told.short),
}
"""Those that take long come first."""
_AT_ONCE = 2


def main() -> int:
    """Run the command line; return 1 if something broke."""
    told = _arguments()
    if told.only:
        return _part(told)
    scratch = told.scratch or Path(tempfile.mkdtemp(prefix="treeseek-chaos-"))
    print(f"seed {told.seed}, in {scratch}", flush=True)
    waiting, broken = list(told.parts), False
    running: dict[str, subprocess.Popen[bytes]] = {}
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            part = waiting.pop(0)
            running[part] = _started(part, told, scratch)
        for part in [part for part, process in running.items() if process.poll() is not None]:
            broken |= _report(part, running.pop(part).returncode, scratch)
        time.sleep(0.1)
    if broken:
        print(f"what broke is kept in {scratch}")
    else:
        shutil.rmtree(scratch)
    return int(broken)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos.run", description="Strike indexes in every way we know.")
    parser.add_argument("--kills", type=int, help="how many processes to kill (1000; 60 with --short)")
    parser.add_argument("--flips", type=int, help="how many bits to flip in each class of file (1000; 40)")
    parser.add_argument("--repairs", type=int, help="how many flips of each class to repair (30; 1)")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--short", action="store_true", help="a sample of each part: about a minute")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--scratch", type=Path, help="a directory to work in, outside of any checkout")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    told = parser.parse_args()
    told.kills = (60 if told.short else 1000) if told.kills is None else told.kills
    told.flips = (40 if told.short else 1000) if told.flips is None else told.flips
    told.repairs = (1 if told.short else 30) if told.repairs is None else told.repairs
    told.parts = told.parts.split(",")
    if unknown := [part for part in told.parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return told


def _started(part: str, told: argparse.Namespace, scratch: Path) -> subprocess.Popen[bytes]:
    (scratch / part).mkdir(parents=True, exist_ok=True)
    numbers = {"seed": told.seed, "kills": told.kills, "flips": told.flips, "repairs": told.repairs}
    options = [f"--{name}={value}" for name, value in numbers.items()] + ["--short"] * told.short
    with (scratch / part / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "chaos.run", f"--only={part}", f"--scratch={scratch}", *options], stderr=log
        )


def _part(told: argparse.Namespace) -> int:
    """Run one part here; leave beside its directory what came of it."""
    campaign = Campaign(told.only, told.scratch / told.only, told.seed)
    try:
        PARTS[told.only](campaign, told)
    except NoCompilerError as error:
        campaign.violations.append(str(error))
    (campaign.scratch / "told.json").write_text(json.dumps(campaign.told()))
    return 0


def _report(part: str, code: int, scratch: Path) -> bool:
    """Print what came of a part; return whether anything broke."""
    try:
        told = json.loads((scratch / part / "told.json").read_text())
    except FileNotFoundError:
        print(f"{part}: the part itself ended with {code}; see {scratch / part / 'log'}", flush=True)
        return True
    print(f"\n{part}: {len(told['violations'])} violations, {told['seconds']:.0f} s", flush=True)
    for line in _figures(told["counts"]):
        print(f"  {line}")
    for note in told["notes"]:
        print(f"  note: {note}")
    for violation in told["violations"]:
        print(f"  VIOLATION {violation}")
    sys.stdout.flush()
    return bool(told["violations"])


def _figures(counts: dict[str, Any]) -> list[str]:
    """Return the counts, those of one kind in one line: "kind: what" is a kind and what."""
    kinds = Counter[str]()
    lines: dict[str, list[str]] = {}
    for name, count in counts.items():
        kind, _, what = name.partition(": ")
        kinds[kind] += count
        lines.setdefault(kind, []).extend([f"{what} {count:,}"] if what else [])
    return [
        f"{kind} {kinds[kind]:,}" + (f": {', '.join(sorted(lines[kind]))}" if lines[kind] else "") for kind in kinds
    ]


if __name__ == "__main__":
    sys.exit(main())
