"""The spans of model calls: what they say by the conventions for generative AI, and their phases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.trace import SpanKind

from storehand.engine import EngineSpec
from storehand.task import GenerateOptions, Message, ModelInfo
from storehand_worker.models import JobModels
from tests.small_engine import SMALL, SmallEngine
from tests.unit.traced import JOB, SECRET, Traced, parents, seconds


@pytest.fixture
def traced(tmp_path):
    return Traced(tmp_path)


class FarEngine(SmallEngine):
    """As behind an endpoint."""

    @property
    def info(self) -> ModelInfo:
        return replace(super().info, server=("llm.example", 8000))


def test_a_model_call_is_a_span_by_the_conventions_for_generative_ai_with_its_phases_below(traced):
    def ask(models: JobModels) -> None:
        models.generate("text", [Message("user", SECRET)], GenerateOptions(max_new_tokens=9, temperature=0.5))

    with traced.bench(ask) as bench:
        bench.answer(bench.job(priority="interactive"))

    spans = traced.spans()
    assert {name: parent for name, parent in parents(spans).items() if name not in ("claim", "run", "store")} == {
        JOB: None, "chat small": JOB, "lane": "chat small", "prefill": "chat small", "decode": "chat small"
    }  # fmt: skip
    said = spans["chat small"].attributes
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.request.model"] == "small"
    assert said["gen_ai.request.max_tokens"] == 9
    assert said["gen_ai.request.temperature"] == 0.5
    assert "gen_ai.response.time_to_first_chunk" not in said  # nobody was sent a chunk
    assert "server.address" not in said
    assert spans["chat small"].kind is SpanKind.INTERNAL
    assert said["gen_ai.usage.input_tokens"] > 0
    assert said["gen_ai.usage.output_tokens"] > 0
    assert said["gen_ai.response.finish_reasons"] == ("stop",)
    assert seconds(spans["lane"]) == pytest.approx(0.25)
    assert seconds(spans["prefill"]) == pytest.approx(0.1)
    assert seconds(spans["decode"]) == pytest.approx(0.4)


def test_texts_and_vectors_have_operations_of_their_own_and_a_long_list_shows_its_first_requests(traced):
    def ask(models: JobModels) -> None:
        models.generate("text", SECRET)
        models.encode("vectors", ["x"] * 500)

    with traced.bench(ask) as bench:
        bench.answer(bench.job())

    spans = traced.spans()
    assert spans["text_completion small"].attributes["gen_ai.operation.name"] == "text_completion"
    assert spans["embeddings tiny"].attributes["storehand.requests"] == 16
    lanes = [span for span in traced.kept.get_finished_spans() if span.name == "lane"]
    assert len(lanes) == 1 + 8


def test_the_time_to_the_first_chunk_is_told_of_texts_that_are_streamed(traced):
    with traced.bench(lambda models: models.generate("text", "hello", on_text=lambda piece: None)) as bench:
        bench.answer(bench.job(priority="interactive"))

    said = traced.spans()["text_completion small"].attributes
    assert said["gen_ai.response.time_to_first_chunk"] == 0.35
    assert said["gen_ai.request.stream"] is True


def test_a_call_to_an_endpoint_is_a_client_s_and_names_its_server(traced):
    spec = EngineSpec(role="text", kind="generate", name="small", folder="", binding=SMALL)
    traced.engines["text"] = FarEngine(spec)

    with traced.bench(lambda models: models.generate("text", "hello")) as bench:
        bench.answer(bench.job(priority="interactive"))

    span = traced.spans()["text_completion small"]
    assert span.kind is SpanKind.CLIENT
    assert (span.attributes["server.address"], span.attributes["server.port"]) == ("llm.example", 8000)
    assert span.attributes["gen_ai.provider.name"] == "openai"
