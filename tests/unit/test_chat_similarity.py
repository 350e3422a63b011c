"""An embedding model beside the words: it finds what shares no word, and knows a knowledge base's articles once."""

from __future__ import annotations

from collections.abc import Sequence

from storehand.contracts.chat import Article, ChatInput, ChatMessage
from storehand.fakes import FakeContext, FakeModels
from storehand.knowledge import KnowledgeStore
from storehand.settings import Settings
from storehand_plugins.chat.task import ChatTask

SOFA = Article(id="sofa", title="Do the couches come put together?", text="Couches come in two parts with a hex key.")
OTHER = Article(id="other", title="How do gift cards work?", text="Gift cards are sent by email.")


class Meaning(FakeModels):
    """A stand-in that holds furniture for near to furniture; it counts what it was asked."""

    def __init__(self) -> None:
        super().__init__({"text": "generate", "sentiment": "classify", "embedding": "encode"})
        self.asked: list[str] = []

    def encode(self, role: str, texts: Sequence[str], *, prompt: str = "") -> list[list[float]]:
        self.asked += texts
        return [[1.0, 0.0] if "ouch" in text or "sofa" in text else [0.0, 1.0] for text in texts]


def asked(text: str, **fields: object) -> ChatInput:
    return ChatInput(conversation_id="c", messages=(ChatMessage(role="customer", content=text),), **fields)  # type: ignore[arg-type]  # the tests name real fields


def test_an_article_that_shares_no_word_is_found():
    question = asked("is the sofa ready-made", knowledge=(SOFA, OTHER))
    found = ChatTask().run(question, Meaning(), FakeContext())
    assert [citation.knowledge_id for citation in found.citations] == ["sofa"]
    assert found.provenance.model == "fake/embedding"
    without = FakeModels({"text": "generate", "sentiment": "classify"})
    assert ChatTask().run(question, without, FakeContext()).action != "answer"


def test_the_articles_of_a_knowledge_base_are_embedded_once(tmp_path):
    settings = Settings(data_dir=tmp_path)
    assert settings.knowledge_dir is not None
    KnowledgeStore(settings.knowledge_dir).publish("fakes", "help", [SOFA, OTHER])
    task, models = ChatTask(), Meaning()
    task.prepare(settings)
    for text in ("is the sofa ready-made", "sofa parts?"):
        task.run(asked(text, knowledge_base="help"), models, FakeContext(tenant="fakes"))
    assert len(models.asked) == 4, "two articles once, two questions"
