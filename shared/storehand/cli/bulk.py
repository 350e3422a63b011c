"""`storehand bulk`: a file in, a job per row, a file of answers out."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storehand.cli.app import App
from storehand.cli.exits import ExitCode
from storehand.cli.options import AsJson, DataDir, Tenant, load_settings
from storehand.cli.output import say
from storehand.cli.values import duration
from storehand.contracts import INPUTS
from storehand.errors import UnknownTask
from storehand.job import Priority

if TYPE_CHECKING:
    from storehand.bulk.contract import Contract
    from storehand.bulk.run import Terms
    from storehand.bulk.setup import Setup, Wish
    from storehand.bulk.tally import Tally
    from storehand.settings import Settings


def register(app: App) -> None:
    @app.command()
    def bulk(
        task: Annotated[str, typer.Argument(help="A task's name; `storehand schema` lists them.")],
        source: Annotated[
            str,
            typer.Argument(
                metavar="FILE", help=".csv .tsv .jsonl .json .parquet (text also .gz), or - for JSON Lines."
            ),
        ],
        output: Annotated[
            Path | None, typer.Option("-o", "--output", help="Where answers go: .jsonl, or .csv for a table.")
        ] = None,
        format: Annotated[  # noqa: A002  # the option's name
            str | None,
            typer.Option(
                metavar="FORMAT", help="answers, merged (your rows with the texts), csv, merchant. Default: by -o."
            ),
        ] = None,
        maps: Annotated[
            list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="product.name=title; repeatable.")
        ] = None,
        sets: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="FIELD=VALUE", help="For all rows: tone=lively, campaign=@campaign.json."),
        ] = None,
        attributes: Annotated[
            list[str] | None,
            typer.Option(metavar="COLUMNS", help="Columns that are named attributes: a,b or '*' for all the rest."),
        ] = None,
        mapping: Annotated[
            Path | None, typer.Option(metavar="FILE.toml", help="Map, set and attributes in a file.")
        ] = None,
        write: Annotated[
            list[str] | None,
            typer.Option(metavar="TEXT=COLUMN", help="merged, csv: the column a text goes into; repeatable."),
        ] = None,
        only_fill_empty: Annotated[
            str | None,
            typer.Option(metavar="TEXTS", help="description,title: ask only for rows without them, overwrite nothing."),
        ] = None,
        changes_only: Annotated[
            bool, typer.Option("--changes-only", help="With --only-fill-empty: leave filled rows out of the output.")
        ] = False,
        group_by: Annotated[str | None, typer.Option(metavar="COLUMN", help="One job per value of a column.")] = None,
        id_column: Annotated[
            str | None, typer.Option("--id", metavar="COLUMN", help="The column that names a row.")
        ] = None,
        currency: Annotated[str | None, typer.Option(metavar="CODE", help="Of prices that name none: CNY.")] = None,
        timezone: Annotated[
            str | None, typer.Option(metavar="ZONE", help="Of dates without one: Asia/Shanghai.")
        ] = None,
        encoding: Annotated[str | None, typer.Option(help="Of the file; UTF-8 and GB18030 are recognised.")] = None,
        delimiter: Annotated[str | None, typer.Option(help="Of the table; found by itself.")] = None,
        limit: Annotated[int | None, typer.Option(min=1, help="Only the first N rows (or groups).")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, send nothing.")] = False,
        show: Annotated[int, typer.Option(min=0, help="Dry run: how many bad rows to print.")] = 20,
        strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
        retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask again for rows that failed.")] = False,
        restart: Annotated[bool, typer.Option("--restart", help="Throw the output away and begin anew.")] = False,
        in_order: Annotated[
            bool | None,
            typer.Option(
                "--in-order/--as-they-come", help="Order of the output. Default: the rows' in csv and merged."
            ),
        ] = None,
        in_flight: Annotated[int, typer.Option(min=1, max=100_000, help="Most jobs waiting or running at once.")] = 512,
        cancel_on_interrupt: Annotated[
            bool, typer.Option("--cancel-on-interrupt", help="Ctrl-C also cancels what is in flight.")
        ] = False,
        seed: Annotated[int, typer.Option(min=0, help="Another number gives other texts for the same rows.")] = 0,
        priority: Annotated[Priority, typer.Option(help="Whom the jobs may keep waiting.")] = Priority.BULK,
        deadline: Annotated[
            float | None,
            typer.Option(parser=duration, metavar="DURATION", help="Per job: no answer is wanted after 30m, 2h ..."),
        ] = None,
        tenant: Tenant = None,
        data_dir: DataDir = None,
        quiet: Annotated[bool, typer.Option("--quiet", help="No mapping, no progress; only what needs you.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Send a file through a task: a job per row, answers as they come. 批量处理文件。

        Columns are found by the names that schema.org, Merchant Center, Shopify, WooCommerce and Chinese back ends use;
        the mapping is printed first. Run the same command again after Ctrl-C or a crash: what is done stays, what was
        in flight is found again, no row is done twice. Bad rows go to OUTPUT.rejected.jsonl and stop nobody.

        \b
        Examples / 示例
          storehand bulk description products.csv --dry-run                # what is wrong / 先检查
          storehand bulk description products.csv -o texts.jsonl           # one line per row / 逐行输出
          storehand bulk description 商品.csv -o 文案.csv --only-fill-empty description   # 只填空白
          storehand bulk description items.parquet -o out.jsonl --map name=item_title --attributes '*'
          storehand bulk copy products.csv -o sms.csv --set channel=sms --set campaign=@campaign.json
          storehand bulk sentiment 评论.csv -o 口碑.jsonl --group-by 货号       # 每个商品一个任务
          storehand bulk recommendation events.csv -o for-you.jsonl --set k=5
          storehand bulk chat questions.csv -o replies.jsonl --set knowledge_base=help
        """
        from storehand.bulk.mapper import MapOptions
        from storehand.bulk.run import Terms
        from storehand.bulk.setup import Wish

        wish = Wish(
            output=output, format=_format(format), writes=_pairs(write, "--write"), limit=limit, seed=seed,
            fill_empty=tuple(part.strip() for part in (only_fill_empty or "").split(",") if part.strip()),
            changes_only=changes_only,
            map=MapOptions(
                maps=_pairs(maps, "--map"), sets=_pairs(sets, "--set"), attributes=tuple(attributes or ()),
                file=mapping,
                group_by=group_by, id_column=id_column, currency=currency, zone=timezone,
            ),
        )  # fmt: skip
        if not dry_run and output is None:
            raise typer.BadParameter("say where the answers go: -o answers.jsonl (or check first: --dry-run)")
        if output is not None and source != "-" and output.absolute() == Path(source).expanduser().absolute():
            raise typer.BadParameter("the output must not be the input")
        settings = load_settings(data_dir=data_dir)
        setup = _prepared(app, settings, task, source, wish, encoding=encoding, delimiter=delimiter, quiet=quiet)
        if dry_run:
            return _dry_run(setup, show=show, as_json=as_json)
        hint = f"storehand worker --data-dir {settings.data_dir}" if data_dir else "storehand worker"
        ordered = setup.format in ("csv", "merged") if in_order is None else in_order
        terms = Terms(in_flight, ordered, strict, retry_failed, cancel_on_interrupt, hint)
        jobs = {"priority": priority, "deadline_s": deadline, "tenant": tenant}
        tally = _run(settings, setup, terms, wish, source, jobs=jobs, restart=restart, quiet=quiet)
        return _ended(tally, setup, wish, quiet=quiet, as_json=as_json)


