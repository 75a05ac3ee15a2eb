"""What became of each declaration: in terms of meaning, whatever the layout."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek.syntax.compare import DeclarationChange, compare, find_again, find_in_other_files
from treeseek.syntax.parsed import Declared, parse_file, similarity

SESSION = '''
"""Sessions."""

RETRIES = 3


class Session:
    """Keeps connections open."""

    def get(self, url, timeout=None):
        # the usual case
        response = self.send("GET", url, timeout=timeout)
        return response.body if response.ok else None

    def close(self):
        for connection in self.connections:
            connection.shutdown()
        self.connections.clear()


def open_session(pool, retries=RETRIES):
    session = Session(pool)
    session.retries = retries
    session.connections = [pool.connect() for _ in range(pool.size)]
    return session
'''


def declared(text: str, language: str = "python") -> tuple[Declared, ...]:
    file = parse_file(text.encode(), language, deadline_seconds=10)
    assert file is not None
    return file.declarations


def changed(old: str, new: str, language: str = "python") -> dict[str, tuple[str, tuple[str, ...]]]:
    """What isn't unchanged, by its name (the new one if there are two)."""
    before, after = declared(old, language), declared(new, language)
    return {
        (after[change.new] if change.new >= 0 else before[change.old]).name: (change.status, change.parts)
        for change in compare(before, after)
        if change.status != "unchanged"
    }


def test_the_same_file_has_no_changes() -> None:
    assert changed(SESSION, SESSION) == {}


def test_layout_and_place_in_the_file_are_no_changes() -> None:
    moved_down = "\n\n\nimport os\n\n" + SESSION.replace("    return session\n", "\n    return  session\n\n")
    assert changed(SESSION, moved_down) == {}


MEMBERS = {"Session": ("modified", ("members",))}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('"GET", url', '"HEAD", url', MEMBERS | {"Session.get": ("modified", ("body",))}),
        ("url, timeout=None", "url, timeout=5", MEMBERS | {"Session.get": ("modified", ("signature",))}),
        ("def close", "def shut", MEMBERS | {"Session.shut": ("renamed", ("name",))}),
        ("class Session:", "class Client:", {"Client": ("renamed", ("name",))}),
        ("RETRIES = 3", "RETRIES = 4", {"RETRIES": ("modified", ("value",))}),
        ("\n\n\ndef open", "\n\n\nLIMIT = 9\n\n\ndef open", {"LIMIT": ("added", ())}),
        ("RETRIES = 3\n", "", {"RETRIES": ("removed", ())}),
        (
            "# the usual case",
            "# nearly always",
            {"Session.get": ("modified", ("comments",)), "Session": ("modified", ("comments",))},
        ),
    ],
)
def test_what_changed_is_said(before: str, after: str, expected: dict[str, object]) -> None:
    assert changed(SESSION, SESSION.replace(before, after, 1)) == expected


def test_renamed_and_changed_at_once() -> None:
    after = SESSION.replace("def open_session(pool", "def connect(pool").replace(
        "range(pool.size)", "range(pool.limit)"
    )
    assert changed(SESSION, after) == {"connect": ("renamed", ("name", "body"))}


def test_members_of_a_renamed_class_are_found_in_it() -> None:
    before, after = declared(SESSION), declared(SESSION.replace("class Session", "class Client"))
    names = {before[one.old].name: after[one.new].name for one in compare(before, after) if one.old >= 0}
    assert names["Session.get"] == "Client.get"
    assert names["Session.close"] == "Client.close"


def test_another_order_is_a_move() -> None:
    head, session, function = SESSION.split("\n\n\n")
    assert changed(SESSION, "\n\n\n".join((head, function, session))) == {"open_session": ("moved", ("place",))}


def test_a_method_that_becomes_a_function_has_moved() -> None:
    start = SESSION.index("    def close")
    end = SESSION.index("\n\n\ndef open_session")
    method = SESSION[start:end]
    flat = "\n".join(line[4:] for line in method.splitlines())
    assert changed(SESSION, SESSION.replace(method, "") + "\n\n" + flat + "\n")["close"] == ("moved", ("place",))


