"""`storehand train`: models from a shop's own data."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storehand.cli.app import App
from storehand.cli.exits import extra_missing
from storehand.cli.output import console, print_table, say
from storehand.errors import InvalidInput

if TYPE_CHECKING:
    from storehand_plugins.recommendation.train.building import Plan, Report
    from storehand_plugins.recommendation.train.reading import Shop

_GROUP = """Train a model on the shop's own data. 用店铺自己的数据训练模型。

\b
Examples / 示例
  storehand train recommender --events events.csv --items items.csv -o recommender
  storehand train items recommender --items today.csv
"""

_ITEMS_HELP = """Put today's names, prices and stock into a recommender's folder, without training.
更新推荐模型里的价格与库存，无需重新训练。

Running workers take them up with their next job. Items the model has never met wait for the next training.

\b
Examples / 示例
  storehand train items recommender --items today.csv
  storehand train items recommender --items all.jsonl --missing-is-gone   # 未列出的商品视为下架
"""

_HELP = """Train the recommender on the shop's events; writes a model folder for the role `recommender`.
用店铺的行为数据训练推荐模型，写出模型文件夹。

An event is a row with a shopper, an item and a time, and where the file has them a type (view, cart, purchase, review)
and a quantity. Columns are found by their usual names (user_id, sku, ts; customer, item, time); others are named by
--column. Items bring names, categories, brands, prices and availability: reasons, filters and items nobody has bought
yet need them. Rows that can't be used are counted by reason. Training stops when it no longer helps, and prints what
the recommender is worth beside popularity, repeat purchase and item kNN on a later time. A quarter of a million events
take ten to fifteen minutes of one CPU thread.

\b
每行一个行为：顾客、商品、时间；如有，还可含类型与数量。
列名按常用写法自动识别，其他写法用 --column 指定。
推荐理由、筛选和新品都靠商品表里的名称、类目、品牌、价格与库存。
不能用的行按原因计数，并指出行号与列名。
效果不再提高时自动停止，并与热销、复购、商品共现三条基线作比较。

\b
Examples / 示例
  storehand train recommender --events events.csv --items items.csv -o recommender
  storehand train recommender --events log.jsonl.gz --column shopper=uid --column item=goods_id -o recommender
  storehand train recommender --events e.parquet -o recommender --force --minutes 10   # 限时十分钟
