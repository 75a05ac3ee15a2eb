"""Run a campaign: `python -m fuzz.run [--seconds 20] [--target PATTERN]`; ends with 1 if there are findings.

Each target in turn is fuzzed by a process of its own, which is started again when it dies, with the corpus that it has
come to; so a campaign goes on where the last one ended. Under results/fuzz/TARGET are

    corpus/         inputs that reach something new
    findings/       inputs that break something of ours, each with a text beside it: what, and how to reproduce and keep
    parser/         inputs with which tree-sitter alone dies, hangs or eats memory; that is what workers are killed for
    unreproduced/   inputs at which the process died, but alone doesn't
    log             what libFuzzer says
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from fuzz.targets import TARGETS

__all__ = ["Campaign", "main"]

HANGS_SECONDS = 10
"""An input that takes longer is a finding."""
_MEMORY_MB = 2048
_KEPT = 20
"""About so many inputs are kept of those that aren't our fault."""
_SPARE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Campaign:
    """One target's campaign in its folder."""

    target: str
    folder: Path

    def run(self, seconds: float) -> None:
        """Fuzz for a time; what was found is in the folder."""
        for name in ("corpus", "seeds", "findings", "parser", "unreproduced", "artifacts"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._forget_what_is_fixed()
        for seed in TARGETS[self.target].seeds():
            (self.folder / "seeds" / _name(seed)).write_bytes(seed)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 1:
            if self._fuzz(int(left)) == 0:
                return
            self._judge(self.folder / "last")

    def findings(self, kind: str = "findings") -> list[Path]:
        """Return the inputs that were found."""
        return sorted(path for path in (self.folder / kind).glob("*") if path.suffix != ".txt")

    def _forget_what_is_fixed(self) -> None:
        """Delete findings of earlier campaigns that are none any more."""
        for path in self.findings():
            if self._replay(path) == 0:
                path.unlink()
                path.with_name(path.name + ".txt").unlink(missing_ok=True)

    def _fuzz(self, seconds: int) -> int:
        """Fuzz until the process ends, or dies; return how."""
        flags = (
            f"-max_total_time={seconds}", f"-timeout={HANGS_SECONDS}", f"-rss_limit_mb={_MEMORY_MB}",
            f"-max_len={TARGETS[self.target].most_bytes}", f"-artifact_prefix={self.folder}/artifacts/",
            "-report_slow_units=3600", "-print_final_stats=1",
        )  # fmt: skip
        command = [sys.executable, "-m", "fuzz.worker", self.target, str(self.folder), *flags]
        folders = (str(self.folder / "corpus"), str(self.folder / "seeds"))
        with (self.folder / "log").open("ab") as log:
            try:
                # libFuzzer's own alarm doesn't go off while native code holds the process
                patience = seconds + HANGS_SECONDS + _SPARE_SECONDS
                return subprocess.run([*command, *folders], stdout=log, stderr=log, timeout=patience).returncode
            except subprocess.TimeoutExpired:
                return -9

    def _judge(self, last: Path) -> None:
        """Keep the input at which the process died, where it belongs."""
        if not last.exists():
            raise SystemExit(f"{self.target} doesn't start; see {self.folder / 'log'}")
        raw = last.read_bytes()
        data = raw[4 : 4 + int.from_bytes(raw[:4], "little")]
        path = self.folder / "unreproduced" / _name(data)
        path.write_bytes(data)
        kind, flag = "parser", " --parse-only"
        how = self._replay(path, "--parse-only")
        if how == 0:
            kind, flag = "findings", ""
            how = self._replay(path)
        if how == 0:
            kind = "unreproduced"
        if kind != "findings" and len(self.findings(kind)) > _KEPT:
            path.unlink()
        elif kind != "unreproduced":
            self._keep(path, kind, flag, how)

    def _keep(self, path: Path, kind: str, flag: str, how: int) -> None:
        """File an input that kills the process, with how to see that."""
        kept = path.rename(self.folder / kind / f"died-{path.name}")
        home = "parser-findings" if kind == "parser" else "regressions"
        kept.with_name(kept.name + ".txt").write_text(
            f"reproduce: python -m fuzz.replay {self.target} {kept}{flag}\n"
            f"keep:      mkdir -p fuzz/{home}/{self.target} && cp {kept} fuzz/{home}/{self.target}/\n\n"
            f"the process died with {how} (-9: killed after {2 * HANGS_SECONDS} s)\n"
        )

    def _replay(self, path: Path, *flags: str) -> int:
        """Run one input in a process of its own; return how that ended."""
        command = [sys.executable, "-m", "fuzz.replay", self.target, str(path), *flags]
        try:
            return subprocess.run(command, capture_output=True, timeout=2 * HANGS_SECONDS).returncode
        except subprocess.TimeoutExpired:
            return -9


def _name(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def main() -> int:
    """Run the command line; return 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.run", description="Fuzz what treeseek makes of texts.")
    parser.add_argument("--seconds", type=float, default=20, help="for each target (20)")
    parser.add_argument("--target", default="*", help="a name or a pattern: " + ", ".join(TARGETS))
    parser.add_argument("--results", type=Path, default=Path("results/fuzz"))
    told = parser.parse_args()
    names = fnmatch.filter(TARGETS, told.target)
    if not names:
        parser.error(f"no target is called {told.target!r}")
    found = []
    for name in names:
        campaign = Campaign(name, told.results / name)
        campaign.run(told.seconds)
        counts = [len(campaign.findings(kind)) for kind in ("findings", "parser", "unreproduced", "corpus")]
        print(f"{name:20} {counts[0]:4} findings, {counts[1]} of the parser, {counts[2]} unreproduced, "
              f"corpus of {counts[3]}", flush=True)  # fmt: skip
        found += campaign.findings()
    for path in found:
        what = path.with_name(path.name + ".txt").read_text(errors="replace").partition("\n\n")[0]
        print(f"\n{path}\n{what}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
