"""`storehand demo`: a shop's jobs through a real worker, start to end."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_settings import PydanticBaseSettingsSource
from rich.text import Text

from storehand.cli.exits import ExitCode
from storehand.cli.output import console, print_json, say
from storehand.client import Client
from storehand.contracts import DescriptionInput
from storehand.errors import NotReady, StorehandError
from storehand.handle import JobHandle
from storehand.job import Priority
from storehand.settings import Settings
from storehand_worker.demo_board import Board, fact_line
from storehand_worker.demo_data import ReviewGroup, Shop, load_shop
from storehand_worker.demo_summary import figures, show_summary
from storehand_worker.demo_view import View, watching
from storehand_worker.demo_worker import DemoWorker

READY_S = 60.0
ANSWERS_S = 120.0
"""Long past the minute it should take: then something is broken, and the demo says so."""

_SCRAPE_S = 0.5
_GREETING = """Storehand demo: {products} products, {reviews} reviews, English and Chinese, one worker, starter models.
店铺演示：{products} 个商品，{reviews} 条评价，中英双语，单个工作进程，内置演示级模型。"""
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
    with _terminable(), _folder(plan) as folder, DemoWorker(folder) as worker:
        out = console(stderr=plan.as_json)  # with --json, stdout carries the figures alone
        board = Board(products=len(shop.products), reviews=sum(len(group.input.reviews) for group in shop.groups))
        out.print(Text(_GREETING.format(products=board.products, reviews=board.reviews)))
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
        reader = threading.Thread(target=run.stream_one, args=(shop.products[-1],), daemon=True)
        reader.start()
        run.collect()
        reader.join(READY_S)
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
        self._pending: dict[str, tuple[JobHandle[Any], DescriptionInput | ReviewGroup]] = {}
        self._next_scrape = 0.0

    def send(self, shop: Shop) -> None:
        """Everything at once, as a shop's nightly run would; standard priority, several jobs to a message."""
        groups = [group.input for group in shop.groups]
        handles: list[JobHandle[Any]] = [
            *self._client.submit_many(shop.products, priority=Priority.STANDARD),
            *self._client.submit_many(groups, priority=Priority.STANDARD),
        ]
        asked: list[DescriptionInput | ReviewGroup] = [*shop.products, *shop.groups]
        self._pending = {handle.id: (handle, each) for handle, each in zip(handles, asked, strict=True)}

    def stream_one(self, asked: DescriptionInput) -> None:
        """One more description, interactive: it overtakes the others, and its text shows while it is written."""
        board = self._board
        try:
            handle = self._client.submit(asked, priority=Priority.INTERACTIVE)
            board.streamed_for = fact_line(asked)
            for text in handle.text_stream(timeout=READY_S):
                board.streamed = text
            handle.result(READY_S)
        except StorehandError as error:
            board.failed("streamed description", error.code, error.message)

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
        job = handle.job
        latency_s = (job.finished_at or job.updated_at) - job.created_at
        try:
            output = handle.result(0)
        except StorehandError as error:
            self._board.failed(f"{job.task} {job.id}", error.code, error.message)
            return
        if isinstance(asked, ReviewGroup):
            answer = self._board.rated_group(asked, output, latency_s)
        else:
            answer = self._board.described_one(asked, output, latency_s)
        self._view.answered(answer)

    def _look(self) -> None:
        """Asks the worker's metrics now and then, and whether it is still there."""
        self._worker.check()
        if time.monotonic() >= self._next_scrape:
            self._board.scrape = self._worker.scrape() or self._board.scrape
            self._next_scrape = time.monotonic() + _SCRAPE_S
        self._view.tick()


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
