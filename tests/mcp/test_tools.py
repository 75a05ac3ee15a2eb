"""What an agent sees: the tools, their answers as text and as documents, and what becomes of what can't be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from speaking import Agent, over_stdio, text_of

from treeseek.frontends.mcp.tools import DEFAULT_TOKENS, MOST_TOKENS, TOOLS
from treeseek.retrieval.budget import count_tokens

NAMES = ["search", "symbols", "related", "outline", "changes", "index_status"]
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("search", {"query": "retry a failed upload"}),
    ("symbols", {"name": "checksum"}),
    ("related", {"path": "lib/net.py", "line": 8}),
    ("outline", {"path": "lib/net.py"}),
    ("changes", {}),
    ("index_status", {"skipped": True}),
]  # fmt: skip


def test_the_tools_are_these_and_cost_little(agent: Agent) -> None:
    tools = agent.tools()
    assert [tool.name for tool in tools] == NAMES
    listed = json.dumps([tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools])
    assert "anyOf" not in listed
    assert "null" not in listed
    compact = json.dumps(json.loads(listed), separators=(",", ":"), ensure_ascii=False)
    assert len(compact) <= 6_250, "1,500 tokens of current models; a session pays for each"
    assert count_tokens(compact) <= 3_150
    for tool in tools:
        notes = tool.annotations
        assert notes is not None
        assert (notes.read_only_hint, notes.idempotent_hint, notes.open_world_hint) == (True, True, False)
        assert tool.title
        assert tool.description
        for schema in (tool.input_schema, tool.output_schema):
            assert schema is not None
            jsonschema.Draft202012Validator.check_schema(schema)
        assert tool.input_schema["additionalProperties"] is False
        assert "root" not in tool.input_schema["properties"]


def test_the_instructions_say_when(agent: Agent) -> None:
    assert agent.greeting.server_info.name == "treeseek"
    assert agent.greeting.instructions is not None
    assert "grep" in agent.greeting.instructions
    assert count_tokens(agent.greeting.instructions) < 150


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
def test_a_document_is_as_the_schema_says_and_fits(agent: Agent, tool: str, arguments: dict[str, Any]) -> None:
    result = agent.call(tool, **arguments)
    assert not result.is_error
    schema = next(one for one in TOOLS if one.name == tool).output_schema()
    jsonschema.validate(result.structured_content, schema)
    assert result.structured_content["ok"] is True
    assert count_tokens(text_of(result)) <= DEFAULT_TOKENS
    assert count_tokens(json.dumps(result.structured_content, separators=(",", ":"))) <= DEFAULT_TOKENS


def test_text_gives_places_names_and_code(agent: Agent) -> None:
    text = text_of(agent.call("search", query="retry a failed upload"))
    first, *code = text.split("\n")
    assert first == "lib/net.py:7-9  method Uploader.retry_upload"
    assert code[0] == "    def retry_upload(self, path):"
    assert re.search(r"\nindex: up to date as of \d+ s ago$", text)
    text = text_of(agent.call("symbols", name="Checksum"))
    assert text.startswith("lib/net.py:12-14  function checksum\ndef checksum(data):\n")
    assert "\nlib/io.go:1-6  function Shut\npackage io\n" in text_of(agent.call("related", path="lib/net.py", line=8))
    assert text_of(agent.call("outline", path="./lib/net.py")).split("\n") == [
        "lib/net.py  python, 3 declarations",
        "4-9  class Uploader",
        "7-9    def retry_upload(self, path)",
        "12-14  def checksum(data)",
    ]
    assert text_of(agent.call("changes")).split("\n") == [
        "1 files changed from HEAD to the files as they are (+ added, - removed, ~ changed, > moved)",
        "lib/io.go",
        "  > 3-6  function Close > Shut",
    ]
    text = text_of(agent.call("index_status"))
    assert "3 files" in text
    assert "nothing has changed since" in text


def test_no_good_answer_is_said_first_and_what_to_do(agent: Agent) -> None:
    result = agent.call("search", query="quantum chromodynamics lattice simulation")
    text = text_of(result)
    if result.structured_content["hits"]:
        assert result.structured_content["confidence"] < 0.25
        assert text.startswith("No good answer here")
        assert "def " not in text
    else:
        assert text.startswith("nothing found.")
    assert "grep" in text.split("\n")[0]
    nothing = agent.call("search", query="upload", language="rust")
    assert nothing.structured_content["hits"] == []
    assert text_of(nothing).startswith("nothing found.")


@pytest.mark.parametrize(
    ("tool", "plain", "meant"),
    [
        ("search", {"query": "close it", "language": "go"}, {"query": "close it", "language": ["go"]}),
        ("search", {"query": "close it", "language": "go, c"}, {"query": "close it", "language": ["go", "c"]}),
        ("search", {"query": "close it", "language": '["go"]'}, {"query": "close it", "language": ["go"]}),
        ("search", {"query": "close it", "limit": "1"}, {"query": "close it", "limit": 1}),
        ("search", {"query": "close it", "limit": 2.0, "kind": None}, {"query": "close it", "limit": 2}),
        ("search", {"query": "close it", "path": "", "max_tokens": "4,000"}, {"query": "close it"}),
        ("search", {"query": "close it", "limit": 10**9, "max_tokens": 10**9}, {"query": "close it", "limit": 100,
                                                                                "max_tokens": MOST_TOKENS}),
        ("search", {"query": 404}, {"query": "404"}),
        ("search", {"query": "close it", "include": "*.{go,py}"}, {"query": "close it", "include": ["*.go", "*.py"]}),
        ("related", {"path": "lib/net.py", "line": "8"}, {"path": "lib/net.py", "line": 8}),
        ("changes", {"path": "lib"}, {"path": ["lib/"]}),
        ("index_status", {"skipped": "true"}, {"skipped": True}),
    ],
)  # fmt: skip
def test_what_is_plain_is_taken(near: Agent, tool: str, plain: dict[str, Any], meant: dict[str, Any]) -> None:
    result, wanted = near.call(tool, **plain), near.call(tool, **meant)
    assert not result.is_error
    assert result.structured_content == wanted.structured_content


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("search", {"query": "x", "langauge": "go"}, "no argument 'langauge', did you mean language? there are"),
        ("search", {"q": "x"}, "there are query, limit, language, kind, path, include, exclude, max_tokens"),
        ("search", {}, "usage: search needs the argument query"),
        ("search", {"query": ""}, "usage: "),
        ("search", {"query": ["x"]}, "usage: query must be a string"),
        ("search", {"query": "x", "limit": "many"}, "usage: limit must be a whole number, not 'many'"),
        ("search", {"query": "x", "limit": True}, "usage: limit must be a whole number"),
        ("search", {"query": "x", "limit": 0}, "usage: limit must be 1 or more"),
        ("search", {"query": "x", "limit": "1" * 500}, "usage: limit must be a whole number"),
        ("search", {"query": "x", "language": {"a": 1}}, "usage: language must be a list of strings"),
        ("search", {"query": "x", "language": "klingon"}, "usage: no language 'klingon'"),
        ("search", {"query": "x", "max_tokens": 10}, "usage: max_tokens must be 200 or more"),
        ("search", {"query": "x", "include": "{a,b}" * 9}, "usage: "),
        ("search", {"query": "x" * 3000}, "usage: "),
        ("search", {"query": "x", "root": "project"}, "usage: search has no argument 'root'"),
        ("related", {"path": "lib/net.py", "line": 9999}, "usage: lib/net.py:9999 is not in the index"),
        ("outline", {"path": "lib"}, "unreadable: "),
        ("outline", {"path": "no\nsuch\x1b[31m.py"}, "unreadable: "),
        ("changes", {"old": "--output=/tmp/x"}, "usage: "),
        ("changes", {"old": "no-such-revision"}, "usage: "),
        ("index_status", {"skipped": "perhaps"}, "usage: skipped must be true or false"),
        ("grep", {"pattern": "x"}, "usage: no tool 'grep'; there are search, symbols, related, outline, changes"),
    ],
)  # fmt: skip
def test_an_error_is_a_line(agent: Agent, tool: str, arguments: dict[str, Any], said: str) -> None:
    result = agent.call(tool, **arguments)
    assert result.is_error
    text = text_of(result)
    assert said in text
    assert re.match(r"[a-z-]+: ", text)
    assert "\n" not in text
    assert "\x1b" not in text
    error = result.structured_content["error"]
    assert text.startswith(f"{error['code']}: {error['message']}")
    assert len(text) < 500


def test_several_roots_are_told_apart(project: Path, place: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.py").write_text("def of_other():\n    return 1\n")
    with over_stdio([project, other], place) as agent:
        for tool in agent.tools():
            assert "root" in tool.input_schema["required"]
            assert tool.input_schema["properties"]["root"]["description"] == "one of project, other"
        assert "needs the argument root" in text_of(agent.call("search", query="x"))
        assert agent.call("symbols", name="of_other", root="other").structured_content["hits"][0]["path"] == "b.py"
        for root in ("third", "..", str(tmp_path), "/", "other/../project"):
            result = agent.call("outline", path="b.py", root=root)
            assert text_of(result).startswith("root: ")
