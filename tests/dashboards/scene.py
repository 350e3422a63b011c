"""A loaded shop to look at: workers of two pools with the starter models, an exporter, Prometheus, and mixed load."""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from storehand.client import Client
from storehand.contracts import Article, ChatInput, ChatMessage
from storehand.errors import StorehandError
from storehand.job import Priority
from storehand.knowledge import KnowledgeStore
from storehand.settings import Settings
from storehand_worker.demo.shop import Asked, load_shop
from tests.servers import PrometheusServer
from tests.servers.prometheus import Scrape
from tests.servers.server import free_port
from tests.waiting import until

ROOT = Path(__file__).parents[2]
RULES = tuple(sorted((ROOT / "helm/rules").glob("*.yaml")))
POOLS = {
    "text": {"families": ["text"], "slots": 32, "min_workers": 1, "max_workers": 3, "cold_start_s": 20},
    "encoder": {"families": ["encoder"], "slots": 12, "min_workers": 1, "max_workers": 2, "cold_start_s": 20},
}
"""Slots are the engines', not the messages that a worker takes at once (8)."""

RELEASE = {"namespace": "shop", "release": "storehand"}
"""As a PodMonitor would label what it scrapes."""

KNOWLEDGE_BASE = "help"
READY_S = 240.0
"""Seconds on a free machine; cores may be shared."""


class Process:
    """`storehand worker` or `storehand exporter`, with a port of its own, scraped under `name`."""

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, labels: dict[str, str]) -> None:
        self.port = free_port()
        self.scrape = Scrape("storehand", f"127.0.0.1:{self.port}", {**RELEASE, **labels, "instance": name})
        self._log = folder / f"{name}.log"
        self._command = [sys.executable, "-m", "storehand.cli", *arguments, "--http-port", str(self.port)]
        self._environment = environment(folder)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it is ready."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        until(self._is_up, timeout_s=READY_S, every_s=0.1)

    def ask_to_leave(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text(errors="replace")[-3000:]
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
        return False


def environment(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("STOREHAND_")}
    ours = {
        "STOREHAND_DATA_DIR": str(folder / "data"),
        "STOREHAND_POOLS": json.dumps(POOLS),
        "STOREHAND_CONCURRENCY": "8",
        "STOREHAND_DRAIN_S": "15",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    return {**kept, **ours}


@contextmanager
def scene(folder: Path, *, every_s: float = 1.0) -> Iterator[Scene]:
    """Workers `text-1` and `encoder-1` serve and are scraped; a third, `text-2`, has not begun."""
    made = [
        Process("text-1", ["worker", "--queues", "text", "-n", "text-1@%h"], folder, {"pool": "text"}),
        Process("encoder-1", ["worker", "--queues", "encoder", "-n", "encoder-1@%h"], folder, {"pool": "encoder"}),
        Process("exporter", ["exporter", "--every", "1"], folder, {}),
        Process("text-2", ["worker", "--queues", "text", "-n", "text-2@%h"], folder, {"pool": "text"}),
    ]
    with ExitStack() as stack:
        server = stack.enter_context(PrometheusServer(*(each.scrape for each in made), rules=RULES, every_s=every_s))
        for process in made:
            stack.callback(process.end)
        for process in made[:3]:
            process.start()
        settings = Settings(data_dir=folder / "data")
        client = stack.enter_context(Client(settings))
        yield Scene(server, client, settings, first=made[0], second=made[3])


class Scene:
    """`load()` in a thread of its own, then `second.start()` and `first.ask_to_leave()` while it goes on."""

    def __init__(
        self, server: PrometheusServer, client: Client, settings: Settings, *, first: Process, second: Process
    ) -> None:
        self.server = server
        self.first, self.second = first, second
        self._client = client
        self._stopped = threading.Event()
        self._shop = load_shop(120, 600)
        self._asked = itertools.cycle(_mixed(self._shop.bulk))
        articles = [Article.model_validate(each) for each in self._shop.articles]
        assert settings.knowledge_dir is not None
        KnowledgeStore(settings.knowledge_dir).publish(settings.tenant, KNOWLEDGE_BASE, articles)

    @contextmanager
    def load(self, *, per_s: float) -> Iterator[None]:
        """Customers who ask and wait, reviews and texts in waves of about `per_s` jobs a second, all five tasks."""
        threads = [
            *(threading.Thread(target=self._customers, args=(number,), daemon=True) for number in range(2)),
            threading.Thread(target=self._waves, args=(per_s,), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join(30)

    def nightly_run(self, jobs: int) -> None:
        """So many jobs at once, at bulk priority; and one that comes too late, and one that is cancelled."""
        inputs = [asked.input for asked in itertools.islice(self._asked, jobs)]
        self._client.submit_many(inputs, priority=Priority.BULK)
        self._client.submit(inputs[1], priority=Priority.BULK, deadline=time.time() + 0.5)
        self._client.submit(inputs[0], priority=Priority.BULK).cancel()

    def rush(self, jobs: int) -> None:
        """So many jobs at once that somebody waits for."""
        inputs = [asked.input for asked in itertools.islice(self._asked, jobs)]
        self._client.submit_many(inputs, priority=Priority.STANDARD)

    def _waves(self, per_s: float) -> None:
        began = time.monotonic()
        for asked in self._asked:
            now = time.monotonic() - began
            pace = per_s * (1 + 0.6 * math.sin(now / 20))
            if self._stopped.wait(1 / pace):
                return
            with suppress(StorehandError):
                self._client.submit(asked.input)

    def _customers(self, number: int) -> None:
        """Turn by turn; each question goes out with all that was said before."""
        for conversation in itertools.cycle(self._shop.conversations[number:]):
            said: list[ChatMessage] = []
            for question in conversation.turns:
                said.append(ChatMessage(role="customer", content=question))
                asked = ChatInput.model_validate(
                    {
                        "conversation_id": f"scene-{number}",
                        "messages": said,
                        "knowledge_base": KNOWLEDGE_BASE,
                        "order": conversation.order,
                        "product": conversation.product,
                    }
                )
                with suppress(StorehandError):
                    answer = self._client.submit(asked).result(60)
                    said.append(ChatMessage(role="assistant", content=answer.reply))
                if self._stopped.wait(1):
                    return


def _mixed(asked: Sequence[Asked]) -> list[Asked]:
    """Tasks in turn, not one after the other."""
    by_task: dict[str, list[Asked]] = {}
    for each in asked:
        by_task.setdefault(each.task, []).append(each)
    longest = max(map(len, by_task.values()))
    return [jobs[number % len(jobs)] for number in range(longest) for jobs in by_task.values()]
