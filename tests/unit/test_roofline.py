"""The roofline: formulas against numbers worked out by hand, weights counted from real models, real steps below it."""

from __future__ import annotations

import time

import pytest
from transformers import AutoModel, AutoModelForCausalLM

from storehand.engine import GenerateRequest, TextsRequest
from storehand.task import GenerateOptions
from storehand_worker.engines import builtin_engines
from storehand_worker.engines.roofline import Limit, Machine, limit_of, machine_of
from tests.tiny_models import save_encoder, save_text_model, spec_of
from tests.waiting import until

COMPUTES = Machine(flops=1000.0)  # and reads in no time
READS = Machine(bytes_per_s=100.0)
MODEL = {"body": 10, "head": 5, "weight_bytes": 2, "layers": 1, "width": 4, "kv_bytes": 16}


def text_limit(folder, **sizes) -> Limit:
    model = AutoModelForCausalLM.from_pretrained(save_text_model(folder, **sizes))
    return limit_of(model.base_model, model.get_output_embeddings())


def next_tokens(*lengths: int) -> list[tuple[int, int]]:
    return [(length, length + 1) for length in lengths]


def test_a_decode_step_reads_every_weight_once_and_the_keys_and_values_of_all_rows():
    assert Limit(machine=READS, **MODEL).text_s(next_tokens(10, 20)) == pytest.approx((15 * 2 + 16 * 30) / 100)


def test_a_decode_step_multiplies_every_weight_with_every_row():
    seconds = Limit(machine=COMPUTES, **MODEL).text_s(next_tokens(10, 20))

    assert seconds == pytest.approx((2 * 15 * 2 + 4 * 4 * (10.5 + 20.5)) / 1000)


def test_the_longer_of_computing_and_reading_is_the_limit():
    both = Limit(machine=Machine(flops=1000.0, bytes_per_s=100.0), **MODEL)

    assert both.text_s(next_tokens(10, 20)) == Limit(machine=READS, **MODEL).text_s(next_tokens(10, 20))


def test_more_rows_are_free_until_computing_takes_as_long_as_reading():
    machine = Machine(flops=1000.0, bytes_per_s=100.0)  # crossover at flops * bytes per weight / (2 * bytes_per_s)
    bare = Limit(machine=machine, body=10, weight_bytes=2)

    assert bare.text_s(next_tokens(5) * 10) == bare.text_s(next_tokens(5)) == pytest.approx(0.2)
    assert bare.text_s(next_tokens(5) * 20) == pytest.approx(0.4)


def test_a_step_that_writes_several_tokens_per_row_still_reads_the_weights_once():
    assert Limit(machine=READS, **MODEL).text_s([(10, 13), (20, 23)], written=6) == pytest.approx(5.1)
    assert Limit(machine=COMPUTES, **MODEL).text_s([(10, 13), (20, 23)], written=6) == pytest.approx(
        (2 * 15 * 6 + 4 * 4 * 3 * (11.5 + 21.5)) / 1000
    )


def test_a_prompt_is_computed_causally_and_only_its_end_passes_the_head():
    seconds = Limit(machine=COMPUTES, **MODEL).text_s([(0, 4)])

    assert seconds == pytest.approx((2 * 10 * 4 + 2 * 5 + 2 * 4 * 16) / 1000)


def test_a_prompt_behind_known_tokens_costs_its_own_tokens_and_what_they_look_at():
    headless = Limit(machine=COMPUTES, **{**MODEL, "head": 0})

    assert headless.text_s([(6, 10)]) == pytest.approx(headless.text_s([(0, 10)]) - headless.text_s([(0, 6)]))
    assert Limit(machine=READS, **MODEL).text_s([(6, 10)]) == pytest.approx((30 + 16 * 6) / 100)


def test_a_batch_of_texts_counts_their_own_tokens_and_no_padding():
    assert Limit(machine=COMPUTES, **MODEL).encode_s([3, 4]) == pytest.approx((2 * 10 * 7 + 4 * 4 * 25) / 1000)


