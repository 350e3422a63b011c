"""The demo from start to end: a worker, the nightly run of all tasks, customers who ask meanwhile, the figures."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic_settings import PydanticBaseSettingsSource
from rich.text import Text

from storehand.cli.exits import ExitCode
from storehand.cli.output import console, print_json, say
from storehand.client import Client
from storehand.contracts import Article, ChatInput, ChatMessage, DescriptionInput
from storehand.errors import NotReady, StorehandError
from storehand.handle import JobHandle
from storehand.job import Priority
from storehand.knowledge import KnowledgeStore
from storehand.settings import Settings
from storehand_worker.demo.board import Board
from storehand_worker.demo.shop import Asked, Conversation, Shop, load_shop
from storehand_worker.demo.summary import figures, show_summary
from storehand_worker.demo.view import View, watching
from storehand_worker.demo.worker import DemoWorker

READY_S = 60.0
ANSWERS_S = 120.0
"""Long past the minute it should take: then something is broken, and the demo says so."""

KNOWLEDGE_BASE = "help"
_SCRAPE_S = 0.5
_GREETING = """Storehand demo: a little bilingual shop, one worker, bundled starter models, no server.
  {description} products to describe, {copy} campaigns, {sentiment} reviews, {recommendation} shoppers; {chat} questions of customers meanwhile.
店铺演示：中英双语，单个工作进程，内置演示级模型，无需任何服务器。
  {description} 个商品描述，{copy} 份营销文案，{sentiment} 条评价，{recommendation} 位顾客的推荐；同时回答客服提问 {chat} 次。"""  # noqa: E501  # printed as it stands
_TICK_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for on the command line."""

    products: int
    reviews: int
    data_dir: Path | None = None
    keep: bool = False
    plain: bool = False
    as_json: bool = False


def run_demo(plan: Plan) -> int:
    """Runs it; returns the exit code. The worker is gone when it returns, however it returns."""
    shop = load_shop(plan.products, plan.reviews)
    with _terminable(), _folder(plan) as folder:
        _learn(shop, folder)
        with DemoWorker(folder) as worker:
            out = console(stderr=plan.as_json)  # with --json, stdout carries the figures alone
            board = Board(totals=shop.units())
            out.print(Text(_GREETING.format(**board.totals)))
            with watching(board, out, is_plain=plan.plain or plan.as_json) as view:
                _serve(shop, board, view, worker)
            if plan.as_json:
                print_json({**figures(board), "data_dir": str(folder), "metrics_url": f"{worker.url}/metrics"})
            else:
                note = "" if plan.data_dir else "  (removed at the end / 结束后删除)"
                show_summary(board, out, metrics_url=f"{worker.url}/metrics", data_dir=f"{folder}{note}")
            if plan.keep:
                _wait_for_ctrl_c(worker, folder)
            code = worker.stop()
    if code != 0:
        say(f"the worker ended with code {code}", style="red")
    return ExitCode.FAILED if board.failures or code != 0 else ExitCode.OK


class _OnlyArguments(Settings):
    """The demo's client must agree with the demo's worker, whatever this environment says."""

    @classmethod
    def settings_customise_sources(cls, *args: Any, **sources: Any) -> tuple[PydanticBaseSettingsSource, ...]:
        return (sources["init_settings"],)


def _serve(shop: Shop, board: Board, view: View, worker: DemoWorker) -> None:
    """Waits for the worker, sends everything, collects every answer."""
    view.tick()
    board.ready_after_s = worker.wait_until_ready(READY_S)
    with Client(_OnlyArguments(data_dir=worker.data_dir)) as client:
        board.start()
        run = _Run(client, board, view, worker)
        run.send(shop)
        customers = threading.Thread(target=run.serve_customers, args=(shop,), daemon=True)
        customers.start()
        run.collect()
        customers.join(ANSWERS_S)
        board.end()
        board.scrape = worker.scrape() or board.scrape
        view.tick()


