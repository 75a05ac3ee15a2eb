"""Pairs of words and code in several languages: what was asked is what was said, and isn't in the answer."""

from __future__ import annotations

import random

import pytest

from treeseek.learning.pairs import KINDS, Pair, of_document, of_file

PYTHON = '''"""Moving files to the server, with growing pauses between attempts."""

import time


class Uploader:
    """Uploads files and keeps what failed for another attempt."""

    def retry(self, path):
        """Try a failed upload again after a pause.

        :param path: the file
        """
        return self.send(path) or time.sleep(1)

    def wait_for_quota(self, limit):
        # the server counts requests of the last minute only
        used = self.server.requests(60)
        while used > limit:
            time.sleep(used - limit)
            used = self.server.requests(60)
        if used < 0:
            raise RuntimeError("the server counts fewer requests than none")
        return used
'''
GO = """package io

// Copy moves all bytes from a reader to a writer.
func Copy(to Writer, from Reader) (int, error) {
\treturn copyBuffer(to, from, nil)
}
"""
RUST = """/// Parses a duration such as `5s` or `2h` from text.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    Some(unit.times(number))
}
"""
JAVA = """/** Keeps connections open for later requests. */
public class ConnectionPool {
    private final Deque<Connection> idle = new ArrayDeque<>();
    /** Returns a connection that nobody uses at the moment. */
    public Connection take(String host) {
        return idle.isEmpty() ? open(host) : idle.pop();
    }
}
"""
JAVASCRIPT = """/**
 * Escapes characters that HTML gives a meaning.
 * @param {string} text
 */
export function escapeHtml(text) {
  return text.replace(/[&<>]/g, (char) => ENTITIES[char]);
}
"""
RUBY = """# Collects the errors of all attributes of a record.
class Errors
  def full_messages_for(attribute)
    messages = @messages.fetch(attribute) { [] }
    messages.map { |message| full_message(attribute, message) }
  end
end
"""


def pairs(path: str, text: str, language: str) -> list[Pair]:
    return of_file(path, text.encode(), language, random.Random(0))


def queries(found: list[Pair], kind: str) -> list[str]:
    return [pair.query for pair in found if pair.kind == kind]


@pytest.mark.parametrize(
    ("path", "text", "language", "kind", "said", "code"),
    [
        ("a.py", PYTHON, "python", "doc", "Try a failed upload again after a pause.", "self.send(path)"),
        (
            "a.py",
            PYTHON,
            "python",
            "type",
            "Uploads files and keeps what failed for another attempt.",
            "class Uploader",
        ),
        ("a.go", GO, "go", "doc", "Copy moves all bytes from a reader to a writer.", "copyBuffer"),
        ("a.rs", RUST, "rust", "doc", "Parses a duration such as `5s` or `2h` from text.", "split_unit"),
        ("A.java", JAVA, "java", "type", "Keeps connections open for later requests.", "ArrayDeque"),
        ("A.java", JAVA, "java", "doc", "Returns a connection that nobody uses at the moment.", "idle.pop()"),
        ("a.js", JAVASCRIPT, "javascript", "doc", "Escapes characters that HTML gives a meaning.", "ENTITIES"),
        ("a.rb", RUBY, "ruby", "type", "Collects the errors of all attributes of a record.", "full_messages_for"),
    ],
)
def test_what_is_documented(path: str, text: str, language: str, kind: str, said: str, code: str) -> None:
    (pair,) = [pair for pair in pairs(path, text, language) if pair.kind == kind and pair.query == said]
    assert code in pair.text
    assert said.rstrip(".") not in pair.text
    assert pair.path == path


def test_names_notes_messages_headers_and_paths() -> None:
    found = pairs("net/upload.py", PYTHON, "python")
    assert queries(found, "name") == ["wait_for_quota"]
    assert queries(found, "note") == ["the server counts requests of the last minute only"]
    assert queries(found, "message") == ["the server counts fewer requests than none"]
    assert set(queries(found, "header")) == {"Moving files to the server, with growing pauses between attempts."}
    assert set(queries(found, "path")) == {"net/upload"}
    (message,) = [pair for pair in found if pair.kind == "message"]
    assert message.query not in message.text
    (note,) = [pair for pair in found if pair.kind == "note"]
    assert note.text.lstrip().startswith("used = self.server")
    assert {pair.kind for pair in found} <= set(KINDS)


def test_tests_give_their_names_only() -> None:
    text = (
        "def test_retry_is_bounded():\n    client = make_client()\n    client.retry()\n    assert client.count == 3\n"
    )
    found = pairs("tests/test_net.py", text, "python")
    assert [pair.kind for pair in found] == ["test"]


def test_a_code_block_goes_with_its_heading_and_paragraph() -> None:
    text = (
        "# Client\n\n## Retries\n\nPass a [policy](x.md) to retry **failed** requests:\n\n"
        "```python\nclient = Client(retries=Policy(attempts=3))\nclient.get('/users').raise_for_status()\n```\n\n"
        "```console\n$ run this command and wait for it to be done, please, it takes a moment\n```\n"
    )
    (pair,) = of_document("README.md", text)
    assert pair.query == "Retries. Pass a policy to retry failed requests:"
    assert pair.text.startswith("client = Client")


def test_the_same_file_gives_the_same_pairs() -> None:
    assert pairs("a.py", PYTHON, "python") == pairs("a.py", PYTHON, "python")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"def (:\n", b"class A:\n" * 50])
def test_any_bytes_are_read(data: bytes) -> None:
    for language in ("python", "go", "haskell", "bash"):
        of_file("a", data, language, random.Random(0))
