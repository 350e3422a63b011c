"""Questions about products of the catalogue: a part of `python -m tests.evaluation.chat`.

A row of `product_questions.jsonl` has `facts` (words that the reply must have), none where the catalogue has no answer;
`unknown`: a part of the question has none and the reply must say so; `not_said`: words that would claim more than the
facts do; `article`: an article that must be quoted beside them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from storehand.contracts.chat import Article, ChatInput, ChatMessage, ChatOutput
from storehand.contracts.product import Product
from storehand.fakes import FakeContext
from storehand.task import Models
from storehand_plugins.chat.languages import language_of
from storehand_plugins.chat.task import ChatTask

FILE = Path(__file__).parent / "chat_data" / "product_questions.jsonl"
TASK = ChatTask()
_HONEST = ("no information", "没有相关信息", "没有关于")


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def catalogue() -> dict[str, Product]:
    text = (resources.files("storehand_plugins.starter") / "catalogue.jsonl").read_text(encoding="utf-8")
    return {row["sku"]: Product.model_validate(row) for row in map(json.loads, text.splitlines())}


def products(
    part: str,
    models: Models,
    articles: Callable[[str], tuple[Article, ...]],
    in_part: Callable[[str, str], bool],
) -> dict[str, Any]:
    """Per language: rightly answered, of those with an answer; rightly not answered, of those without."""
    known = catalogue()
    marks: dict[str, list[bool]] = defaultdict(list)
    wrong = []
    for row in rows():
        if not in_part(row["text"], part):
            continue
        language = str(language_of(row["text"]))
        message = ChatMessage(role="customer", content=row["text"])
        asked = ChatInput(
            conversation_id="e", messages=(message,), knowledge=articles(language), product=known[row["sku"]]
        )
        output = TASK.run(asked, models, FakeContext())
        faults = list(_faults(row, output))
        marks[f"{language} {'answered' if row['facts'] else 'not_answered'}"].append(not faults)
        wrong += [f"{row['sku']} {row['text']} ({fault}): {output.reply}" for fault in faults]
    parts = {name: {"right": sum(each) / len(each), "rows": len(each)} for name, each in sorted(marks.items())}
    return {"questions": sum(map(len, marks.values())), "parts": parts, "wrong": wrong}


def _faults(row: dict[str, Any], output: ChatOutput) -> Iterator[str]:
    if not row["facts"]:
        if output.action == "answer":
            yield "answered"
        return
    if output.action != "answer":
        yield output.action
        return
    quotes = [citation.quote for citation in output.citations if citation.knowledge_id == "product"]
    yield from (f"without {fact}" for fact in row["facts"] if not any(fact in quote for quote in quotes))
    yield from (f"says {word}" for word in row.get("not_said", ()) if word in output.reply)
    yield from ("beside the point" for quote in quotes if not any(fact in quote for fact in row["facts"]))
    if bool(row.get("unknown")) != any(word in output.reply for word in _HONEST):
        yield "does not say what is not known" if row.get("unknown") else "says that something is not known"
    cited = {citation.knowledge_id for citation in output.citations} - {"product"}
    if cited != ({row["article"]} if "article" in row else set()):
        yield f"quotes {sorted(cited)}"
