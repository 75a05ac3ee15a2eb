"""A real server on a free port of loopback, in a thread of this process, and what asks it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from treeseek.frontends.http.app import Mounted, create_app
from treeseek.frontends.http.log import Log
from treeseek.frontends.http.options import Options
from treeseek.frontends.http.server import Server, bound
from treeseek.service import Service
from treeseek.settings import Settings, load

Serve = Callable[..., "Served"]


@dataclass(frozen=True)
class Served:
    """A server that runs, where it is, and the service behind it."""

    url: str
    service: Service
    server: Server

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False, **options)  # type: ignore[arg-type]


@contextmanager
def served(
    paths: list[Path], settings: Settings, options: Options | None = None,
    mounts: Mapping[str, Mounted] | None = None, log: Log | None = None,
) -> Iterator[Served]:  # fmt: skip
    """Serve roots that are indexed already, without following them, until the end of the block."""
    with Service(paths, settings) as service, bound("127.0.0.1", 0) as listener:
        for root in service.roots.values():
            root.refresh()
        server = Server(create_app(service, options, extra_mounts=mounts, log=log), settings)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        assert server.ready.wait(30)
        try:
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", service, server)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small tree with three languages."""
    root = tmp_path_factory.mktemp("project") / "project"
    (root / "lib").mkdir(parents=True)
    (root / "lib/net.py").write_text(
        '"""Moving files to the server."""\n\n\nclass Uploader:\n    """Uploads files."""\n\n'
        "    def retry_upload(self, path):\n        '''Retry a failed upload with growing pauses.'''\n"
        "        return path\n\n\ndef checksum(data):\n    '''Sum the bytes of some data.'''\n    return sum(data)\n"
    )
    (root / "lib/io.go").write_text("package io\n\n// Close closes it.\nfunc Close() error {\n\treturn nil\n}\n")
    (root / "README.md").write_text("# Project\n\nUploads files.\n\n## Retrying\n\nIt retries with pauses.\n")
    (root / "logo.bin").write_bytes(b"\x00\x01\x02" * 50)
    git = ("git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.com")
    for command in (("init", "-q"), ("add", "."), ("commit", "-qm", "Begin")):
        subprocess.run([*git, *command], check=True, capture_output=True)
    (root / "lib/io.go").write_text("package io\n\n// Shut closes it.\nfunc Shut() error {\n\treturn nil\n}\n")
    return root


@pytest.fixture(scope="session")
def running(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server over the project, for tests that only ask."""
    place = tmp_path_factory.mktemp("running")
    settings = load({}, data_dir=place / "data", cache_dir=place / "cache", workers=1, client_rate=0)
    with served([project], settings) as one:
        yield one


@pytest.fixture(scope="session")
def client(running: Served) -> Iterator[httpx.Client]:
    with running.client() as one:
        yield one