"""


def register(app: App) -> None:
    train = App(_GROUP, no_args_is_help=True)
    app.add_typer(train, name="train")
    train.command("items", help=_ITEMS_HELP)(_refresh_items)

    @train.command("recommender", help=_HELP)
    def recommender(
        events: Annotated[Path, typer.Option(metavar="FILE", help="Events: .csv, .jsonl or .parquet; text also .gz.")],
        out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="The model folder to write.")],
        items: Annotated[
            Path | None,
            typer.Option(metavar="FILE", help="Items: name, category, brand, price ...", show_default=False),
        ] = None,
        column: Annotated[
            list[str] | None,
            typer.Option(
                metavar="PART=NAME", help="shopper, item, time, type or quantity is column NAME of the events."
            ),
        ] = None,
        item_column: Annotated[
            list[str] | None,
            typer.Option(metavar="PART=NAME", help="The same for items: sku, name, brand, category ..."),
        ] = None,
        exclude: Annotated[
            str,
            typer.Option(metavar="SKU,SKU", help="Items that are no goods: postage, fees, vouchers."),
        ] = "",
        epochs: Annotated[
            int, typer.Option(min=1, max=1000, help="At most; training stops when it no longer helps.")
        ] = 30,
        minutes: Annotated[
            float | None,
            typer.Option(min=0.01, help="Time for all training together.", show_default=False),
        ] = None,
        width: Annotated[int, typer.Option(min=8, max=1024, help="Size of the vectors.")] = 64,
        layers: Annotated[int, typer.Option(min=1, max=24, help="Layers of the transformer.")] = 2,
        seed: Annotated[int, typer.Option(help="Same data, same seed, same model (on one kind of machine).")] = 7,
        threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
        title: Annotated[str, typer.Option(help="Heading of the model card.")] = "Recommender",
        note: Annotated[
            str, typer.Option(help="A paragraph for the model card, and `note` in storehand.json.", show_default=False)
        ] = "",
        force: Annotated[bool, typer.Option("--force", help="Replace an existing model folder.")] = False,
    ) -> None:
        try:
            import torch
            import transformers  # noqa: F401  # told before minutes of reading, not after
        except ImportError as error:
            raise extra_missing("train recommender", str(error)) from error
        from storehand_plugins.recommendation.train.building import Plan
        from storehand_plugins.recommendation.train.network import Shape
        from storehand_plugins.recommendation.train.reading import read_shop
        from storehand_plugins.recommendation.train.writing import check_target

        torch.set_num_threads(threads)
        check_target(out, force=force)
        left_out = frozenset(sku.strip() for sku in exclude.split(",") if sku.strip())
        shop = read_shop(
            events, items, columns=_pairs(column), item_columns=_pairs(item_column), exclude=left_out
        )  # fmt: skip
        _tell(shop)
        shape = Shape(width=width, layers=layers, heads=max(1, width // 32))
        plan = Plan(shape=shape, epochs=epochs, minutes=minutes, seed=seed)
        _train(shop, plan, out, title=title, note=note, force=force)


def _refresh_items(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of `storehand train recommender`.")],
    items: Annotated[Path, typer.Option(metavar="FILE", help="Items: sku, and what is known of them today.")],
    item_column: Annotated[
        list[str] | None, typer.Option(metavar="PART=NAME", help="sku, name, brand, price ... is column NAME.")
    ] = None,
    missing_is_gone: Annotated[
        bool, typer.Option("--missing-is-gone", help="Items that the file does not name are no longer sold.")
    ] = False,
) -> None:
    try:
        from storehand_plugins.recommendation.train.refreshing import refresh
    except ImportError as error:
        raise extra_missing("train items", str(error)) from error
    done = refresh(folder, items, columns=_pairs(item_column), missing_is_gone=missing_is_gone)
    say(f"{done.changed:,} items changed; {done.unknown:,} of the file are new to the model and wait for the next "
        f"training; {done.unnamed:,} of the model are not in the file")  # fmt: skip


def _pairs(told: list[str] | None) -> dict[str, str]:
    pairs = [each.partition("=") for each in told or ()]
    if wrong := [part + sign + name for part, sign, name in pairs if not (part and name)]:
        raise InvalidInput(f"{wrong[0]!r} is not PART=NAME")
    return {part.strip(): name.strip() for part, _, name in pairs}


def _tell(shop: Shop) -> None:
    from storehand_plugins.recommendation.train.card import facts

    about = facts(shop)
    say(f"{about['events']:,} events of {about['shoppers']:,} shoppers, {len(shop.items):,} items, "
        f"{about['first_event']} to {about['last_event']}")  # fmt: skip
    for line in shop.left_out():
        say(f"  left out: {line}")


def _train(shop: Shop, plan: Plan, out: Path, *, title: str, note: str, force: bool) -> None:
    from storehand_plugins.recommendation.train.building import build
    from storehand_plugins.recommendation.train.card import PROTOCOLS, facts, figure_rows, write_card
    from storehand_plugins.recommendation.train.writing import write

    started = time.monotonic()
    with _Progress() as report:
        built = build(shop, plan, report)
    minutes = (time.monotonic() - started) / 60
    command = "storehand " + shlex.join(sys.argv[1:] or ["train", "recommender"])
    card = write_card(shop, built, title=title, note=note, command=command, minutes=minutes)
    said = {"note": note} if note else {}
    write(built, out, card=card, facts={**said, "trained_on": facts(shop)}, force=force)
    for seen, rows in built.figures.items():
        heading = f"\n{PROTOCOLS[seen]}, {next(iter(rows.values())).n:,} shoppers who came back"
        print_table(("", "HR@10", "NDCG@10", "recall@10", "coverage"), figure_rows(rows), title=heading)
    say(f"{built.epochs} epochs, {minutes:.1f} minutes; wrote {out}", style="green")


class _Progress:
    """A bar per phase, with the share done and how it goes."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description:<16}"),
            BarColumn(),
            TextColumn("{task.fields[line]}"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=console(stderr=True))
        self._rows: dict[str, Any] = {}

    def __enter__(self) -> Report:
        self._bar.start()
        return self._report

    def __exit__(self, *error: object) -> None:
        for row in self._rows.values():
            self._bar.update(row, completed=1.0)
        self._bar.stop()

    def _report(self, phase: str, done: float, line: str) -> None:
        if phase not in self._rows:
            for row in self._rows.values():
                self._bar.update(row, completed=1.0)
            self._rows[phase] = self._bar.add_task(phase, total=1.0, line="")
        self._bar.update(self._rows[phase], completed=done, line=line)
