"""Which embedder a setting means, what is refused, and what goes into its identity."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from treeseek.embedding import default_embedder, load
from treeseek.embedding.redacted import Redacted
from treeseek.embedding.remote import RemoteEmbedder
from treeseek.errors import CredentialsError, EmbeddingError, UsageError
from treeseek.indexing.outgoing import embedder_of, is_remote
from treeseek.settings import Settings, endpoint_key
from treeseek.settings import load as load_settings


def opened(setting: str) -> RemoteEmbedder:
    embedder = load(Settings(Path("data"), Path("cache"), setting))
    assert isinstance(embedder, RemoteEmbedder)
    return embedder


def test_the_setting_comes_from_the_file_or_the_environment(tmp_path: Path) -> None:
    config = tmp_path / "treeseek.toml"
    config.write_text('embedder = "bedrock:titan-v2?dims=512"\n')
    assert load_settings({"TREESEEK_CONFIG": str(config)}).embedder == "bedrock:titan-v2?dims=512"
    env = {"TREESEEK_CONFIG": str(config), "TREESEEK_EMBEDDER": "static"}
    assert load_settings(env).embedder == "static"
    config.write_text("embedder = 3\n")
    with pytest.raises(UsageError, match="is not a text"):
        load_settings({"TREESEEK_CONFIG": str(config)})


def test_static_is_the_bundled_model() -> None:
    embedder = embedder_of(Settings(Path("data"), Path("cache")))
    assert embedder is default_embedder()
    assert not is_remote(embedder)


@pytest.mark.parametrize(
    ("setting", "identity"),
    [
        ("bedrock:amazon.titan-embed-text-v1", "bedrock:amazon.titan-embed-text-v1@1:1536:remote+normalized"),
        ("bedrock:titan-v2?dims=256&region=eu-west-1&endpoint=http://127.0.0.1:9&rpm=10&concurrency=2",
         "bedrock:amazon.titan-embed-text-v2:0@1:256:remote+normalized"),
        ("openai:text-embedding-3-small", "openai:text-embedding-3-small@1:1536:remote+normalized"),
        ("openai:text-embedding-3-large?dims=300", "openai:text-embedding-3-large@1:300:remote+normalized"),
        ("openai:nomic?dims=768&url=http://127.0.0.1:1/v1&query_prefix=q:%20",
         "openai:nomic@1:768:remote+normalized+prefixes=('', 'q: ')"),
    ],
)  # fmt: skip
def test_the_identity_is_the_models_not_the_places(setting: str, identity: str) -> None:
    assert str(opened(setting).identity) == identity


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("", "no such embedder"),
        ("word2vec:x", "no such embedder"),
        ("static:x", "takes no model"),
        ("bedrock", "lacks a model"),
        ("bedrock:cohere.embed-v3", "not a model that is known"),
        ("bedrock:titan-v2?dims=300", "1024 or 512 or 256 dimensions, not 300"),
        ("bedrock:titan-v2?dims=x", "not a whole number"),
        ("bedrock:titan-v2?rpm=-1", "not a number of at least 0"),
        ("bedrock:titan-v2?rpm=nan", "not a number of at least 0"),
        ("bedrock:titan-v2?colour=red", "no option 'colour'"),
        ("bedrock:titan-v2?dims=256&dims=512", "an option twice"),
        ("bedrock:titan-v2?dims", "of the form name=value"),
        ("openai:mystery", "add dims=N"),
        ("openai:mystery?dims=9000", "too wide"),
        ("openai:text-embedding-ada-002?dims=512", "1536 dimensions, not 512"),
        ("openai:mystery?dims=8&url=ftp://host", "not of the form"),
        ("openai:mystery?dims=8&url=http://host:x", "not of the form"),
        ("openai:mystery?dims=8&url=https://me:secret@host/v1", "holds a password"),
        ("openai:mystery?dims=8&url=https://host/v1%3Fkey=1", "has a query"),
        ("openai:mystery?dims=8&encoding=text", "neither float nor base64"),
        ("openai:mystery?dims=8&shorten=maybe", "neither yes nor no"),
        ("onnx:/nowhere?pooling=max", "neither mean nor cls"),
    ],
)
def test_what_cant_be_is_refused_in_one_line(setting: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load(Settings(Path("data"), Path("cache"), setting))
    assert str(caught.value).isprintable()
    assert "secret" not in str(caught.value)


def test_a_key_is_for_whom_it_is_meant() -> None:
    both = {"OPENAI_API_KEY": "a", "TREESEEK_OPENAI_API_KEY": " b "}
    assert endpoint_key(is_openai=True, environment=both) == "b"
    assert endpoint_key(is_openai=True, environment={"OPENAI_API_KEY": "a"}) == "a"
    assert endpoint_key(is_openai=False, environment={"OPENAI_API_KEY": "a"}) == ""


@pytest.mark.parametrize(
    ("setting", "key", "message"),
    [
        ("openai:text-embedding-3-small", "", "no key for api.openai.com"),
        ("openai:mystery?dims=8&url=http://example.org/v1", "abc", "isn't sent over plain http"),
        ("openai:mystery?dims=8&url=https://example.org/v1", "a\nb", "odd characters"),
    ],
)
def test_a_key_that_is_missing_or_would_be_shown_is_told_before_anything_is_sent(
    setting: str, key: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TREESEEK_OPENAI_API_KEY", key)
    with pytest.raises(CredentialsError, match=message):
        opened(setting).embed_query("a question")


def test_once_there_is_a_redactor_nothing_leaves_without_it(tmp_path: Path) -> None:
    embedder = embedder_of(Settings(tmp_path, tmp_path, "bedrock:titan-v2"))
    assert isinstance(embedder, Redacted) == (find_spec("treeseek.safety.redact") is not None)


def test_a_redactor_sees_every_text_and_question_and_is_part_of_the_identity() -> None:
    class Seen:
        """An embedder that notes what reaches it."""

        is_remote = True

        def __init__(self) -> None:
            self.identity = opened("bedrock:titan-v2").identity
            self.texts: list[str] = []

        def embed(self, texts: list[str]) -> list[str]:
            self.texts += texts
            return texts

        def embed_query(self, text: str) -> str:
            self.texts.append(text)
            return text

        def embed_parts(self, texts: list[str], deadline: float = 0.0) -> list[str]:
            self.texts += texts
            return texts

    seen = Seen()
    embedder = Redacted(seen, lambda texts: [text.replace("pass", "****") for text in texts], "strict-1")  # type: ignore[arg-type]
    embedder.embed(["pass 1"])
    embedder.embed_query("pass 2")
    embedder.embed_parts(["pass 3", "x"])
    assert seen.texts == ["**** 1", "**** 2", "**** 3", "x"]
    assert str(embedder.identity) == f"{seen.identity}+redacted=strict-1"
    assert embedder.is_remote
    short = Redacted(seen, lambda texts: list(texts)[1:], "broken")  # type: ignore[arg-type]
    with pytest.raises(EmbeddingError, match="nothing was sent"):
        short.embed(["a", "b"])
    assert len(seen.texts) == 4
