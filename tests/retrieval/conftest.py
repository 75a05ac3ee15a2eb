"""A small project in four languages, indexed once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import treeseek
from treeseek import Engine
from treeseek.settings import load

FILES = {
    "src/upload/retry_policy.py": '''"""When a failed upload is tried again."""

import time


class RetryPolicy:
    """How often and how long to wait between attempts."""

    def __init__(self, attempts: int, delay: float) -> None:
        self.attempts = attempts
        self.delay = delay

    def wait(self, attempt: int) -> None:
        """Sleep with exponential backoff before the next attempt."""
        time.sleep(self.delay * 2**attempt)


def upload_with_retry(client, path, policy):
    """Send a file, and send it again when the connection drops."""
    for attempt in range(policy.attempts):
        try:
            return client.put(path)
        except ConnectionError:
            policy.wait(attempt)
    raise TimeoutError(path)
''',
    "src/http/router.py": '''"""Which handler serves which URL?"""


class Router:
    """Maps URL patterns to handlers."""

    def __init__(self):
        self.routes = []

    def add_route(self, pattern, handler):
        """Register a handler for a pattern."""
        self.routes.append((pattern, handler))

    def resolve(self, path):
        """Return the handler for a path, or None."""
        for pattern, handler in self.routes:
            if pattern == path:
                return handler
        return None
''',
    "src/cache/lru.go": """package cache

// LRU is a cache that evicts the entry that was least recently used.
type LRU struct {
\tcapacity int
\tentries  map[string]string
\torder    []string
}

// Get returns a cached value and marks it as used.
func (c *LRU) Get(key string) (string, bool) {
\tvalue, ok := c.entries[key]
\treturn value, ok
}

// Evict drops the oldest entry.
func (c *LRU) Evict() {
\tdelete(c.entries, c.order[0])
\tc.order = c.order[1:]
}
""",
    "web/src/parseJSON.ts": """/** Parses a JSON document, with comments allowed. */
export function parseJSON(text: string): unknown {
  const stripped = text.replace(/^\\s*\\/\\/.*$/gm, "");
  return JSON.parse(stripped);
}

export const formatDate = (date: Date): string => date.toISOString();
""",
    "tests/test_router.py": """from http.router import Router


def test_router_resolves_a_route():
    router = Router()
    router.add_route("/", print)
    assert router.resolve("/") is print
""",
    "docs/guide.md": "# Guide\n\n## Routing\n\nThe router maps a URL to a handler.\n",
    "src/report.py": "\n\n".join(
        f"def render_{name}(rows):\n"
        f'    """Render the {name} of a router report."""\n'
        + "".join(f"    {name}_{i} = rows[{i}] + offset_of_{name}({i})\n" for i in range(25))
        + f"    return {name}_0\n"
        for name in ("header", "table", "footer")
    ),
}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(scope="session")
def engine(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with treeseek.open(project, load({}, data_dir=tmp_path_factory.mktemp("data"))) as engine:
        engine.sync()
        yield engine
