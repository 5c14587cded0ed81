"""A stand-in model on loopback for benchmarks: it answers like an OpenAI-compatible host, and remembers what it saw.

It waits as long as it is told, then gives PR-Agent a YAML review and Mesrai a JSON answer, or fails as it is told.
Used as a library by against_pr_agent.py; to try it by hand: python benchmarks/stand_in.py --port 8899 --latency 2
"""

import argparse
import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NEVER = "no answer"
FAILURES: Mapping[str, tuple[str, str, str]] = {
    # name → status line, type and message of the error
    "401": ("401 Unauthorized", "invalid_request_error", "Incorrect API key provided."),
    "402": ("402 Payment Required", "insufficient_quota", "Insufficient balance. Top up to go on."),
    "500": ("500 Internal Server Error", "server_error", "The server had an error while processing your request."),
    NEVER: ("", "", ""),
}
ASKED_FILES = "Report on these files, each with an entry in `files`:"
_SECTION = re.compile(r"^#{1,3} File:? '?(?P<path>[^\s'(]+)'?", re.MULTILINE)
_ADDED = re.compile(r"^ *(?P<number>\d+) +\+(?P<text>.*)$", re.MULTILINE)
_VERDICTS = re.compile(r"numbered 1 to (\d+)")


@dataclass(slots=True, kw_only=True)
class Call:
    """One request for an answer, as it came in."""

    first_byte_at: float  # time.perf_counter()
    answered_at: float | None = None  # None: not, or not yet
    path: str
    is_streamed: bool
    body_bytes: int
    shown: Mapping[str, frozenset[tuple[int, str]]]  # path → added lines seen: number, text without margin

    @property
    def files(self) -> frozenset[str]:
        """The files of which it showed a section."""
        return frozenset(self.shown)


@dataclass(slots=True, kw_only=True)
class StandIn:
    """The server, in a thread of its own; use it as a context manager."""

    latency_s: float = 0.0
    failure: str = ""  # empty, or a name of FAILURES
    calls: list[Call] = field(default_factory=list)
    other_requests: list[str] = field(default_factory=list)
    port: int = 0
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address clients are given."""
        return f"http://127.0.0.1:{self.port}/v1"

    def forget(self) -> None:
        """Begin a new case: no calls seen yet."""
        self.calls = []
        self.other_requests = []

    def __enter__(self) -> "StandIn":
        self._loop = asyncio.new_event_loop()
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 26))
        self.port = server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join()
        self._loop.close()

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        assert self._loop is not None
        self._loop.call_soon(self._loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while first := await reader.read(1):
                first_byte_at = time.perf_counter()
                head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path, _ = head.split("\r\n", 1)[0].split(" ", 2)
                body = await _body(reader, head)
                if method != "POST":
                    self.other_requests.append(f"{method} {path}")
                    _write_json(writer, "200 OK", {"object": "list", "data": [{"id": "stand-in", "object": "model"}]})
                else:
                    await self._answer(writer, path, body, first_byte_at)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, path: str, body: bytes, first_byte_at: float) -> None:
        asked = json.loads(body)
        call = Call(
            first_byte_at=first_byte_at,
            path=path,
            is_streamed=bool(asked.get("stream")),
            body_bytes=len(body),
            shown=shown_in("\n".join(_texts(asked["messages"]))),
        )
        self.calls.append(call)
        if self.failure == NEVER:
            await asyncio.sleep(3600)
        # The wait ends `latency_s` after the first byte, so reading and keeping account are part of it.
        await asyncio.sleep(max(0.0, self.latency_s - (time.perf_counter() - first_byte_at)))
        call.answered_at = time.perf_counter()
        if self.failure:
            status, kind, text = FAILURES[self.failure]
            _write_json(writer, status, {"error": {"message": text, "type": kind, "code": kind}})
            return
        message = answer_to(asked)
        if asked.get("stream"):
            _write_stream(writer, message)
        else:
            _write_json(writer, "200 OK", _completion("chat.completion", "message", message))


def shown_in(text: str) -> dict[str, frozenset[tuple[int, str]]]:
    """The added lines that a prompt shows, by file: both tools head a file `## File` and number its new lines."""
    found: dict[str, set[tuple[int, str]]] = {}
    marks = list(_SECTION.finditer(text))
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        section = text[mark.end() : after.start() if after else len(text)]
        lines = found.setdefault(mark["path"], set())
        lines |= {(int(line["number"]), line["text"].strip()) for line in _ADDED.finditer(section)}
    return {path: frozenset(lines) for path, lines in found.items()}


def answer_to(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The message of the assistant that answers the request."""
    prompt = "\n".join(_texts(asked["messages"]))
    tool, wanted = _wanted(asked, prompt)
    if "verdicts" in wanted:
        text = json.dumps({"verdicts": _verdicts(prompt)})
    elif "findings" in wanted:
        text = json.dumps(_review(prompt))
    else:
        text = _yaml_review(prompt)
    if not tool:
        return {"role": "assistant", "content": text}
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": tool, "arguments": text}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _wanted(asked: Mapping[str, Any], prompt: str) -> tuple[str, frozenset[str]]:
    """The tool to answer with (empty: in the text), and the keys the answer must have."""
    shape = asked.get("response_format") or {}
    schema = shape.get("json_schema", {}).get("schema", {})
    if schema:
        return "", frozenset(schema.get("properties", {}))
    for tool in asked.get("tools") or []:
        keys = frozenset(tool["function"].get("parameters", {}).get("properties", {}))
        if keys & {"findings", "verdicts"}:
            return tool["function"]["name"], keys
    forms = re.findall(r"^The form of the answer:\n(\{.*\})$", prompt, re.MULTILINE)
    return "", frozenset(json.loads(forms[-1])) if forms else frozenset()