def test_what_moved_to_another_file_is_found_again() -> None:
    lost, found = declared(SESSION), declared("import os\n\n\n" + SESSION.replace("Session", "Client"))
    pairs = {lost[one].name: found[other].name for one, other in find_again(lost, found)}
    assert pairs["open_session"] == "open_session"
    assert pairs["Session.close"] == "Client.close"


def test_among_many_files_a_name_that_nothing_else_has_is_enough() -> None:
    gone = "".join(f"def gone_{n}(a):\n    return a.first({n})\n" for n in range(200))
    come = "".join(f"class Come{n}:\n    size = {n}\n" for n in range(200))
    lost, found = declared("def flat(rows): pass\n" + gone), declared("def flat(rows, skip): pass\n" + come)
    assert find_again(lost, found) == []
    assert find_in_other_files(lost, found) == [(0, 0)]
    assert find_in_other_files((lost[0], *lost), found) == []


def test_what_says_nothing_is_not_taken_for_something_else() -> None:
    assert find_again(declared("A = 1\nB = 2\n"), declared("C = 1\nD = 2\n")) == []


@pytest.mark.parametrize(
    ("language", "text", "before", "after", "name"),
    [
        ("go", "package set\nfunc (s *Set) Add(x int) { s.n++ }", "n++", "n--", "Set.Add"),
        ("rust", "impl Set { fn add(&mut self) { self.n += 1; } }", "1", "2", "Set.add"),
        ("java", "class Set { void add(int x) { n++; } }", "n++", "n--", "Set.add"),
        ("javascript", "const add = (x) => { n += x; }", "+=", "-=", "add"),
        ("elixir", "defmodule Set do\n  def add(x), do: x + 1\nend", "1", "2", "Set.add"),
    ],
)
def test_other_languages(language: str, text: str, before: str, after: str, name: str) -> None:
    assert changed(text, text.replace(before, after), language)[name][0] == "modified"


def test_methods_of_another_impl_are_not_mixed_up() -> None:
    impls = [
        f"impl {name} {{ fn open(&self) -> u8 {{ self.{name.lower()}.start({n}) }} }}" for n, name in enumerate("AB")
    ]
    added = "impl Z { fn open(&self) -> u8 { self.z.run(7, 8) } }"
    assert changed("\n".join(impls), "\n".join([added, *impls]), "rust") == {"Z.open": ("added", ())}


FUNCTIONS = [
    "def load(path):\n    with open(path) as file:\n        return [line.strip() for line in file]\n",
    "def total(rows):\n    result = 0\n    for row in rows:\n        result += row.amount\n    return result\n",
    "def retry(action, times):\n    while times > 0:\n        times -= 1\n        action(times)\n    return times\n",
    "class Point:\n    def norm(self):\n        return (self.x ** 2 + self.y ** 2) ** 0.5\n",
    "LIMIT = 10\n",
]


@given(st.permutations(FUNCTIONS), st.sets(st.sampled_from(range(len(FUNCTIONS)))), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_every_declaration_is_accounted_for_once(order: list[str], dropped: set[int], blank: int) -> None:
    old = declared("\n".join(FUNCTIONS))
    kept = [text for text in order if FUNCTIONS.index(text) not in dropped]
    new = declared(("\n" * (blank + 1)).join(kept))
    changes = compare(old, new)
    assert sorted(change.new for change in changes if change.new >= 0) == list(range(len(new)))
    assert sorted(change.old for change in changes if change.old >= 0) == list(range(len(old)))
    for change in changes:
        if change.old >= 0 and change.new >= 0:
            assert old[change.old].name == new[change.new].name
            assert change.status in ("unchanged", "moved")


def test_a_sketch_tells_how_much_two_have_in_common() -> None:
    load, total = declared(FUNCTIONS[0])[0], declared(FUNCTIONS[1])[0]
    nearly = declared(FUNCTIONS[1].replace("row.amount", "row.price"))[0]
    assert similarity(total.sketch, total.sketch) == 1.0
    assert similarity(total.sketch, nearly.sketch) > similarity(total.sketch, load.sketch)


def test_changes_are_plain_data() -> None:
    assert DeclarationChange("added", -1, 0) == ("added", -1, 0, ())
