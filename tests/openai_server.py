"""A local server that speaks the OpenAI API, for tests: deterministic answers, and every fault on request.

It runs in this process on a free port of the loopback address. Models it knows are in `models`; one called `fails-on-x`
answers 500 wherever a text has the word `x`.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal

MODEL = "tiny-remote"
DIMENSIONS = 8
Body = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What happens instead of an answer. `cut` breaks the connection off after `after` pieces of a stream."""

    kind: Literal["status", "hang", "cut", "malformed", "html", "redirect", "filter", "slow"] = "status"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    error: Body = field(default_factory=lambda: {"message": "the server is ill", "type": "server_error"})
    after: int = 2


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: Body


class OpenAIServer:
    """A context manager. `reply(prompt, seed)` writes the texts; by default they are words made of both."""

    def __init__(self, *, reply: Callable[[str, int], str] | None = None, key: str = "", step_s: float = 0.0) -> None:
        self.reply = reply
        self.key = key
        self.step_s = step_s
        self.models: dict[str, int | None] = {MODEL: None, "fails-on-w7": None}
        self.has_model_list = True
        self.refused: set[str] = set()
        """Fields of a request that are answered 400, as servers do that do not know them."""
        self.knows_n = True
        self.seen: list[Seen] = []
        self.left = 0
        """Requests whose client hung up before the answer was complete."""
        self.running = 0
        self.most_running = 0
        self._faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._http = _Quiet(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> OpenAIServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def fail(self, *faults: Fault, times: int = 1) -> None:
        """The next requests (model lists excepted) meet these."""
        with self._lock:
            self._faults.extend(faults * times)

    def forget(self) -> None:
        """No faults, and nothing seen."""
        with self._lock:
            self._faults.clear()
            self.seen.clear()
            self.left = 0
            self.most_running = self.running

    def asked(self, path: str) -> list[Seen]:
        with self._lock:
            return [each for each in self.seen if each.path.endswith(path)]

    def next_fault(self) -> Fault | None:
        with self._lock:
            return self._faults.popleft() if self._faults else None

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    def enter(self, change: int) -> None:
        with self._lock:
            self.running += change
            self.most_running = max(self.most_running, self.running)

    def note_left(self) -> None:
        with self._lock:
            self.left += 1

    def pieces(self, prompt: str, body: Body, number: int) -> tuple[list[str], str]:
        """The text of one choice in pieces, and why it ends."""
        limit = int(body.get("max_tokens") or body.get("max_completion_tokens") or 16)
        seed = (body.get("seed") or 0) + number if body.get("temperature") else 0
        text = self.reply(prompt, seed) if self.reply else None
        pieces = _words(f"{seed} {prompt}", limit) if text is None else _cut(text)
        whole = "".join(pieces[:limit])
        at = min((whole.index(stop) for stop in body.get("stop") or () if stop in whole), default=None)
        if at is not None:
            return _cut(whole[:at]), "stop"
        return pieces[:limit], "length" if text is None or len(pieces) > limit else "stop"


def _words(key: str, count: int) -> list[str]:
    digest = hashlib.sha256(key.encode()).digest()
    return [f"{' ' if place else ''}w{digest[place % 32] * (place + 1) % 997}" for place in range(count)]


def _cut(text: str) -> list[str]:
    return [text[start : start + 3] for start in range(0, len(text), 3)]


def _tokens(text: str) -> int:
    return len(text.split()) + sum(ord(letter) > 0x2E80 for letter in text)


def _vector(text: str) -> list[float]:
    return [byte / 40 - 3 for byte in hashlib.sha256(text.encode()).digest()[:DIMENSIONS]]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up between two requests are none of the tests' business."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Left(Exception):
    """The client has hung up."""


def _handler(server: OpenAIServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        @property
        def _page(self) -> str:
            return self.path.partition("?")[0]

        def log_message(self, *args: Any) -> None:
            return

        def do_GET(self) -> None:
            server.note(Seen(self.path, dict(self.headers), {}))
            if not self._is_allowed():
                return
            if not self._page.endswith("/models") or not server.has_model_list:
                self._error(404, {"message": f"no such page: {self.path}"})
                return
            rows = [
                {"id": name, "object": "model", "created": 0, "owned_by": "test"}
                | ({"max_model_len": length} if length else {})
                for name, length in server.models.items()
            ]
            self._json({"object": "list", "data": rows})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.note(Seen(self.path, dict(self.headers), body))
            if not self._is_allowed():
                return
            server.enter(1)
            try:
                self._answer(body)
            except (_Left, BrokenPipeError, ConnectionResetError):
                server.note_left()
                self.close_connection = True
            finally:
                server.enter(-1)

        def _is_allowed(self) -> bool:
            if server.key and self.headers.get("Authorization") != f"Bearer {server.key}":
                given = self.headers.get("Authorization", "nothing")
                self._error(401, {"message": f"Incorrect API key provided: {given}", "code": "invalid_api_key"})
                return False
            return True

        def _answer(self, body: Body) -> None:
            fault = server.next_fault()
            if fault is not None and fault.kind not in ("cut", "filter"):
                return self._fail(fault)
            if body.get("model") not in server.models:
                return self._error(404, {"message": "the model does not exist", "code": "model_not_found"})
            unknown = sorted(server.refused & set(body))
            if unknown:
                message = f"Unsupported parameter: '{unknown[0]}' is not supported with this model."
                return self._error(400, {"message": message, "code": "unsupported_parameter", "param": unknown[0]})
            texts = _texts(body)
            poison = str(body["model"]).removeprefix("fails-on-")
            if poison != body["model"] and any(poison in text.split() for text in texts):
                return self._error(500, {"message": "the model failed"})
            limit = server.models[body["model"]]
            asked = sum(map(_tokens, texts)) + int(body.get("max_tokens") or 0)
            if limit and asked > limit:
                message = f"This model's maximum context length is {limit} tokens."
                return self._error(400, {"message": message, "code": "context_length_exceeded"})
            if self._page.endswith("/embeddings"):
                return self._embed(body, texts)
            return self._write(body, texts[0], fault)

        def _embed(self, body: Body, texts: list[str]) -> None:
            time.sleep(server.step_s)
            rows = [
                {"object": "embedding", "index": index, "embedding": _vector(text)} for index, text in enumerate(texts)
            ]
            used = sum(map(_tokens, texts))
            usage = {"prompt_tokens": used, "total_tokens": used}
            self._json({"object": "list", "model": body["model"], "data": rows[::-1], "usage": usage})

        def _write(self, body: Body, prompt: str, fault: Fault | None) -> None:
            count = int(body.get("n") or 1) if server.knows_n else 1
            choices = [server.pieces(prompt, body, number) for number in range(count)]
            if fault is not None and fault.kind == "filter":
                choices = [(pieces[:1], "content_filter") for pieces, _ in choices]
            written = sum(len(pieces) for pieces, _ in choices)
            asked = _tokens(prompt)
            usage = {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}
            is_chat = self._page.endswith("/chat/completions")
            if body.get("stream"):
                return self._stream(body, choices, usage, is_chat=is_chat, fault=fault)
            time.sleep(server.step_s * max(len(pieces) for pieces, _ in choices))
            rows = []
            for index, (pieces, reason) in enumerate(choices):
                text = "".join(pieces)
                said = {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
                rows.append({"index": index, "finish_reason": reason, **said})
            kind = "chat.completion" if is_chat else "text_completion"
            self._json(_envelope(kind, body) | {"choices": rows, "usage": usage})
            return None

        def _stream(
            self,
            body: Body,
            choices: list[tuple[list[str], str]],
            usage: Body,
            *,
            is_chat: bool,
            fault: Fault | None,
        ) -> None:
            kind = "chat.completion.chunk" if is_chat else "text_completion"
            head = _envelope(kind, body)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            longest = max(len(pieces) for pieces, _ in choices)
            for place in range(longest + 1):
                if fault is not None and fault.kind == "cut" and place == fault.after:
                    raise _Left
                for index, (pieces, reason) in enumerate(choices):
                    if place > len(pieces):
                        continue
                    text = pieces[place] if place < len(pieces) else ""
                    said = {"delta": {"content": text}} if is_chat else {"text": text}
                    ended = reason if place == len(pieces) else None
                    self._event(head | {"choices": [{"index": index, "finish_reason": ended, **said}]})
                self._pause()
            if (body.get("stream_options") or {}).get("include_usage"):
                self._event(head | {"choices": [], "usage": usage})
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")

        def _pause(self) -> None:
            """A step of the model; notices a client that hangs up meanwhile."""
            if server.step_s == 0:
                return
            self.connection.settimeout(server.step_s)
            try:
                if self.connection.recv(1, socket.MSG_PEEK) == b"":
                    raise _Left
            except TimeoutError:
                pass
            finally:
                self.connection.settimeout(None)

        def _event(self, event: Body) -> None:
            self._chunk(f"data: {json.dumps(event)}\n\n".encode())

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

        def _fail(self, fault: Fault) -> None:
            match fault.kind:
                case "hang":
                    while self.connection.recv(1, socket.MSG_PEEK):
                        time.sleep(0.01)
                    raise _Left
                case "malformed":
                    self._send(200, b'data: {"choices": [\n\n', "text/event-stream")
                case "html":
                    self._send(200, b"<html>a proxy's page</html>", "text/html")
                case "redirect":
                    self._error(307, {}, Location="https://elsewhere.example/v1/chat/completions")
                case _:
                    self._error(fault.status, fault.error, **fault.headers)

        def _error(self, status: int, error: Body, **headers: str) -> None:
            self._send(status, json.dumps({"error": error}).encode(), "application/json", **headers)

        def _json(self, content: Body) -> None:
            self._send(200, json.dumps(content).encode(), "application/json")

        def _send(self, status: int, data: bytes, kind: str, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(data)

    return Handler


def _envelope(kind: str, body: Body) -> Body:
    return {"id": "answer-1", "object": kind, "created": 0, "model": body["model"]}


def _texts(body: Body) -> list[str]:
    if "messages" in body:
        return ["\n".join(message["content"] for message in body["messages"])]
    given = body.get("input", body.get("prompt"))
    return [given] if isinstance(given, str) else list(given or ())