def test_layers_that_slide_look_back_no_further_than_their_window():
    slides = Limit(machine=READS, **MODEL, window=8, sliding=0.5)

    assert slides.text_s(next_tokens(20)) == pytest.approx((30 + 16 * (20 + 8) / 2) / 100)
    assert slides.text_s(next_tokens(5)) == Limit(machine=READS, **MODEL).text_s(next_tokens(5))


def test_a_machine_that_could_not_be_measured_gives_no_limit():
    assert Limit(machine=Machine(), **MODEL).text_s(next_tokens(10, 20)) == 0


def test_weights_of_a_decoder_are_those_its_tokens_pass(tmp_path):
    limit = text_limit(tmp_path)  # width 32, 2 layers, 4 heads of 8, 2 of keys, 64 between

    attention, between, norms = 2 * 32 * 32 + 2 * 32 * 16, 3 * 32 * 64, 2 * 32
    assert limit.body == 2 * (attention + between + norms) + 32
    assert limit.head == 320 * 32
    assert (limit.layers, limit.width, limit.kv_bytes) == (2, 32, 2 * 2 * 16 * 4)


def test_of_experts_only_those_that_are_asked_count(tmp_path):
    all_asked = text_limit(tmp_path / "all", family="qwen3_moe", num_experts_per_tok=4)
    half = text_limit(tmp_path / "half", family="qwen3_moe", num_experts_per_tok=2)

    assert all_asked.body - half.body == 2 * 2 * 3 * 32 * 16  # layers, experts, matrices


def test_weights_of_an_encoder_leave_out_tables_and_the_pooler(tmp_path):
    model = AutoModel.from_pretrained(save_encoder(tmp_path))

    layers = sum(each.numel() for each in model.encoder.parameters())
    assert limit_of(model).body == layers + 2 * 32  # and the norm of the embeddings


def test_a_machine_is_measured_once_for_models_alike(tmp_path):
    model = AutoModel.from_pretrained(save_encoder(tmp_path))
    weights = list(model.parameters())

    first = machine_of(weights)

    assert machine_of(weights) == first
    assert 1e8 < first.flops < 1e16
    assert 1e7 < first.bytes_per_s < 1e14


def test_real_steps_of_the_text_engine_take_at_least_the_least_time(tmp_path):
    reports = []
    spec = spec_of(save_text_model(tmp_path, hidden_size=256, intermediate_size=704), reports=reports)
    engine = builtin_engines()["text"](spec)

    asked = [GenerateRequest(id=f"{n}", prompt="a bag " * 9, options=GenerateOptions(max_new_tokens=9)) for n in (1, 2)]
    for future in [engine.submit(request) for request in asked]:
        future.result(30)
    engine.close()

    for phase in ("prefill", "decode"):
        assert 0 < _ratio(reports, phase) < 1.2, phase  # rates are measured: a little above 1 is noise


def test_real_steps_of_the_encoder_engine_take_at_least_the_least_time(tmp_path):
    reports = []
    engine = builtin_engines()["encoder"](spec_of(save_encoder(tmp_path), kind="classify", reports=reports))

    engine.submit(TextsRequest(id="1", texts=("a light bag",) * 16)).result(30)
    engine.close()

    assert 0 < _ratio(reports, "encode") < 1.2


def test_an_engines_gap_between_steps_leaves_idle_time_out(tmp_path):
    reports = []
    engine = builtin_engines()["text"](spec_of(save_text_model(tmp_path), reports=reports))

    engine.submit(GenerateRequest(id="1", prompt="a bag", options=GenerateOptions(max_new_tokens=9))).result(30)
    before, idle_until = len(reports), time.monotonic() + 0.5
    until(lambda: time.monotonic() > idle_until)
    engine.submit(GenerateRequest(id="2", prompt="a bag", options=GenerateOptions(max_new_tokens=9))).result(30)
    engine.close()

    assert reports[before].gap_s < 0.5
    assert sum(report.gap_s for report in reports) > 0


def _ratio(reports, phase: str) -> float:
    steps = [report for report in reports if report.phase == phase]
    return sum(step.least_s for step in steps) / sum(step.seconds for step in steps)
