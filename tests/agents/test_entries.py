"""Entries in other people's files: what isn't ours stays as it is, whatever it looks like."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeseek.agents import blocks, json_entries, jsonc, toml_entries
from treeseek.agents.edits import Edit
from treeseek.errors import UsageError

ENTRY = {"type": "stdio", "command": "/opt/tree seek/é", "args": ["mcp"]}
PATH = ("mcpServers", "treeseek")

names = st.sampled_from(["a", "b c", "mcpServers", 'q"', "é", "treeseek", "//", "\\"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["", "x", "// no", "/* no */", "}", ",", '"', "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def spaces(draw: st.DrawFn) -> str:
    parts = st.sampled_from([" ", "\t", "NL", "// it's, a {comment}NL", '/* a , } " */', "/* twoNLlines */"])
    return "".join(draw(st.lists(parts, max_size=2)))


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """Return a value as somebody may have written it, with comments and trailing commas."""
    around = spaces()
    if not isinstance(value, (dict, list)) or not value:
        empty = {"[]": "[]", "{}": "{}"}.get(json.dumps(value))
        return (empty[0] + draw(around) + empty[1]) if empty else json.dumps(value, ensure_ascii=draw(st.booleans()))
    parts = [
        draw(around)
        + (f"{json.dumps(part)}{draw(around)}:{draw(around)}{draw(written(value[part]))}" if isinstance(value, dict)
           else draw(written(part)))
        + draw(around)
        for part in value
    ]  # fmt: skip
    last = "," + draw(around) if draw(st.booleans()) else ""
    left, right = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return left + ",".join(parts) + last + right


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    value = draw(st.dictionaries(names, values, max_size=4))
    if not isinstance(value.get("mcpServers", {}), dict):
        value["mcpServers"] = draw(st.dictionaries(names, values, max_size=3))
    text = draw(spaces()) + draw(written(value)) + draw(spaces())
    return draw(st.sampled_from(["", "\ufeff"])) + text.replace("NL", draw(st.sampled_from(["\n", "\r\n"]))), value


def comments(text: str) -> list[str]:
    """Return what stands in the comments of a document, in order; its strings hold none of these."""
    return re.findall(r"it's, a|/\* a ,|/\* two", text)


@given(documents())
def test_what_people_write_is_read(document: tuple[str, dict[str, Any]]) -> None:
    node = jsonc.read(document[0])
    assert node is not None
    assert node.value == document[1]


@given(documents())
def test_an_entry_is_added_and_undone_to_the_byte(document: tuple[str, dict[str, Any]]) -> None:
    text, value = document
    edit = json_entries.put(text, PATH, ENTRY)
    wanted = value | {"mcpServers": value.get("mcpServers", {}) | {"treeseek": ENTRY}}
    if edit is None:
        assert value == wanted
        return
    after = edit.apply(text)
    node = jsonc.read(after)
    assert node is not None
    assert node.value == wanted
    assert json_entries.put(after, PATH, ENTRY) is None
    assert edit.undone(after) == text
    assert "\r\n" not in text or after.count("\n") == after.count("\r\n")


@given(documents())
def test_an_entry_is_taken_out_without_a_receipt(document: tuple[str, dict[str, Any]]) -> None:
    text, value = document
    edit = json_entries.put(text, PATH, ENTRY)
    after = json_entries.taken_out(edit.apply(text) if edit else text, PATH)
    node = jsonc.read(after)
    assert node is not None
    servers = {name: one for name, one in value.get("mcpServers", {}).items() if name != "treeseek"}
    assert node.value == value | {"mcpServers": servers}
    if "treeseek" not in value.get("mcpServers", {}):
        assert comments(after) == comments(text)


@given(documents(), st.text("ab \n", max_size=5))
def test_what_is_edited_elsewhere_stays_when_ours_is_undone(document: tuple[str, dict[str, Any]], more: str) -> None:
    text, value = document
    edit = json_entries.put(text, PATH, ENTRY)
    if edit is None or "treeseek" in value.get("mcpServers", {}):
        return
    assert edit.undone(f"// {more.strip()}\n".replace("\n\n", "\n") + edit.apply(text)) is not None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}\n", '{\n  "s": {\n    "t": {\n      "a": 1\n    }\n  }\n}\n'),
        ("", '{\n  "s": {\n    "t": {\n      "a": 1\n    }\n  }\n}\n'),
        ('{\n    "x": 1 // one\n}',
         '{\n    "x": 1, // one\n    "s": {\n        "t": {\n            "a": 1\n        }\n    }\n}'),
        ('{\n\t"s": {\n\t\t"o": {},\n\t},\n}', '{\n\t"s": {\n\t\t"o": {},\n\t\t"t": {\n\t\t\t"a": 1\n\t\t},\n\t},\n}'),
        ('{"s":{\n"o":1,/* a */},"z":1/* b */\n}', '{"s":{\n"o":1,\n"t": {\n  "a": 1\n},/* a */},"z":1/* b */\n}'),
        ('{"s": {"o": 1}}', '{"s": {"o": 1, "t": {"a": 1}}}'),
        ('{\r\n  "s": {}\r\n}', '{\r\n  "s": {\r\n    "t": {\r\n      "a": 1\r\n    }\r\n  }\r\n}'),
        ('{\n  // only this\n}', '{\n  // only this\n  "s": {\n    "t": {\n      "a": 1\n    }\n  }\n}'),
        ('{\n  "s": {\n    "t": {"a": 2}\n  }\n}', '{\n  "s": {\n    "t": {\n      "a": 1\n    }\n  }\n}'),
    ],
)  # fmt: skip
def test_it_looks_as_if_its_owner_had_written_it(before: str, after: str) -> None:
    edit = json_entries.put(before, ("s", "t"), {"a": 1})
    assert edit is not None
    assert edit.apply(before) == after


@pytest.mark.parametrize(
    "text",
    ["{", '{"a" 1}', '{"a": }', "{'a': 1}", '{"a": 1} x', '{"a": 01}', '{"a": "\n"}', "[1", '{"a": 1,,}', '{,}',
     "/* open", '{"a": "\\x"}', "[" * 1000, "nul", "{a: 1}"],
)  # fmt: skip
def test_what_is_no_json_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"^line \d+: "):
        json_entries.put("\n\n" + text, PATH, ENTRY)


@pytest.mark.parametrize("text", ["[]", '"x"', '{"mcpServers": []}', '{"mcpServers": null}', "1"])
def test_something_else_in_the_way_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an object"):
        json_entries.put(text, PATH, ENTRY)


# -- TOML ----------------------------------------------------------------------------------------------------------

TABLE = {"command": "C:\\tree seek\\é\x7f", "args": ["mcp", '"']}
TOML_PATH = ("mcp_servers", "treeseek")
TOMLS = [
    "", "# nothing\n", "a = 1", "a = 1\n\n[b]\nc = '''\n[mcp_servers.treeseek]\n'''\n",
    "[mcp_servers.other]\ncommand = 'x' # why\n",
    "[mcp_servers]\n[mcp_servers.other.env]\nA = 'b'\n[z]\n", "a = 1\r\n[b]\r\nc = 2\r\n", "\ufeffa = 1\n",
    "[[list]]\nx = 1\n",
    "[mcp_servers.treeseek]\ncommand = 'old'\n# mine\n\n[after]\nx = 1\n", "[mcp_servers . \"treeseek\"]\nargs = []\n",
]  # fmt: skip


@pytest.mark.parametrize("text", TOMLS)
def test_a_table_is_added_and_undone_to_the_byte(text: str) -> None:
    def loaded(text: str) -> dict[str, Any]:
        return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))

    edit = toml_entries.put(text, TOML_PATH, TABLE)
    assert edit is not None
    after = edit.apply(text)
    assert loaded(after)["mcp_servers"]["treeseek"] == TABLE
    assert toml_entries.put(after, TOML_PATH, TABLE) is None
    assert edit.undone(after) == text
    rest = loaded(toml_entries.taken_out(after, TOML_PATH))
    old = loaded(text)
    old.get("mcp_servers", {}).pop("treeseek", None)
    rest.setdefault("mcp_servers", {}), old.setdefault("mcp_servers", {})
    assert rest == old
    assert "\r\n" not in text or after.count("\n") == after.count("\r\n")


@pytest.mark.parametrize(
    "text",
    ["a = ", "[a\n", "mcp_servers = {}\n", "mcp_servers = {treeseek = {command = 'x'}}\n",
     "[mcp_servers]\ntreeseek = {command = 'x'}\n", "mcp_servers.treeseek.command = 'x'\n",
     "[mcp_servers.treeseek]\ncommand = '''\n[x]\n'''\n", "mcp_servers = 1\n"],
)  # fmt: skip
def test_what_can_not_be_edited_safely_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        toml_entries.put(text, TOML_PATH, TABLE)


# -- words ---------------------------------------------------------------------------------------------------------


@given(st.text("a#\n -", max_size=20), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\ufeff"]))
def test_words_are_added_and_undone_to_the_byte(text: str, end: str, mark: str) -> None:
    text = mark + text.replace("\n", end)
    edit = blocks.put(text, "---\nx: y\n---\n")
    assert edit is not None
    after = edit.apply(text)
    assert blocks.has_block(after)
    assert blocks.put(after) is None
    assert edit.undone(after) == text
    assert blocks.BEGIN not in blocks.taken_out(after)
    assert end == "\n" or end not in text or after.count("\n") == after.count("\r\n")


@pytest.mark.parametrize("text", [blocks.BEGIN, blocks.END, f"{blocks.END}\n{blocks.BEGIN}"])
def test_half_a_block_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="mark"):
        blocks.put(text)


def test_an_edit_that_somebody_changed_is_not_undone() -> None:
    edit = Edit(1, "", "bc")
    assert edit.undone("abcd") == "ad"
    assert edit.undone("xxabcd") == "xxad"
    assert edit.undone("abd") is None
    assert edit.undone("xbcbc") == "xbc"
    assert edit.undone("xxbcbc") is None