def _prepared(
    app: App, settings: Settings, task: str, source: str, wish: Wish, *,
    encoding: str | None, delimiter: str | None, quiet: bool,
) -> Setup:  # fmt: skip
    from storehand.bulk.report import say_mapping
    from storehand.bulk.setup import prepare
    from storehand.bulk.source import open_source

    contract = _contract(app, settings, task)
    given = {"\\t": "\t", "tab": "\t"}.get(delimiter or "", delimiter)
    if given is not None and len(given) != 1:
        raise typer.BadParameter("--delimiter is one character, or tab")
    opened = open_source(source, encoding=encoding, delimiter=given)
    setup = prepare(contract, opened, wish)
    if not quiet:
        say(f"{source}: {opened.kind}, {opened.encoding}, {len(opened.columns)} columns")
        say_mapping(setup.plan, setup.columns)
    return setup


def _contract(app: App, settings: Settings, task: str) -> Contract:
    from storehand.bulk.contract import Contract

    if task in INPUTS:
        schema = _built_in(task)
    else:
        found: dict[str, Any] = {}
        for each in app.schema_sources:
            found |= each(settings)
        if task not in found:
            raise UnknownTask(f"no task {task!r} is known here, only {', '.join(sorted({*INPUTS, *found}))}")
        schema = found[task][0]
    return Contract(task, schema, payload_max_bytes=settings.payload_max_bytes)


