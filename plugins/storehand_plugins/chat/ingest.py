"""Reads a shop's articles from JSON Lines, JSON, CSV or Markdown, and says row by row what is wrong with them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from storehand.contracts.chat import Article
from storehand.errors import InvalidInput
from storehand_plugins.chat.conflicts import answers_contradict
from storehand_plugins.chat.index import Index
from storehand_plugins.chat.retrieval import confidence_of
from storehand_plugins.chat.words import bag
from storehand_plugins.checks import find_injection, fold, is_mojibake, visible

_NAMES = {
    "id": "id faq_id article_id key 编号",
    "title": "title question name heading subject 标题 问题",
    "text": "text answer content body response 答案 回答 内容 正文",
    "questions": "questions keywords synonyms alternatives similar_questions 相似问题 关键词",
    "url": "url link 链接",
    "in_language": "in_language inlanguage language lang locale 语言",
    "valid_from": "valid_from validfrom from starts_at 生效日期 生效时间 开始日期 有效期起",
    "valid_to": "valid_to validto until expires ends_at 失效日期 失效时间 有效期 有效期至 截止日期 到期日",
}
_FIELD = {spelling: name for name, spellings in _NAMES.items() for spelling in spellings.split()}
_LISTS = ("articles", "faq", "faqs", "items", "data", "knowledge")
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_ALWAYS = frozenset(("长期", "长期有效", "永久", "永久有效"))
_MOST_COMPARED = 1000
_ALIKE = 0.55


@dataclass(frozen=True, slots=True)
class Note:
    """What is wrong with a row (an `error` keeps the whole file out) or worth a look (a `warning`)."""

    row: int
    severity: Literal["error", "warning"]
    text: str


@dataclass(frozen=True, slots=True)
class Read:
    """The articles of a file and the notes on them, by row."""

    articles: tuple[Article, ...]
    notes: tuple[Note, ...]
    encoding: str

    @property
    def errors(self) -> tuple[Note, ...]:
        return tuple(note for note in self.notes if note.severity == "error")


def read_articles(path: Path) -> Read:
    """InvalidInput for a file that can't be read at all; everything else is a note with its row (the line of JSON Lines
    and Markdown, the record of CSV, header included, and of JSON)."""
    text, encoding = _decoded(path)
    kinds = {
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".json": _json,
        ".csv": _csv,
        ".tsv": _csv,
        ".md": _markdown,
    }
    reader = kinds.get(path.suffix.lower())
    if reader is None:
        raise InvalidInput(f"{path.name}: articles come as {', '.join(kinds)}")
    articles: list[Article] = []
    notes: list[Note] = []
    rows: list[int] = []
    for row, found in reader(text):
        if isinstance(found, str):
            notes.append(Note(row, "error", found))
            continue
        article = _article(row, found, notes)
        if article is not None:
            articles.append(article)
            rows.append(row)
    if not articles and not notes:
        raise InvalidInput(f"{path.name} has no article")
    notes += _duplicates(articles, rows)
    notes += _contradictions(articles, rows)
    if encoding != "utf-8":
        notes.append(Note(0, "warning", f"the file is not UTF-8; it was read as {encoding}"))
    return Read(tuple(articles), tuple(sorted(notes, key=lambda note: note.row)), encoding)


def _decoded(path: Path) -> tuple[str, str]:
    """UTF-8 with or without a mark, else the Chinese encoding that spreadsheets write."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"can't read {path}: {error.strerror}") from None
    encodings = ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return raw.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    raise InvalidInput(f"{path.name} is text in no encoding known here; save it as UTF-8")


Row = tuple[int, Mapping[str, Any] | str]
"""Row number, and a record or what is wrong with the row."""


