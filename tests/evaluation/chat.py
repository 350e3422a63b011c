"""How well the help desk answers, refuses and hands over: `python -m tests.evaluation.chat [--part test] [--json]`.

Rows are cut in two halves by a hash of their text. Thresholds, concepts and patterns were worked on with the half
`dev`; the half `test` is what is reported.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import re
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from storehand.contracts.chat import Article, ChatInput, ChatMessage, ChatOutput
from storehand.fakes import FakeContext
from storehand.task import Models
from storehand.testing import local_models
from storehand_plugins.chat.grounding import promises
from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.task import ChatTask
from tests.evaluation.chat_products import products

HERE = Path(__file__).parent / "chat_data"
DATA = Path(__file__).parents[3] / "shared" / "data"
"""Sets that do not ship with the project; their parts are skipped where they are absent."""

LANGUAGES: tuple[Language, ...] = ("en", "zh")
BITEXT_ROWS = 2000
TASK = ChatTask()

WHOLE = ("reviewed", "fresh")
"""Sets of messages that are not cut in halves: `reviewed` was all worked on, `fresh` was written before that work and
only measured after it."""

Question = tuple[str, str]
"""(what the customer asks, id of the article that answers it)"""


def in_part(text: str, part: str) -> bool:
    """Half of all rows are `dev`, the others `test`."""
    if part == "all":
        return True
    return (hashlib.sha256(text.encode()).digest()[0] % 2 == 0) == (part == "test")


def demo_articles(language: str) -> tuple[Article, ...]:
    text = (resources.files("storehand_plugins.starter") / f"knowledge_{language}.jsonl").read_text(encoding="utf-8")
    return tuple(Article.model_validate_json(line) for line in text.split("\n") if line)


def authored(name: str, part: str) -> list[Question]:
    table = tomllib.loads((HERE / f"questions_{name}.toml").read_text(encoding="utf-8"))
    return [(text, article) for article, texts in table.items() for text in texts if in_part(text, part)]


def ask(text: str, knowledge: Sequence[Article], models: Models) -> ChatOutput:
    message = ChatMessage(role="customer", content=text)
    return TASK.run(
        ChatInput(conversation_id="e", messages=(message,), knowledge=tuple(knowledge)), models, FakeContext()
    )


def ranked(text: str, knowledge: Sequence[Article], language: Language) -> list[str]:
    """Article ids, best first, whatever would be done with them."""
    from datetime import UTC, datetime

    from storehand_plugins.chat.index import Index
    from storehand_plugins.chat.retrieval import Retriever

    retriever = Retriever(Index(knowledge), Index(()), now=datetime.now(UTC), language=language)
    return [each.article.id for each in retriever.search(text).candidates]


# (a) the right article


def retrieval(
    name: str, knowledge: Sequence[Article], rows: Sequence[Question], language: Language, models: Models
) -> dict[str, Any]:
    """Top-1 and top-3 of the ranking; how many are answered at all, and how many of those with the right article."""
    hits = Counter[str]()
    for text, wanted in rows:
        order = ranked(text, knowledge, language)
        hits["top1"] += order[:1] == [wanted]
        hits["top3"] += wanted in order[:3]
        output = ask(text, knowledge, models)
        cited = [each.knowledge_id for each in output.citations]
        hits["answered"] += bool(cited)
        hits["right"] += wanted in cited
    count = len(rows) or 1
    return {
        "set": name, "articles": len(knowledge), "questions": len(rows), "top1": hits["top1"] / count,
        "top3": hits["top3"] / count, "answered": hits["answered"] / count,
        "right_when_answered": hits["right"] / (hits["answered"] or 1),
    }  # fmt: skip


def retrieval_sets(
    part: str,
) -> Iterator[tuple[str, Language, Sequence[Article], Sequence[Question]] | tuple[str, str]]:
    """The sets, or (name, why it is skipped)."""
    for language in LANGUAGES:
        yield f"demo shop {language}", language, demo_articles(language), authored(language, part)
    yield from (_zh_shop(part), _bitext(part), _ecommerce(part))


def _zh_shop(part: str) -> Any:
    file = DATA / "chat_zh_shop" / "faq.json"
    if not file.is_file():
        return "zh shop FAQ", "its data is not here"
    rows = json.loads(file.read_text(encoding="utf-8"))
    knowledge = [Article(id=row["id"], title=row["question"], text=row["answer"]) for row in rows]
    return "zh shop FAQ", "zh", knowledge, authored("zh_shop", part)


def _bitext(part: str) -> Any:
    folder = DATA / "chat_bitext_faq"
    if not folder.is_dir():
        return "bitext FAQ", "its data is not here"
    rows = json.loads((folder / "faq.json").read_text(encoding="utf-8"))
    knowledge = [Article(id=row["id"], title=row["id"].replace("_", " "), text=row["answer"]) for row in rows]
    with gzip.open(folder / "questions.csv.gz", "rt", encoding="utf-8", newline="") as file:
        asked = [(row["question"], row["faq_id"]) for row in csv.DictReader(file) if in_part(row["question"], part)]
    asked.sort(key=lambda row: hashlib.sha256(row[0].encode()).digest()[1:])
    return "bitext FAQ", "en", knowledge, asked[:BITEXT_ROWS]


def _ecommerce(part: str) -> Any:
    """Its questions against its answers alone: with the questions as titles there would be nothing to find."""
    file = DATA / "chat_ecommerce_faq" / "faq.json"
    if not file.is_file():
        return "ecommerce FAQ, no titles", "its data is not here"
    rows = json.loads(file.read_text(encoding="utf-8"))
    same = Counter(row["answer"] for row in rows)
    knowledge = [Article(id=row["id"], text=row["answer"]) for row in rows if same[row["answer"]] == 1]
    kept = {article.id for article in knowledge}
    asked = [(row["question"], row["id"]) for row in rows if row["id"] in kept and in_part(row["question"], part)]
    return "ecommerce FAQ, no titles", "en", knowledge, asked


# (b) what nobody wrote down must not be answered


def refusals(language: Language, part: str, models: Models) -> dict[str, Any]:
    lines = (HERE / f"unanswerable_{language}.txt").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if in_part(line, part)]
    wrong = [line for line in rows if ask(line, demo_articles(language), models).action == "answer"]
    return {"language": language, "questions": len(rows), "not_answered": 1 - len(wrong) / len(rows), "answered": wrong}


# (c) what a person must do, and (d) what nobody may promise


def triggers(language: Language, part: str, models: Models, *, name: str = "triggers") -> dict[str, Any]:
    """Precision and recall per reason, over one message each; a message may have more reasons than its label."""
    rows = [row for row in labelled(name, language) if in_part(row[1], part)]
    right, missed, false = Counter[str](), Counter[str](), Counter[str]()
    wrong: dict[str, list[str]] = defaultdict(list)
    promised = []
    for label, text in rows:
        output = ask(text, demo_articles(language), models)
        found = reasons_of(output)
        if label != "none":
            (right if label in found else missed)[label] += 1
            if label not in found:
                wrong[f"missed {label}"].append(text)
        else:
            for reason in found:
                false[reason] += 1
                wrong[f"false {reason}"].append(text)
        promised += [text for _ in promises(own_words(output))]
    return {
        "name": name, "language": language, "rows": len(rows), "by_reason": _table(right, missed, false),
        "wrong": dict(wrong), "money_promises": promised,
    }  # fmt: skip


def reasons_of(output: ChatOutput) -> set[str]:
    """Reasons other than that nothing was found; a refusal of injected orders counts as their reason."""
    found = set(output.handoff.reasons) if output.handoff else set()
    if any(check.rule == "chat.refuse_orders" for check in output.checks):
        found.add("injection_suspected")
    return {reason for reason in found if reason not in ("low_retrieval", "ungrounded")}


def own_words(output: ChatOutput) -> str:
    """The reply without what it quotes."""
    text = output.reply
    for citation in output.citations:
        text = text.replace(citation.quote, " ")
    return text


def labelled(name: str, language: Language) -> list[Question]:
    with (HERE / f"{name}_{language}.tsv").open(encoding="utf-8", newline="") as file:
        return [(row[0], row[1]) for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def _table(right: Counter[str], missed: Counter[str], false: Counter[str]) -> dict[str, dict[str, float]]:
    names = sorted({*right, *missed, *false})
    rows = {
        name: {
            "recall": right[name] / ((right[name] + missed[name]) or 1),
            "precision": right[name] / ((right[name] + false[name]) or 1),
            "rows": right[name] + missed[name],
        }
        for name in names
    }
    hit, lost, alarms = sum(right.values()), sum(missed.values()), sum(false.values())
    rows["all"] = {"recall": hit / ((hit + lost) or 1), "precision": hit / ((hit + alarms) or 1), "rows": hit + lost}
    return rows


def evaluate(part: str, *, models: Models | None = None) -> dict[str, Any]:
    """Everything, as plain data."""
    used = models or local_models([TASK])
    found: list[dict[str, Any]] = []
    for each in retrieval_sets(part):
        if len(each) == 2:
            found.append({"set": each[0], "skipped": each[1]})
        else:
            name, language, knowledge, rows = each
            found.append(retrieval(name, knowledge, rows, language, used))
    return {
        "part": part,
        "retrieval": found,
        "products": products(part, used, demo_articles, in_part),
        "unanswerable": [refusals(language, part, used) for language in LANGUAGES],
        "triggers": [
            *(triggers(language, part, used) for language in LANGUAGES),
            *(triggers(language, "all", used, name=name) for name in WHOLE for language in LANGUAGES),
        ],
    }


def _lines(result: dict[str, Any], *, verbose: bool) -> Iterable[str]:
    yield f"part: {result['part']}\n"
    yield f"{'retrieval':28} articles questions   top-1   top-3  answered  right of those"
    for row in result["retrieval"]:
        if "skipped" in row:
            yield f"{row['set']:28}skipped: {row['skipped']}"
        else:
            yield (f"{row['set']:28}{row['articles']:9}{row['questions']:10}{row['top1']:8.3f}{row['top3']:8.3f}"
                   f"{row['answered']:10.3f}{row['right_when_answered']:16.3f}")  # fmt: skip
    yield f"\nquestions about products ({result['products']['questions']})    right  rows"
    for name, each in result["products"]["parts"].items():
        yield f"  {name:30}{each['right']:10.3f}{each['rows']:6.0f}"
    if verbose:
        yield from (f"      {text}" for text in result["products"]["wrong"])
    yield "\nquestions nobody wrote an answer for"
    for row in result["unanswerable"]:
        yield f"  {row['language']}: {row['not_answered']:.3f} of {row['questions']} not answered"
        if verbose:
            yield from (f"      answered: {text}" for text in row["answered"])
    for row in result["triggers"]:
        name = "" if row["name"] == "triggers" else f" {row['name']}"
        yield f"\nhand-over{name}, {row['language']} ({row['rows']} messages){'':4}recall  precision  rows"
        for name, each in row["by_reason"].items():
            yield f"  {name:30}{each['recall']:10.3f}{each['precision']:10.3f}{each['rows']:6.0f}"
        yield f"  promises of money in our own words: {len(row['money_promises'])}"
        if verbose:
            yield from (f"      {what}: {text}" for what, texts in row["wrong"].items() for text in texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__ or "")[0])
    parser.add_argument("--part", choices=("dev", "test", "all"), default="test")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="also list what went wrong")
    asked = parser.parse_args()
    result = evaluate(asked.part)
    print(
        json.dumps(result, ensure_ascii=False, indent=2)
        if asked.json
        else "\n".join(_lines(result, verbose=asked.verbose))
    )
    sys.exit(any(row["money_promises"] for row in result["triggers"]))


if __name__ == "__main__":
    main()
