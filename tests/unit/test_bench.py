"""The benchmark's own arithmetic: who is compared with whom, what counts as equal, whose CPU time it is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from storehand.engine import BatchReport
from tests.bench.generate import Generate, equality
from tests.bench.machine import measured
from tests.bench.random_text import Work, make_work
from tests.bench.rounds import Run, interleaved, table
from tests.bench.steps import gap_share, near_the_limit
from tests.tiny_models import save_text_model, word_tokenizer

BURN = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def test_contenders_take_turns_and_each_round_has_its_own_work():
    turns = []

    def contender(name: str):
        def run(number: int) -> Run:
            turns.append((name, number))
            return Run(10, 1.0, 1.0)

        return run

    runs = interleaved("test", {"a": contender("a"), "b": contender("b")}, rounds=2)

    assert turns == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert [len(each) for each in runs.values()] == [2, 2]


def test_a_ratio_is_taken_within_a_round_and_its_median_is_shown():
    ours = [Run(40, 1.0, 2.0), Run(10, 1.0, 2.0), Run(90, 1.0, 2.0)]
    theirs = [Run(20, 1.0, 2.0), Run(10, 1.0, 2.0), Run(10, 1.0, 2.0)]

    of_them = table("Title", "tokens", {"ours": ours, "theirs": theirs}, baseline="theirs")
    to_them = table("Title", "tokens", {"ours": ours, "theirs": theirs}, baseline="ours", times=True)

    assert "| ours | 40 | 2.00 (1.00-9.00) | 20 | 2.00 |" in of_them
    assert "| theirs | 10 | 2.00 (1.00-9.00) | 5 | 2.00 |" in to_them


def test_every_round_asks_for_other_prompts_and_a_part_of_the_work_is_its_beginning():
    assert make_work(8, seed=1)[:3] == make_work(3, seed=1)
    assert not {each.prompt for each in make_work(8, seed=1)} & {each.prompt for each in make_work(8, seed=2)}


def test_padded_batches_write_what_single_requests_write_and_a_wrong_token_is_seen(tmp_path):
    generate = Generate(str(save_text_model(tmp_path, tokenizer=word_tokenizer())))
    work = [Work((5, 7, 9), 6), Work((11, 13), 4)]

    texts = generate.texts(work, batch=2)
    wrong = [[texts[0][0], (texts[0][1] + 1) % 300, *texts[0][2:]], texts[1]]

    assert [len(text) for text in texts] == [6, 4]
    assert equality(generate, work, texts) == "2 of 2 texts equal to `generate`, 0 part at a tie"
    assert "1 of 2 texts equal to `generate`, 0 part at a tie, 1 DIFFER" in equality(generate, work, wrong)


def test_the_cpu_time_of_a_tree_counts_children_that_have_ended():
    with measured(os.getpid()) as used:
        subprocess.run([sys.executable, "-c", BURN], check=True)

    assert used.cpu_s >= 0.3


def test_steps_are_set_against_their_limit_by_phase():
    def report(phase: str, *, seconds: float, least_s: float, gap_s: float = 0.0) -> BatchReport:
        return BatchReport("m", phase, 1, 8, 1, 0, seconds, 1, 0, least_s=least_s, gap_s=gap_s)

    reports = [
        report("decode", seconds=0.1, least_s=0.02),
        report("decode", seconds=0.3, least_s=0.06, gap_s=0.1),
        report("prefill", seconds=0.5, least_s=0.25),
    ]

    assert near_the_limit(reports) == pytest.approx({"decode": 0.2, "prefill": 0.5})
    assert gap_share(reports) == pytest.approx(0.1)


@pytest.mark.long
def test_a_quick_run_writes_its_page(tmp_path):
    command = [sys.executable, "-m", "tests.bench", "--quick", "--write", str(tmp_path / "page.md")]

    subprocess.run(command, check=True, capture_output=True, timeout=900)

    page = (tmp_path / "page.md").read_text()
    assert "DIFFER" not in page
    for title in ("Text engine offline", "Encoder engine offline", "Text through Celery", "Idle latency", "Lane:"):
        assert title in page