def _json_lines(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            yield number, f"is not JSON: {error.msg} at column {error.colno}"
            continue
        yield number, found if isinstance(found, dict) else "is no JSON object"


def _json(text: str) -> Iterator[Row]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        yield error.lineno, f"is not JSON: {error.msg} at column {error.colno}"
        return
    if isinstance(found, dict):
        found = next((found[name] for name in _LISTS if isinstance(found.get(name), list)), [found])
    for number, each in enumerate(found if isinstance(found, list) else [found], 1):
        yield number, each if isinstance(each, dict) else "is no JSON object"


def _csv(text: str) -> Iterator[Row]:
    first = text.split("\n", 1)[0]
    delimiter = max((",", ";", "\t"), key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    for number, record in enumerate(reader, 2):
        if None in record:
            yield number, "has more cells than the header"
        elif any(value and value.strip() for value in record.values()):
            yield number, {name: value for name, value in record.items() if value and value.strip()}


def _markdown(text: str) -> Iterator[Row]:
    """Every heading with text below it is an article; its id is made from the heading."""
    title, start, body = "", 1, list[str]()
    for number, line in enumerate([*text.split("\n"), "# "], 1):
        heading = _HEADING.match(line)
        if heading is None and line != "# ":
            body.append(line)
            continue
        if "\n".join(body).strip():
            yield start, {"title": title, "text": "\n".join(body).strip()}
        title, start, body = (heading[2] if heading else ""), number, []


def _article(row: int, record: Mapping[str, Any], notes: list[Note]) -> Article | None:
    fields = {_FIELD[name]: value for key, value in record.items() if (name := key.strip().lower()) in _FIELD}
    unknown = [key for key in record if key.strip().lower() not in _FIELD]
    told = {note.text for note in notes} if unknown else set()
    left_out = (f"the column “{key}”, which no article has, was left out" for key in unknown)
    notes += [Note(row, "warning", text) for text in left_out if text not in told]
    cleaned = {name: _cleaned(value) for name, value in fields.items() if value not in (None, "", [])}
    if isinstance(cleaned.get("questions"), str):
        cleaned["questions"] = [each.strip() for each in re.split(r"[|;；、\n]", cleaned["questions"]) if each.strip()]
    for name in ("valid_from", "valid_to"):
        value = str(cleaned.get(name, ""))
        if day := _DAY.fullmatch(value):
            date = f"{day[1]}-{day[2]:0>2}-{day[3]:0>2}"
            cleaned[name] = f"{date}T{'00:00:00' if name == 'valid_from' else '23:59:59'}Z"
        elif value in _ALWAYS:
            del cleaned[name]
    cleaned["id"] = str(cleaned.get("id") or _slug(str(cleaned.get("title", ""))) or f"row-{row}")
    notes += _suspicions(row, fields)
    try:
        return Article.model_validate(cleaned)
    except ValidationError as error:
        for each in error.errors():
            notes.append(Note(row, "error", f"{'.'.join(map(str, each['loc']))}: {each['msg']}"))
        return None


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value).text.strip()
    return [_cleaned(each) for each in value] if isinstance(value, list) else value


def _suspicions(row: int, fields: Mapping[str, Any]) -> Iterator[Note]:
    for name in ("title", "text"):
        text = str(fields.get(name, ""))
        if orders := find_injection(text):
            yield Note(
                row, "warning", f"{name} gives orders to a machine and is never quoted there: “{orders[0].text}”"
            )
        if removed := visible(text).removed:
            yield Note(row, "warning", f"{removed} characters that nobody sees were taken out of {name}")
        if is_mojibake(text):
            yield Note(row, "warning", f"{name} looks as if it was read in the wrong character set")


def _duplicates(articles: list[Article], rows: list[int]) -> Iterator[Note]:
    ids: dict[str, int] = {}
    texts: dict[str, int] = {}
    for article, row in zip(articles, rows, strict=True):
        if article.id in ids:
            yield Note(row, "error", f"the id {article.id!r} is that of row {ids[article.id]}")
        same = fold(article.text).squashed().text
        if same in texts:
            yield Note(row, "warning", f"the text is that of row {texts[same]}")
        ids.setdefault(article.id, row)
        texts.setdefault(same, row)


def _contradictions(articles: list[Article], rows: list[int]) -> Iterator[Note]:
    """Articles on the same question with other numbers: the chat hands such questions over."""
    if len(articles) > _MOST_COMPARED:
        return
    index = Index(articles)
    for number, article in enumerate(articles):
        matches = index.search(bag(article.title or article.text))
        for match in matches[:5]:
            other = articles[match.number]
            if match.number >= number or confidence_of(match, matches[0].score) < _ALIKE:
                continue
            titles = (article.title or "", other.title or "")
            if answers_contradict(titles, (article.text, other.text)):
                yield Note(rows[number], "warning", f"says otherwise than row {rows[match.number]} ({other.id})")


def _slug(title: str) -> str:
    return re.sub(r"[^\w]+", "-", title.lower()).strip("-")[:80]