@cache
def _built_in(task: str) -> dict[str, Any]:
    return INPUTS[task].model_json_schema(by_alias=True, mode="validation")


def _dry_run(setup: Setup, *, show: int, as_json: bool) -> None:
    from storehand.bulk.report import DryRun, print_dry_run

    found = DryRun()
    for _ in found.walk(setup.plan, show=show):
        pass
    print_dry_run(found, setup.plan, as_json=as_json)
    if found.bad:
        raise typer.Exit(ExitCode.FAILED)


def _run(
    settings: Settings, setup: Setup, terms: Terms, wish: Wish, source: str, *,
    jobs: dict[str, Any], restart: bool, quiet: bool,
) -> Tally:  # fmt: skip
    from storehand.bulk.flight import Flight
    from storehand.bulk.output import Output
    from storehand.bulk.progress import Board
    from storehand.bulk.rejects import Rejects, rejected_path
    from storehand.bulk.run import Run
    from storehand.bulk.setup import fingerprint
    from storehand.client import Client
    from storehand.errors import InvalidInput

    assert wish.output is not None
    with closing(Output(wish.output, restart=restart)) as output:
        differs = output.ledger.same_options(fingerprint(setup.plan.contract.task, source, wish, setup.format))
        if differs:
            raise InvalidInput(
                f"{wish.output} was begun with other options: {', '.join(differs)}",
                details={"advice": "repeat the first command, choose another -o, or begin anew: --restart"},
            )
        if output.lost and not quiet:
            say(f"{output.lost} rows are missing at the end of {wish.output}; they are written again")
        with (
            closing(Rejects(rejected_path(wish.output))) as rejects,
            Client(settings) as client,
            Board(quiet=quiet) as board,
            _stop_on_signal(board) as asked,
        ):
            flight = Flight(client, output.ledger, **jobs)
            run = Run(setup.plan, output, setup.form, flight, rejects=rejects, terms=terms, watcher=board, stop=asked)
            tally = run.go()
            left = run.in_flight
    if tally.stopped == "interrupted":
        goes_on = "were cancelled" if terms.cancel_on_interrupt else "go on and are found again"
        say(f"stopped; {left} jobs in flight {goes_on}. Run the same command again to go on")
    return tally


@contextmanager
def _stop_on_signal(board: Any) -> Iterator[Any]:
    """The first Ctrl-C (or SIGTERM) asks, the second one leaves at once."""
    asked = threading.Event()

    def ask(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        board.say("stopping: no more rows are sent, what has come is written (again to leave at once)")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(tally: Tally, setup: Setup, wish: Wish, *, quiet: bool, as_json: bool) -> None:
    from storehand.bulk.report import print_summary

    assert wish.output is not None
    if as_json or not quiet or tally.failures or tally.rejected:
        print_summary(tally, setup, output=wish.output, as_json=as_json)
    sys.stdout.flush()
    if tally.stopped == "interrupted":
        raise typer.Exit(ExitCode.INTERRUPTED)
    if tally.stopped == "strict":
        raise typer.Exit(ExitCode.USAGE)
    if tally.failures or tally.rejected:
        raise typer.Exit(ExitCode.FAILED)


def _format(name: str | None) -> Any:
    from storehand.bulk.formats import FORMATS

    if name is not None and name not in FORMATS:
        raise typer.BadParameter(f"--format {name!r} is none of {', '.join(FORMATS)}")
    return name


def _pairs(given: list[str] | None, option: str) -> tuple[tuple[str, str], ...]:
    found = []
    for each in given or ():
        name, sign, value = each.partition("=")
        if not sign or not name.strip():
            raise typer.BadParameter(f"{option} {each!r}: write {option} NAME=VALUE")
        found.append((name.strip(), value.strip()))
    return tuple(found)
