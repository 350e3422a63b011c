"""`storehand knowledge`: what the chat task answers from, as versions that are switched in one step."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from storehand.cli.app import App
from storehand.cli.options import AsJson, DataDir, Tenant, load_settings
from storehand.cli.output import print_json, print_table, say
from storehand.errors import InvalidInput
from storehand.knowledge import KnowledgeStore

Name = Annotated[str, typer.Argument(help="The knowledge base's name: a-z, 0-9, _ and -.", metavar="NAME")]
_SHOWN_CHARS = 100


def register(app: App) -> None:
    """Adds the group; what is heavy is imported inside the commands."""
    group = App(_HELP, no_args_is_help=True)
    group.command()(ingest)
    group.command("list")(list_bases)
    group.command()(show)
    group.command()(use)
    group.command()(search)
    group.command()(remove)
    app.add_typer(group, name="knowledge")


def ingest(
    name: Name,
    file: Annotated[Path, typer.Argument(help="Articles as .jsonl, .json, .csv, .tsv or .md.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is wrong; save nothing.")] = False,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check a file of articles and serve it as the new version. 检查并发布知识库。

    A row has an id, a title (or question) and a text (or answer); if one row is wrong, nothing is saved.

    \b
    Examples / 示例
      storehand knowledge ingest help faq.csv --dry-run
      storehand knowledge ingest help faq.jsonl
    """
    from storehand_plugins.chat.ingest import read_articles

    store, whose = _store(tenant, data_dir)
    read = read_articles(file)
    notes = [{"row": note.row, "severity": note.severity, "text": note.text} for note in read.notes]
    if read.errors:
        if not as_json:
            _print_notes(notes)
        wrong = len({note.row for note in read.errors})
        raise InvalidInput(
            f"{wrong} rows of {file.name} are wrong; nothing was saved",
            details={"notes": notes, "advice": "mend the rows and try again; --dry-run only checks"},
        )
    version = None if dry_run else store.publish(whose, name, read.articles).version
    if as_json:
        print_json({"name": name, "version": version, "articles": len(read.articles), "notes": notes})
        return
    _print_notes(notes)
    what = "checked, nothing saved" if version is None else f"version {version} is served from now on"
    say(f"{name}: {len(read.articles)} articles, {what}")


def list_bases(tenant: Tenant = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the knowledge bases and their versions. 列出知识库及其版本。

    \b
    Examples / 示例
      storehand knowledge list
      storehand knowledge list --json
    """
    store, whose = _store(tenant, data_dir)
    found = [version for name in store.names(whose) for version in store.versions(whose, name)]
    if as_json:
        keys = ("name", "version", "articles", "saved_at", "is_current")
        print_json([{key: getattr(each, key) for key in keys} for each in found])
        return
    rows = [
        (each.name, each.version, str(each.articles), _time(each.saved_at), "served" if each.is_current else "")
        for each in found
    ]
    print_table(("name", "version", "articles", "saved", ""), rows)


def show(
    name: Name,
    article_id: Annotated[str | None, typer.Argument(help="Only this article, whole.", metavar="[ARTICLE]")] = None,
    version: Annotated[str | None, typer.Option(help="Another version than the served one.")] = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the articles of a knowledge base. 查看知识库内容。

    \b
    Examples / 示例
      storehand knowledge show help
      storehand knowledge show help return-policy-en
    """
    store, whose = _store(tenant, data_dir)
    articles = store.load(whose, name, version or store.current(whose, name))
    if article_id is not None:
        articles = tuple(each for each in articles if each.id == article_id)
        if not articles:
            raise InvalidInput(f"the knowledge base {name!r} has no article {article_id!r}")
    if as_json or article_id is not None:
        print_json([each.to_json_dict() for each in articles])
        return
    print_table(("id", "title", "text"), [(each.id, each.title, _short(each.text)) for each in articles])


def use(
    name: Name,
    version: Annotated[str, typer.Argument(help="A version that `storehand knowledge list` shows.")],
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Serve another version, such as the one before. 切换到指定版本（回滚）。

    \b
    Examples / 示例
      storehand knowledge list
      storehand knowledge use help 0001-3f9c2a7d1b04     # 回滚
    """
    store, whose = _store(tenant, data_dir)
    count = store.use(whose, name, version)
    say(f"{name}: version {version} with {count} articles is served from now on")


def search(
    name: Name,
    question: Annotated[str, typer.Argument(help="What a customer might ask.")],
    limit: Annotated[int, typer.Option(min=1, max=8, help="At most so many articles.")] = 5,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what the chat would find for a question, and how sure it would be. 试查：会检索到什么。

    An embedding model, where one is bound, is not asked here.

    \b
    Examples / 示例
      storehand knowledge search help "can I send it back?"
      storehand knowledge search help "退货运费谁出" --json
    """
    from storehand_plugins.chat.answers import ANSWER, CLARIFY
    from storehand_plugins.chat.index import Index
    from storehand_plugins.chat.languages import reply_language
    from storehand_plugins.chat.retrieval import Retriever

    store, whose = _store(tenant, data_dir)
    language, _ = reply_language(question, earlier=(), locale=None, languages=("zh", "en"))
    articles = store.load(whose, name, store.current(whose, name))
    retriever = Retriever(Index(articles), Index(()), now=datetime.now().astimezone(), language=language)
    finding = retriever.search(question)
    against = {each.article.id for each in finding.conflicts}
    rows: list[dict[str, Any]] = [
        {
            "id": each.article.id,
            "confidence": round(each.confidence, 3),
            "title": each.article.title,
            "quote": each.quote,
            "contradicts": each.article.id in against,
        }
        for each in finding.candidates[:limit]
    ]
    limits = {"answer": ANSWER[language], "clarify": CLARIFY[language]}
    if as_json:
        print_json({"language": language, "limits": limits, "found": rows})
        return
    shown = [(f"{each['confidence']:.2f}", each["id"], each["title"], _shown(each)) for each in rows]
    print_table(("confidence", "id", "title", "quote"), shown)
    say(f"answered from {limits['answer']:.2f} on, asked back from {limits['clarify']:.2f} on, handed over below")


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Delete a knowledge base with all its versions. 删除知识库。

    \b
    Examples / 示例
      storehand knowledge remove help
    """
    store, whose = _store(tenant, data_dir)
    count = len(store.versions(whose, name))
    if not yes:
        typer.confirm(f"Delete {name} with {count} versions?", abort=True)
    store.remove(whose, name)
    say(f"{name} is deleted")


def _store(tenant: str | None, data_dir: Path | None) -> tuple[KnowledgeStore, str]:
    settings = load_settings(tenant=tenant, data_dir=data_dir)
    assert settings.knowledge_dir is not None, "settings fill it"
    return KnowledgeStore(settings.knowledge_dir), settings.tenant


def _print_notes(notes: list[dict[str, Any]]) -> None:
    if notes:
        print_table(("row", "", "what"), [(str(note["row"] or "-"), note["severity"], note["text"]) for note in notes])


def _time(epoch_s: float) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC).astimezone():%Y-%m-%d %H:%M}"


def _shown(row: dict[str, Any]) -> str:
    return _short(row["quote"]) + (" (contradicts the first)" if row["contradicts"] else "")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…"


_HELP = """Knowledge bases that the chat task answers from. 客服问答使用的知识库。

\b
Examples / 示例
  storehand knowledge ingest help faq.csv        # a new version / 导入新版本
  storehand knowledge search help "运费多少？"    # what would be found / 试查
  storehand knowledge use help 0001-3f9c2a7d1b04  # roll back / 回滚
"""
