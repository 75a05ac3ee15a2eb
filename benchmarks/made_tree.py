"""A tree of made code, the same every time: `python -m benchmarks.made_tree DIR [--files 10000]`.

Made, not real: it is for what depends on how much there is (time, memory, hit rates), not for how good answers are. In
Python, TypeScript, Go, Java, Rust and Ruby; a file has a documented type with some functions that loop, decide and call
each other, about 3 KB. Names come of verbs, nouns and areas, so that questions can be asked about them.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["AREAS", "made_file", "make"]

SEED = 20
VERBS = tuple(
    """parse load save retry upload fetch validate merge split encode decode compress encrypt verify render
schedule cancel resolve index search filter sort group cache evict refresh expire lock release open close connect send
receive publish consume batch throttle sample estimate compare rename migrate restore archive export import trace report
audit approve reject charge refund convert rotate balance route mount scan quote escape""".split()
)
NOUNS = tuple(
    """invoice payment session token request response header cookie template report document image thumbnail
queue message topic worker job schedule shipment address customer order basket product price discount ticket account
profile password certificate key bucket object file folder path chunk block record row column table schema index query
cursor snapshot journal backup replica shard cluster node lease metric event alert channel subscription webhook feed
comment thread review label branch commit patch diff tree""".split()
)
QUALITIES = tuple(
    """pending failed stale expired shared remote local nested partial duplicate signed raw large empty
broken recent archived scheduled public private""".split()
)
AREAS = tuple(
    """billing shipping catalog identity storage search messaging reporting scheduling media gateway sync