def _review(prompt: str) -> dict[str, Any]:
    names = re.match(r"(?:- .*\n?)*", prompt.rpartition(ASKED_FILES)[2].lstrip("\n"))
    paths = [line[2:] for line in names.group().splitlines()] if names else []
    shown = shown_in(prompt)
    findings = []
    for path in paths:
        lines = sorted(line for line in shown.get(path, ()) if len(line[1]) > 20)
        if lines:
            findings.append(_finding(path, *lines[0]))
            break
    return {
        "files": [{"path": path, "note": "Changes how records are read and checked."} for path in paths],
        "findings": findings,
        "summary": "Reads records in a new way; one place does not check its input.",
    }


def _finding(path: str, number: int, text: str) -> dict[str, Any]:
    return {
        "path": path,
        "line": number,
        "quote": text,
        "evidence": f"Line {number} uses its input as it comes.",
        "title": "The input is not checked",
        "body": "An empty input reaches this line and raises an error that no caller expects.",
        "category": "bug",
        "severity": "medium",
        "confidence": 0.8,
        "replacement": None,
    }


def _verdicts(prompt: str) -> list[dict[str, Any]]:
    count = int(_VERDICTS.findall(prompt)[-1])
    verdict = {"evidence": "The line is as quoted.", "verdict": "confirmed", "severity": "medium", "confidence": 0.9}
    return [{"number": number, **verdict} for number in range(1, count + 1)]


def _yaml_review(prompt: str) -> str:
    shown = [(path, min(lines)[0]) for path, lines in shown_in(prompt).items() if lines]
    path, number = shown[0] if shown else ("unknown", 1)
    return f"""```yaml
review:
  estimated_effort_to_review_[1-5]: 3
  relevant_tests: |
    No
  key_issues_to_review:
    - relevant_file: |
        {path}
      issue_header: |
        Unchecked input
      issue_content: |
        An empty input reaches this line and raises an error that no caller expects.
      start_line: {number}
      end_line: {number}
  security_concerns: |
    No
```"""


def _texts(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the user's turns say; the instructions hold examples that are no part of a change."""
    for message in messages:
        if message["role"] != "user":
            continue
        content = message["content"]
        yield content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


async def _body(reader: asyncio.StreamReader, head: str) -> bytes:
    fields = dict(line.lower().split(":", 1) for line in head.split("\r\n")[1:] if ":" in line)
    if "chunked" not in fields.get("transfer-encoding", ""):
        return await reader.readexactly(int(fields.get("content-length", "0")))
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def _completion(kind: str, holder: str, message: Mapping[str, Any] | None) -> dict[str, Any]:
    choices = []
    if message is not None:
        reason = "tool_calls" if message.get("tool_calls") else "stop"
        choices = [{"index": 0, holder: message, "finish_reason": reason}]
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "stand-in", "choices": choices, "usage": usage}


def _write_json(writer: asyncio.StreamWriter, status: str, value: Mapping[str, Any]) -> None:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


def _write_stream(writer: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
    kind = "chat.completion.chunk"
    frames = [json.dumps(_completion(kind, "delta", message)), json.dumps(_completion(kind, "delta", None)), "[DONE]"]
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for frame in frames:
        event = f"data: {frame}\n\n".encode()
        writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
    writer.write(b"0\r\n\r\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8899)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--fail", choices=list(FAILURES), default="")
    given = parser.parse_args()
    with StandIn(port=given.port, latency_s=given.latency, failure=given.fail) as model:
        print(f"Answering at {model.url}; Ctrl-C ends it.")
        seen = 0
        try:
            while True:
                time.sleep(0.2)
                for call in model.calls[seen:]:
                    print(f"{call.path}: {call.body_bytes} bytes, {len(call.files)} files shown")
                seen = len(model.calls)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
