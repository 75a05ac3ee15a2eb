"""What code that can't be parsed seems to declare."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from treeseek.syntax import analyse
from treeseek.syntax.guesses import guessed

DART = b"""// Queues.
abstract class Queue<T> {
  void push(T item);
}

class RingBuffer extends Queue<int> {
  static int sized(int n) => n;
}
"""
PERL = b"""package Mail::Sender;

sub new {
    my $class = shift;
}

sub send_all { 1 }
"""


def names(data: bytes) -> list[tuple[str, str, int, int]]:
    return [(one.kind, one.name, one.start_line, one.end_line) for one in guessed(data)[0]]


def test_words_before_a_name_tell():
    assert names(DART) == [("class", "Queue", 2, 4), ("class", "RingBuffer", 6, 8)]
    assert names(PERL) == [("module", "Mail::Sender", 1, 1), ("function", "new", 3, 5), ("function", "send_all", 7, 7)]
    assert names(b"(defun split-line (x) x)") == [("function", "split-line", 1, 1)]


def test_what_is_indented_further_is_inside():
    assert names(b"class A\n  def one\n  end\n  def two\n  end\nend\ndef three\nend\n") == [
        ("class", "A", 1, 6), ("function", "one", 2, 3), ("function", "two", 4, 6), ("function", "three", 7, 8),
    ]  # fmt: skip


def test_prose_declares_nothing():
    assert names(b"The class Queue holds items.\n  a function push adds one\nclasses of things\n") == []
    assert analyse(b"class of 1999\n", "text", deadline_seconds=1).declarations == ()


def test_a_chunk_knows_what_it_seems_to_declare():
    syntax = analyse(PERL, "perl", deadline_seconds=1)
    assert [syntax.declarations[i].name for chunk in syntax.chunks for i in chunk.declarations] == [
        "Mail::Sender", "new", "send_all",
    ]  # fmt: skip
    assert syntax.declarations[1].signature == "sub new"


@given(st.lists(st.sampled_from([b"class A", b"  def b", b"\tfn c {", b"}", b"", b"x = 1", b"\r"]), max_size=30))
def test_spans_hold_their_names_and_stay_inside(lines):
    data = b"\n".join(lines)
    declared, places = guessed(data)
    for one, (place, _) in zip(declared, places, strict=True):
        assert 0 <= one.start_byte <= place < one.end_byte <= len(data)
        assert one.start_line == data.count(b"\n", 0, one.start_byte) + 1
        assert one.end_line == data.count(b"\n", 0, one.end_byte) + 1
