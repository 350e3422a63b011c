"""`storehand train recommender`: a folder that the encoder engine serves, or a clear refusal and nothing written."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from storehand.contracts.recommendation import RecommendationInput, RecommendationOutput
from storehand.errors import ModelNotAvailable
from storehand.settings import ModelBinding
from storehand.task import Models
from storehand.testing import FakeContext, local_models
from storehand_plugins.recommendation import RecommendationTask
from storehand_plugins.recommendation.folder import MOST_HELD, open_model
from storehand_plugins.recommendation.tables import ItemTables
from storehand_plugins.starter.purchase_histories import training_rows

TASK = RecommendationTask()
STARTER = Path(TASK.starters["recommender"])
NEW = {
    "sku": "新 1",
    "name": "山泉恒温电水壶 大容量",
    "category": "厨房电器 > 水壶",
    "brand": "山泉",
    "inLanguage": "zh",
}


def train(*args: object):
    return CliRunner().invoke(build_app(), ["train", "recommender", *map(str, args)])


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    events = "".join(json.dumps(row) + "\n" for row in training_rows(120, seed=5))
    (folder / "events.jsonl").write_text(events, encoding="utf-8")
    catalogue = (STARTER.parent / "catalogue.jsonl").read_text(encoding="utf-8")
    items = catalogue.rstrip("\n") + "\n" + json.dumps(NEW, ensure_ascii=False) + "\n"
    (folder / "items.jsonl").write_text(items, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(shop) -> Path:
    out = shop / "model"
    result = train("--events", shop / "events.jsonl", "--items", shop / "items.jsonl", "-o", out, "--epochs", 3,
                   "--width", 16, "--layers", 1)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "popular, ever" in result.stdout
    assert "this recommender" in result.stdout
    return out


@pytest.fixture(scope="module")
def models(trained) -> Models:
    return local_models([TASK], {"recommender": ModelBinding(model=str(trained), device="cpu")})


def ask(models, **fields: object) -> RecommendationOutput:
    return TASK.run(RecommendationInput.model_validate(fields), models, FakeContext())


def test_the_folder_is_a_transformers_model_with_the_items_beside_it(trained):
    assert names(trained) == {
        "1_Pooling/config.json", "README.md", "config.json", "items.jsonl", "items.safetensors", "model.safetensors",
        "storehand.json", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert json.loads((trained / "1_Pooling" / "config.json").read_text())["pooling_mode_lasttoken"] is True


def test_anybody_may_read_the_folder(trained):
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in [trained, *trained.rglob("*")])


def test_the_card_says_what_was_learnt_and_how_well(trained):
    card = (trained / "README.md").read_text(encoding="utf-8")

    assert "| shoppers | 120 |" in card
    assert "| this recommender |" in card
    assert "\n    storehand " in card


def test_the_engine_serves_what_training_wrote(models):
    answer = ask(models, events=[{"type": "purchase", "sku": "EN-015"}], k=5)

    assert [item.rank for item in answer.items] == [1, 2, 3, 4, 5]
    assert answer.personalised
    assert answer.usage.prompt_tokens > 0


def test_an_item_nobody_bought_is_recommended_by_what_it_says(models):
    answer = ask(models, anchorSku="ZH-002", k=5)

    new = next(item for item in answer.items if item.sku == NEW["sku"])
    assert new.source == "content"
    assert new.reason is not None
    assert new.reason.because_of == ("ZH-002",)


def test_an_item_nobody_bought_can_be_an_anchor(models):
    answer = ask(models, anchorSku=NEW["sku"], k=3)

    assert not answer.missing_skus
    assert "ZH-002" in [item.sku for item in answer.items]


def test_an_item_nobody_bought_speaks_for_what_goes_with_its_kin(models):
    answers = [ask(models, events=[{"type": "view", "sku": sku}], k=8) for sku in (NEW["sku"], "ZH-002")]

    new, kin = ({item.sku for item in answer.items} for answer in answers)
    assert len(new & kin) >= 5
    assert not any(item.reason and "shoppers" in item.reason.text and NEW["sku"] in item.reason.because_of
                   for item in answers[0].items), "nobody bought it: no count may say so"  # fmt: skip


def test_the_same_seed_gives_the_same_model(tmp_path):
    events = tmp_path / "events.csv"
    events.write_text("user_id,sku,ts\nu,A,2026-01-01\nu,B,2026-01-02\nv,A,2026-01-03\nv,C,2026-01-05\n")
    for name in ("one", "other"):
        train("--events", events, "-o", tmp_path / name, "--epochs", 2, "--width", 16)

    first, second = (ItemTables.load(tmp_path / name) for name in ("one", "other"))
    assert np.array_equal(first.vectors, second.vectors)


def test_a_folder_is_only_replaced_by_force(shop, trained):
    before = (trained / "storehand.json").read_bytes()

    refused = train("--events", shop / "events.jsonl", "-o", trained)

    assert refused.exit_code == 2
    assert "exists" in refused.stderr
    assert "--force" in refused.stderr
    assert (trained / "storehand.json").read_bytes() == before


def test_what_is_no_model_folder_is_never_replaced(shop, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"x")

    refused = train("--events", shop / "events.jsonl", "-o", tmp_path / "photos", "--force")

    assert refused.exit_code == 2
    assert names(tmp_path) == {"photos/cat.jpg"}


def test_force_replaces_a_model_and_leaves_nothing_else(shop, tmp_path):
    events = tmp_path / "events.csv"
    events.write_text("user_id,sku,ts\nu,A,2026-01-01\nu,B,2026-01-02\nv,A,2026-01-03\n")
    for _ in range(2):
        result = train("--events", events, "-o", tmp_path / "model", "--force", "--epochs", 1, "--width", 16)
        assert result.exit_code == 0, result.output

    assert {path.name for path in tmp_path.iterdir()} == {"events.csv", "model"}


def test_a_shop_of_three_events_gets_a_model_that_answers(tmp_path):
    events = tmp_path / "events.csv"
    events.write_text("user_id,sku,ts\nu,A,2026-01-01\nu,B,2026-01-02\nv,A,2026-01-03\n")
    train("--events", events, "-o", tmp_path / "model", "--epochs", 1, "--width", 16)
    models = local_models([TASK], {"recommender": ModelBinding(model=str(tmp_path / "model"), device="cpu")})

    answer = ask(models, events=[{"type": "purchase", "sku": "B"}])

    assert [item.sku for item in answer.items] == ["A"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("who,what,when\n1,2,3\n", "--column shopper=NAME"),
        ("user_id,sku,ts\nu,A,soon\n", "1 × no readable time (first in line 2, column 'ts')"),
    ],
)
def test_events_that_cannot_be_used_are_refused_with_advice(tmp_path, content, reason):
    (tmp_path / "e.csv").write_text(content)

    refused = train("--events", tmp_path / "e.csv", "-o", tmp_path / "model")

    assert refused.exit_code == 2
    assert reason in " ".join(refused.stderr.split())
    assert names(tmp_path) == {"e.csv"}


def test_a_mapping_that_is_none_is_refused(shop, tmp_path):
    refused = train("--events", shop / "events.jsonl", "-o", tmp_path / "m", "--column", "uid")

    assert refused.exit_code == 2
    assert "PART=NAME" in refused.stderr


def test_stock_is_refreshed_under_a_running_model(trained, models, tmp_path):
    before = ask(models, anchorSku="EN-005", k=3)
    first = before.items[0].sku
    today = tmp_path / "today.csv"
    today.write_text(f"sku,name,availability\n{first},New name,out of stock\nbrand-new,X,in stock\n")

    result = CliRunner().invoke(build_app(), ["train", "items", str(trained), "--items", str(today)])

    assert result.exit_code == 0, result.output
    assert "1 items changed; 1 of the file are new to the model" in " ".join(result.stderr.split())
    after = ask(models, anchorSku="EN-005", k=3)
    assert first not in [item.sku for item in after.items]
    named = ask(models, candidates=[first], filter={"inStock": False}).items[0]
    assert named.name == "New name"
    rows = [json.loads(line) for line in (trained / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert next(row for row in rows if row["sku"] == first)["brand"], "what the file leaves out stays"


def test_a_folder_that_is_not_whole_says_so(trained, models, tmp_path):
    info = models.info("recommender")
    with pytest.raises(ModelNotAvailable, match="storehand train recommender"):
        open_model(replace(info, format="plain"))
    with pytest.raises(ModelNotAvailable, match="not whole"):
        open_model(replace(info, folder=str(tmp_path)))
    for name in ("items.safetensors", "storehand.json"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    (tmp_path / "items.jsonl").write_text('{"sku": "A"}\n')
    with pytest.raises(ModelNotAvailable, match="names 1 items, but has numbers for 49"):
        open_model(replace(info, folder=str(tmp_path)))


def test_a_folder_trained_again_under_a_running_worker_changes_nothing_until_it_restarts(trained, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained, folder)
    models = local_models([TASK], {"recommender": ModelBinding(model=str(folder), device="cpu")})
    before = ask(models, events=[{"type": "purchase", "sku": "EN-015"}])
    events = tmp_path / "events.csv"
    events.write_text("user_id,sku,ts\nu,A,2026-01-01\nu,B,2026-01-02\nv,A,2026-01-03\n")

    assert train("--events", events, "-o", folder, "--force", "--epochs", 1, "--width", 16).exit_code == 0

    after = ask(models, events=[{"type": "purchase", "sku": "EN-015"}])
    assert (after.items, after.attribution_token) == (before.items, before.attribution_token)
    shutil.rmtree(folder)
    assert ask(models, events=[{"type": "purchase", "sku": "EN-015"}]).items == before.items


def test_a_folder_trained_again_before_its_first_job_asks_for_a_restart(trained, models):
    info = models.info("recommender")

    with pytest.raises(ModelNotAvailable, match="trained again since this worker loaded it; restart the worker"):
        open_model(replace(info, extra={**info.extra, "fingerprint": "another"}))


def test_many_threads_that_open_a_folder_get_one_model(trained, models, tmp_path):
    shutil.copytree(trained, tmp_path / "model")
    info = replace(models.info("recommender"), folder=str(tmp_path / "model"))

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: open_model(info), range(8)))

    assert len({id(each) for each in found}) == 1


def test_few_models_are_held(trained, models, tmp_path):
    info = models.info("recommender")
    first = open_model(info)
    for number in range(MOST_HELD):
        shutil.copytree(trained, tmp_path / str(number))
        open_model(replace(info, folder=str(tmp_path / str(number))))

    assert open_model(info) is not first