class _Run:
    """The jobs of one demo, from submit to the last answer."""

    def __init__(self, client: Client, board: Board, view: View, worker: DemoWorker) -> None:
        self._client = client
        self._board = board
        self._view = view
        self._worker = worker
        self._pending: dict[str, tuple[JobHandle[Any], Asked]] = {}
        self._next_scrape = 0.0

    def send(self, shop: Shop) -> None:
        """Everything at once, as a shop's nightly run would: bulk priority, several jobs to a message."""
        for _, same_task in groupby(shop.bulk, key=lambda asked: asked.task):
            jobs = list(same_task)
            handles = self._client.submit_many([asked.input for asked in jobs], priority=Priority.BULK)
            self._pending |= {handle.id: (handle, asked) for handle, asked in zip(handles, jobs, strict=True)}
        self._board.bulk_waiting = len(self._pending)

    def serve_customers(self, shop: Shop) -> None:
        """A text that shows while it is written, then the help desk: interactive, so they overtake the nightly run."""
        self._stream_one(next(asked for asked in reversed(shop.bulk) if isinstance(asked.input, DescriptionInput)))
        for number, conversation in enumerate(shop.conversations):
            try:
                self._talk(f"demo-{number}", conversation)
            except StorehandError as error:
                self._board.failed(f"chat {number}", error.code, error.message)

    def _stream_one(self, asked: Asked) -> None:
        try:
            handle = self._client.submit(asked.input, priority=Priority.INTERACTIVE)
            self._board.streamed_for = asked.label
            for text in handle.text_stream(timeout=READY_S):
                self._board.streamed = text
            handle.result(READY_S)
        except StorehandError as error:
            self._board.failed("streamed description", error.code, error.message)

    def _talk(self, name: str, conversation: Conversation) -> None:
        """Turn by turn; each question goes out with all that was said before."""
        said: list[ChatMessage] = []
        for question in conversation.turns:
            said.append(ChatMessage(role="customer", content=question))
            asked = ChatInput.model_validate(
                {
                    "conversation_id": name,
                    "messages": said,
                    "knowledge_base": KNOWLEDGE_BASE,
                    "order": conversation.order,
                    "product": conversation.product,
                }
            )
            handle = self._client.submit(asked)
            output = handle.result(READY_S)
            job = handle.job
            latency_s = (job.finished_at or job.updated_at) - job.created_at
            self._view.answered(self._board.replied(conversation.language, question, output, latency_s))
            said.append(ChatMessage(role="assistant", content=output.reply))

    def collect(self) -> None:
        """Every answer as it comes; what has none in time counts as lost."""
        end = time.monotonic() + ANSWERS_S
        while self._pending:
            with suppress(NotReady):
                for handle in self._client.as_completed([each for each, _ in self._pending.values()], _TICK_S):
                    self._settle(handle)
            self._look()
            if time.monotonic() > end:
                for job_id in self._pending:
                    self._board.failed(job_id, "lost", f"no answer within {ANSWERS_S:g} s")
                return

    def _settle(self, handle: JobHandle[Any]) -> None:
        _, asked = self._pending.pop(handle.id)
        self._board.bulk_waiting = len(self._pending)
        job = handle.job
        latency_s = (job.finished_at or job.updated_at) - job.created_at
        try:
            output = handle.result(0)
        except StorehandError as error:
            self._board.failed(f"{job.task} {job.id}", error.code, error.message)
            return
        self._view.answered(self._board.answered(asked, output, latency_s))

    def _look(self) -> None:
        """Asks the worker's metrics now and then, and whether it is still there."""
        self._worker.check()
        if time.monotonic() >= self._next_scrape:
            self._board.scrape = self._worker.scrape() or self._board.scrape
            self._next_scrape = time.monotonic() + _SCRAPE_S
        self._view.tick()


def _learn(shop: Shop, folder: Path) -> None:
    """Gives the help desk its knowledge, as `storehand knowledge ingest` does."""
    settings = _OnlyArguments(data_dir=folder)
    assert settings.knowledge_dir is not None
    articles = [Article.model_validate(row) for row in shop.articles]
    KnowledgeStore(settings.knowledge_dir).publish(settings.tenant, KNOWLEDGE_BASE, articles)


def _wait_for_ctrl_c(worker: DemoWorker, folder: Path) -> None:
    say("the worker goes on until Ctrl-C; look around from another terminal / 工作进程继续运行，Ctrl-C 结束:")
    say(f"  storehand jobs --data-dir {folder}")
    say(f'  storehand submit description \'{{"product": "Kettle, 1.7 L"}}\' --stream --data-dir {folder}')
    say(f"  curl {worker.url}/metrics")
    with suppress(KeyboardInterrupt):
        while True:
            worker.check()
            time.sleep(_SCRAPE_S)


@contextmanager
def _folder(plan: Plan) -> Iterator[Path]:
    """The given folder, or one that is removed at the end."""
    if plan.data_dir is not None:
        folder = plan.data_dir.expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    folder = Path(tempfile.mkdtemp(prefix="storehand-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does, worker and folder included."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
