"""Real git over HTTP on loopback: `git http-backend` behind a small threaded server that checks a token."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

from tests.repositories import ENVIRONMENT, Repository, a_repository

_PART = 1 << 18


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    authorization: str | None


@dataclass
class Answered:
    """An answer in place of git's."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class GitServer:
    """Serves the repositories below `root`, each as `/owner/name.git`."""

    def __init__(self, root: Path, *, authorization: str | None = None) -> None:
        self.root = root
        self.authorization = authorization  # the header that is asked for
        self.seen: list[Seen] = []
        self.sent = 0  # bytes of bodies
        self.answer: Callable[[Seen], Answered | None] = lambda seen: None
        self.pace_s = 0.0  # between parts of a body
        self.open = Event()  # requests wait until it is set
        self.open.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.server.daemon_threads = True

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def url(self, name: str = "o/r") -> str:
        return f"{self.origin}/{name}.git"

    def posts(self) -> list[Seen]:
        """The requests that fetched something."""
        return [seen for seen in self.seen if seen.path.endswith("git-upload-pack") and seen.method == "POST"]


@contextmanager
def serving(root: Path, *, authorization: str | None = None) -> Iterator[GitServer]:
    server = GitServer(root, authorization=authorization)
    thread = Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.open.set()
        server.server.shutdown()
        server.server.server_close()
        thread.join()


class Hosted:
    """A repository on the server, written to through a working tree beside it."""

    def __init__(self, work: Repository, bare: Path) -> None:
        self.work = work
        self.bare = Repository(bare)

    def push(self, *refs: str) -> None:
        """Make these refs on the server stand where `ref:commit` says."""
        self.work.git("push", "--quiet", "--force", str(self.bare.root), *refs)

    def open(self, number: int, commit: str = "HEAD") -> str:
        """Have the pull request's head stand at the commit; its id."""
        self.push(f"{commit}:refs/pull/{number}/head")
        return self.work.git("rev-parse", commit)


def hosted(root: Path, name: str = "o/r", *, options: Sequence[str] = (), has_filter: bool = True) -> Hosted:
    """An empty repository on the server, and one with a working tree to fill it from."""
    bare = root / f"{name}.git"
    bare.mkdir(parents=True)
    Repository(bare).git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", *options)
    for key in ("uploadpack.allowAnySHA1InWant", *(["uploadpack.allowFilter"] if has_filter else [])):
        Repository(bare).git("config", key, "true")
    return Hosted(a_repository(root / "work" / name, options=options), bare)


def _handler_of(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self._body())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _serve(self, body: bytes) -> None:
            seen = Seen(self.command, self.path, self.headers.get("Authorization"))
            server.seen.append(seen)
            server.open.wait(20)
            answered = server.answer(seen)
            if answered is None and server.authorization not in (None, seen.authorization):
                answered = Answered(401, {"WWW-Authenticate": 'Basic realm="git"'})
            self._send(answered or self._from_git(body))

        def _from_git(self, body: bytes) -> Answered:
            parts = urlsplit(self.path)
            environ = ENVIRONMENT | {
                "GIT_PROJECT_ROOT": str(server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_ADDR": "127.0.0.1",
                "PATH": os.environ["PATH"],
            }
            out = subprocess.run(["git", "http-backend"], env=environ, input=body, capture_output=True, check=False)
            head, _, rest = out.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
            return Answered(int(headers.pop("Status", "200 OK").split()[0]), headers, rest)

        def _send(self, answered: Answered) -> None:
            try:
                self.send_response(answered.status)
                for name, value in ({"Content-Length": str(len(answered.body))} | answered.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                for at in range(0, len(answered.body), _PART):
                    self.wfile.write(answered.body[at : at + _PART])
                    time.sleep(server.pace_s)
                server.sent += len(answered.body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    return Handler