analytics support inventory pricing""".split()
)
REASONS = (
    "so that callers never see half of it", "with growing pauses between the tries", "unless it was done before",
    "and tells who is waiting for it", "within the limits of the plan", "without holding the lock",
    "in the order in which they came", "before anything is written", "as the provider asks for it",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Routine:
    """One function: verb, quality and noun of its name, why, what it calls, and some numbers."""

    verb: str
    quality: str
    noun: str
    reason: str
    calls: str
    limit: int
    steps: int

    @property
    def snake(self) -> str:
        """Its name with underscores."""
        return f"{self.verb}_{self.quality}_{self.noun}"

    @property
    def camel(self) -> str:
        """Its name in one word."""
        return f"{self.verb}{self.quality.title()}{self.noun.title()}"

    @property
    def doc(self) -> str:
        """What it does, as a sentence."""
        return f"{self.verb.title()} the {self.quality} {self.noun} {self.reason}."


def _python(owner: str, area: str, routines: Sequence[Routine]) -> str:
    body = "".join(
        f'\n    def {r.snake}(self, {r.noun}s, limit={r.limit}):\n        """{r.doc}"""\n        done = []\n'
        f"        for number, one in enumerate({r.noun}s):\n            if one is None or number >= limit:\n"
        f'                raise ValueError(f"{r.quality} {r.noun} {{number}}")\n'
        + "".join(f"            one = self._{r.calls}(one, {step})\n" for step in range(r.steps))
        + f"            done.append(one)\n        self.log('{r.snake}', len(done))\n        return done\n"
        for r in routines
    )
    return f'"""The {area} side of {owner}."""\n\nimport logging\n\n\nclass {owner}:\n    """Keeps {area} in order."""\n{body}'


def _typescript(owner: str, area: str, routines: Sequence[Routine]) -> str:
    body = "".join(
        f"\n  /** {r.doc} */\n  async {r.camel}({r.noun}s: Item[], limit = {r.limit}): Promise<Item[]> {{\n"
        f"    const done: Item[] = [];\n    for (const [number, one] of {r.noun}s.entries()) {{\n"
        f"      if (!one || number >= limit) {{\n        throw new Error(`{r.quality} {r.noun} ${{number}}`);\n      }}\n"
        + "".join(f"      await this.{r.calls}(one, {step});\n" for step in range(r.steps))
        + "      done.push(one);\n    }\n    return done;\n  }\n"
        for r in routines
    )
    return f"// The {area} side of {owner}.\nimport {{ Item }} from './{area}';\n\nexport class {owner} {{{body}}}\n"


def _go(owner: str, area: str, routines: Sequence[Routine]) -> str:
    body = "".join(
        f"\n// {r.camel} is asked to {r.doc.lower()}\nfunc (s *{owner}) {r.camel}({r.noun}s []Item, limit int) ([]Item, error) {{\n"
        f"\tvar done []Item\n\tfor number, one := range {r.noun}s {{\n\t\tif number >= limit {{\n"
        f'\t\t\treturn nil, fmt.Errorf("{r.quality} {r.noun} %d", number)\n\t\t}}\n'
        + "".join(f"\t\tone = s.{r.calls}(one, {step})\n" for step in range(r.steps))
        + "\t\tdone = append(done, one)\n\t}\n\treturn done, nil\n}\n"
        for r in routines
    )
    return f'package {area}\n\nimport "fmt"\n\n// {owner} keeps {area} in order.\ntype {owner} struct {{\n\tname string\n}}\n{body}'


def _java(owner: str, area: str, routines: Sequence[Routine]) -> str:
    body = "".join(
        f"\n    /** {r.doc} */\n    public List<Item> {r.camel}(List<Item> {r.noun}s, int limit) {{\n"
        f"        List<Item> done = new ArrayList<>();\n        for (Item one : {r.noun}s) {{\n"
        f"            if (one == null || done.size() >= limit) {{\n"
        f'                throw new IllegalStateException("{r.quality} {r.noun}");\n            }}\n'
        + "".join(f"            one = {r.calls}(one, {step});\n" for step in range(r.steps))
        + "            done.add(one);\n        }\n        return done;\n    }\n"
        for r in routines
    )
    return f"package org.made.{area};\n\nimport java.util.*;\n\n/** Keeps {area} in order. */\npublic class {owner} {{{body}}}\n"


def _rust(owner: str, area: str, routines: Sequence[Routine]) -> str:
    body = "".join(
        f"\n    /// {r.doc}\n    pub fn {r.snake}(&mut self, {r.noun}s: Vec<Item>, limit: usize) -> Result<Vec<Item>, String> {{\n"
        f"        let mut done = Vec::new();\n        for (number, one) in {r.noun}s.into_iter().enumerate() {{\n"
        f'            if number >= limit {{\n                return Err(format!("{r.quality} {r.noun} {{number}}"));\n            }}\n'
        + "".join(f"            let one = self.{r.calls}(one, {step});\n" for step in range(r.steps))
        + "            done.push(one);\n        }\n        Ok(done)\n    }\n"
        for r in routines
    )
    return (
        f"//! The {area} side of {owner}.\n\npub struct {owner} {{\n    name: String,\n}}\n\nimpl {owner} {{{body}}}\n"
    )


def _ruby(owner: str, area: str, routines: Sequence[Routine]) -> str:
    body = "".join(
        f"\n  # {r.doc}\n  def {r.snake}({r.noun}s, limit = {r.limit})\n    {r.noun}s.each_with_index.map do |one, number|\n"
        f'      raise "{r.quality} {r.noun} #{{number}}" if one.nil? || number >= limit\n'
        + "".join(f"      one = {r.calls}(one, {step})\n" for step in range(r.steps))
        + "      one\n    end\n  end\n"
        for r in routines
    )
    return f"# Keeps {area} in order.\nclass {owner}{body}end\n"


LANGUAGES: dict[str, Callable[[str, str, Sequence[Routine]], str]] = {
    "py": _python, "ts": _typescript, "go": _go, "java": _java, "rs": _rust, "rb": _ruby,
}  # fmt: skip


def made_file(number: int, seed: int = SEED) -> tuple[str, str]:
    """Return the path and the text of one file: the same for the same number and seed."""
    chance = random.Random(seed * 1_000_003 + number)
    area, suffix = chance.choice(AREAS), chance.choice(list(LANGUAGES))
    noun, quality = chance.choice(NOUNS), chance.choice(QUALITIES)
    owner = f"{quality.title()}{noun.title()}{chance.choice(('Service', 'Store', 'Handler', 'Client', 'Policy'))}"
    routines = [
        Routine(
            chance.choice(VERBS), chance.choice(QUALITIES), chance.choice(NOUNS), chance.choice(REASONS),
            chance.choice(VERBS), chance.randrange(5, 500), chance.randrange(1, 9),
        )
        for _ in range(chance.randrange(3, 10))
    ]  # fmt: skip
    folder = f"{area}/{chance.choice(NOUNS)}"
    return f"{folder}/{quality}_{noun}_{number}.{suffix}", LANGUAGES[suffix](owner, area, routines)


def make(root: Path, files: int, seed: int = SEED) -> int:
    """Write so many files beneath `root`; return their bytes."""
    total = 0
    for number in range(files):
        path, text = made_file(number, seed)
        where = root / path
        where.parent.mkdir(parents=True, exist_ok=True)
        total += where.write_text(text, encoding="utf-8")
    return total


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.made_tree", description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    told = parser.parse_args()
    print(f"{make(told.directory, told.files):,} bytes")


if __name__ == "__main__":
    main()
