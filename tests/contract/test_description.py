"""The description task on the bundled model through the real text engine, and on stand-ins for other formats."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest
from transformers import PreTrainedTokenizerFast

from storehand.contracts.description import DescriptionInput, DescriptionOutput, DescriptionVariant
from storehand.contracts.product import Product
from storehand.task import ModelInfo, Models
from storehand.testing import FakeContext, FakeModels, TaskContract, local_models
from storehand_plugins.description import DescriptionTask
from storehand_plugins.description.drafts import read
from storehand_plugins.description.examples import PHONE_EN, PHONE_ZH
from storehand_plugins.description.kinds import LANGUAGES, TONES, Language
from storehand_plugins.starter.training import text_evaluation as evaluation
from storehand_plugins.starter.training.corpus import pairs

TASK = DescriptionTask()
STARTER = TASK.starters["text"]


class TestContractWithoutModels(TaskContract):
    task = TASK


class TestContractOnTheBundledModel(TaskContract):
    task = TASK

    def models(self) -> Models:
        return local_models([TASK])


class FormattedModels(FakeModels):
    """A model whose folder says another format."""

    format = "plain"

    def info(self, role: str) -> ModelInfo:
        return replace(super().info(role), format=self.format)


class ChatModels(FormattedModels):
    format = "chat"


def product(value: object) -> Product:
    return Product.model_validate(value)


def run(models: Models, input: DescriptionInput, context: FakeContext | None = None) -> DescriptionOutput:
    return TASK.run(input, models, context or FakeContext())


def on_starter(value: object, **options: object) -> DescriptionOutput:
    return run(local_models([TASK]), DescriptionInput.model_validate({"product": value, **options}))


def chat(reply: Callable[[str, int], str], value: object, **options: object) -> DescriptionOutput:
    models = ChatModels(TASK.roles, reply=reply)
    return run(models, DescriptionInput.model_validate({"product": value, **options}))


def faultless(variant: DescriptionVariant) -> bool:
    return variant.attribute_coverage == 1.0 and not variant.unsupported_claims


@pytest.mark.parametrize(("line", "locale", "facts"), [(PHONE_EN, "en", 8), (PHONE_ZH, "zh", 4)])
@pytest.mark.parametrize("seed", range(3))
def test_the_phones_are_described_by_the_model_with_every_fact_and_no_other(
    line: str, locale: str, facts: int, seed: int
):
    output = on_starter(line, seed=seed)
    assert (output.locale, output.provenance.written_by, output.best.written_by) == (locale, "model", "model")
    assert len(output.best.attributes) == facts
    assert faultless(output.best)
    assert output.checks == ()
    assert Product.model_validate(line).name in output.best.title


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_is_described_without_a_gap_and_mostly_by_the_model(language: Language):
    products = [each for each in evaluation.catalogue() if each.language == language]
    outputs = evaluation.describe(lambda context: local_models([TASK]).bind(context), products)  # type: ignore[attr-defined]  # the host's models can be bound
    assert len(outputs) == 24
    assert [output.best.title for output in outputs if not faultless(output.best)] == []
    assert sum(output.provenance.written_by == "model" for output in outputs) >= 22


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bundled_model_keeps_its_slots_in_order(language: Language):
    plans = evaluation.held_out_plans(language, 10)
    sampled = evaluation.readings(local_models([TASK]), plans, evaluation.SAMPLED)
    assert sum(any(reading.is_sound for reading in each) for each in sampled) >= 9
    assert not any("digit" in fault for each in sampled for reading in each for fault in reading.faults)


@pytest.mark.long
def test_tones_and_variants_differ():
    outputs = [on_starter(PHONE_EN, tone=tone, seed=1) for tone in TONES]
    assert len({output.best.description for output in outputs}) == len(TONES)
    output = on_starter(PHONE_ZH, n_variants=3, seed=1)
    assert len({variant.description for variant in output.variants}) == 3
    assert all(faultless(variant) for variant in output.variants)


def test_the_same_seed_gives_the_same_text():
    assert on_starter(PHONE_EN, seed=5).variants == on_starter(PHONE_EN, seed=5).variants


def test_more_facts_than_slots_are_all_said():
    notes = [f"part {chr(97 + n)}{chr(97 + n)}" for n in range(26)]
    output = on_starter({"name": "Kit", "positiveNotes": notes}, seed=2)
    assert len(output.best.attributes) == 26
    assert faultless(output.best)


def test_the_checked_answer_is_streamed_title_first_then_sentences():
    context = FakeContext()
    output = run(local_models([TASK]), DescriptionInput(product=product(PHONE_EN), seed=1), context)
    assert context.texts[0] == output.best.title + "\n\n"
    assert "".join(context.texts[1:]) == output.best.description
    assert len(context.texts) > 2


def test_a_model_that_only_babbles_is_replaced_by_the_realiser():
    output = run(FormattedModels(TASK.roles), DescriptionInput(product=product(PHONE_EN)))
    assert output.provenance.written_by == "realiser"
    assert [check.rule for check in output.checks] == ["text.realised"]
    assert faultless(output.best)


def test_a_locale_nobody_can_write_is_said_in_english():
    output = run(FormattedModels(TASK.roles), DescriptionInput(product=product("Wasserkocher, 1.7 L"), locale="de-DE"))
    assert output.locale == "en"
    assert "de-DE was asked for" in next(each.basis for each in output.checks if each.rule == "locale.replaced")


def test_a_good_chat_answer_is_taken_as_it_is():
    text = "Title: Kettle for tea\nDescription: The Kettle holds 1.7 l. It is made of steel."
    output = chat(lambda prompt, seed: text, {"name": "Kettle", "material": "Steel", "positiveNotes": ["1.7 L"]})
    assert (output.best.title, output.provenance.written_by) == ("Kettle for tea", "model")
    assert output.best.description == "The Kettle holds 1.7 l. It is made of steel."
    assert output.checks == ()


def test_an_invented_number_is_taken_out_and_a_left_out_fact_is_added():
    text = "标题：电水壶\n描述：这款电水壶很实用。它有五年质保。"
    output = chat(lambda prompt, seed: text, "电水壶，1.7升，自动断电")
    assert "质保" not in output.best.description
    assert faultless(output.best)
    assert [check.rule for check in output.checks] == ["text.mended"]


def test_an_invented_claim_is_flagged_with_its_span():
    text = "Title: Phone\nDescription: The phone has 5G. Its Super Retina XDR display shines."
    output = chat(lambda prompt, seed: text, {"name": "phone", "positiveNotes": ["5G"]})
    [check] = output.checks
    assert (check.rule, check.field, check.severity) == ("fact.claim_unsupported", "description", "warn")
    assert output.best.description[check.start : check.end] == check.text == "Super Retina XDR"


def test_a_useless_chat_answer_is_replaced_by_the_realiser():
    output = chat(lambda prompt, seed: "抱歉，我不会。抱歉，我不会。", PHONE_EN, n_variants=2)
    assert [variant.written_by for variant in output.variants] == ["realiser", "realiser"]
    assert faultless(output.best)


def test_the_better_variant_is_chosen():
    def reply(prompt: str, seed: int) -> str:
        claim = " It has Super Retina XDR." if seed % 2 else ""
        return f"Title: Kettle\nDescription: The Kettle number {'abcdefgh'[seed % 8]} holds 1.7 L.{claim}"

    output = chat(reply, "Kettle, 1.7 L", n_variants=2, seed=1)
    assert [len(variant.unsupported_claims) for variant in output.variants] == [1, 0]
    assert output.chosen == 1


def test_the_bundled_folder_is_small_and_holds_only_data():
    files = {path.name: path.stat().st_size for path in STARTER.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "config.json", "generation_config.json", "storehand.json"} <= set(
        files
    )
    assert sum(files.values()) < 10_000_000
    assert not [name for name in files if name.endswith((".py", ".bin", ".pt", ".pkl"))]


def test_a_stuttering_draft_is_refused():
    plan = evaluation.held_out_plans("zh", 1)[0]
    assert any("stutter" in fault for fault in read("<name><body><name>听听听。好。", plan).faults)


def test_no_word_of_the_grammar_is_suppressed():
    tokenizer = PreTrainedTokenizerFast.from_pretrained(STARTER)
    suppressed = set(json.loads((STARTER / "generation_config.json").read_text(encoding="utf-8"))["suppress_tokens"])
    assert {tokenizer.convert_tokens_to_ids(digit) for digit in "0123456789"} <= suppressed
    for _, text in islice(pairs(3), 400):
        ids = tokenizer(text).input_ids
        assert not suppressed & set(ids), text
        assert tokenizer.decode(ids) == text
