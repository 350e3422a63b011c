"""Keeps a LitServe server busy."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from storehand.engine import GenerateRequest
from tests.bench.machine import measured
from tests.bench.rounds import Run

IN_FLIGHT = 64


class LitServe:
    """A running server; `pid` is the root of its processes."""

    def __init__(self, port: int, pid: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._pid = pid

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def generate(self, requests: Sequence[GenerateRequest]) -> Run:
        """64 requests at a time; the server's whole tree counts, the client does not."""
        with measured(self._pid) as used, ThreadPoolExecutor(IN_FLIGHT) as threads:
            tokens = sum(threads.map(self._ask, requests))
        return Run.of(used, tokens)

    def _ask(self, request: GenerateRequest) -> int:
        body = json.dumps({"prompt": request.prompt, "max_new_tokens": request.options.max_new_tokens}).encode()
        asked = urllib.request.Request(f"{self._url}/predict", body, {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=900) as answer:
            return int(json.load(answer)["tokens"])
