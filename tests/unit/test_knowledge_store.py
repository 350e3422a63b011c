"""Knowledge bases on disk: immutable versions, one pointer, tenants apart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from storehand.contracts.chat import Article
from storehand.errors import InvalidInput, Unavailable
from storehand.knowledge import KnowledgeStore
from storehand_plugins.chat.library import Library

ONE = (Article(id="a", title="Opening hours", text="Open from 9 to 5."),)
TWO = (Article(id="a", title="营业时间", text="9点到17点。", questions=("几点开门",)),)


@pytest.fixture
def store(tmp_path):
    return KnowledgeStore(tmp_path / "knowledge")


def test_what_is_published_comes_back(store):
    version = store.publish("shop", "help", TWO)
    assert store.current("shop", "help") == version.version
    assert store.load("shop", "help", version.version) == TWO
    assert version.version.startswith("0001-")


def test_a_new_version_leaves_the_old_one_as_it_was(store):
    first, second = store.publish("shop", "help", ONE), store.publish("shop", "help", TWO)
    assert store.load("shop", "help", first.version) == ONE
    assert [(each.version, each.is_current) for each in store.versions("shop", "help")] == [
        (first.version, False),
        (second.version, True),
    ]
    assert store.use("shop", "help", first.version) == 1
    assert store.current("shop", "help") == first.version


def test_the_same_articles_are_kept_once(store):
    first = store.publish("shop", "help", ONE)
    store.publish("shop", "help", TWO)
    assert store.publish("shop", "help", ONE).version == first.version
    assert len(store.versions("shop", "help")) == 2


def test_tenants_do_not_see_each_other(store):
    store.publish("one", "help", ONE)
    assert store.names("two") == []
    with pytest.raises(InvalidInput, match="there is no knowledge base 'help'"):
        store.current("two", "help")


@pytest.mark.parametrize("tenant", ["../one", "..", ".", "a/b", "中文", "one\\two"])
def test_no_tenant_climbs_out_of_the_folder(store, tmp_path, tenant):
    store.publish("one", "help", ONE)
    store.publish(tenant, "help", TWO)
    assert store.load(tenant, "help", store.current(tenant, "help")) == TWO
    assert store.load("one", "help", store.current("one", "help")) == ONE
    assert [each.name for each in tmp_path.iterdir()] == ["knowledge"]


@pytest.mark.parametrize("name", ["../help", "Help", "", "a/b", "x" * 65])
def test_odd_names_are_refused(store, name):
    with pytest.raises(InvalidInput, match="no name of a knowledge base"):
        store.publish("one", name, ONE)


@pytest.mark.parametrize("version", ["0009-000000000000", "../../etc/passwd", "current"])
def test_a_version_that_is_not_there_is_refused_and_the_served_one_stays(store, version):
    served = store.publish("one", "help", ONE).version
    with pytest.raises(InvalidInput):
        store.use("one", "help", version)
    assert store.current("one", "help") == served


def test_publishing_side_by_side_keeps_every_version(store):
    sets = [(Article(id="a", text=f"text {number}"),) for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        saved = list(threads.map(lambda articles: store.publish("one", "help", articles).version, sets))
    assert len(set(saved)) == 12
    assert {each.version for each in store.versions("one", "help")} == set(saved)
    assert store.current("one", "help") in saved


def test_removed_is_gone(store):
    store.publish("one", "help", ONE)
    store.remove("one", "help")
    assert store.names("one") == []
    with pytest.raises(InvalidInput):
        store.remove("one", "help")


def test_a_damaged_file_says_so_and_what_is_in_memory_stays_in_service(store, tmp_path):
    version = store.publish("one", "help", ONE).version
    library = Library(store)
    shelf = library.open("one", "help")
    pointer = tmp_path / "knowledge" / "one" / "help" / "current"
    pointer.write_text("0007-abcdefabcdef\n")
    assert library.open("one", "help") is shelf
    assert shelf.version == version
    (pointer.parent / "0007-abcdefabcdef.jsonl").write_text("{broken\n")
    with pytest.raises(Unavailable, match="damaged"):
        Library(store).open("one", "help")


def test_a_base_in_memory_is_not_read_again_until_its_pointer_changes(store):
    store.publish("one", "help", ONE)
    library = Library(store)
    first = library.open("one", "help")
    assert library.open("one", "help") is first
    store.publish("one", "help", TWO)
    assert library.open("one", "help").index.articles == TWO
