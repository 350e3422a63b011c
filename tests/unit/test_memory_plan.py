"""Several models on one device: who needs how much is told before anything is loaded."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storehand.engine import EngineSpec
from storehand.errors import SettingsError
from storehand.settings import ModelBinding
from storehand.task import Kind
from storehand_worker.engines.device_memory import cpu_free_bytes
from storehand_worker.engines.memory import LEAST_SLOTS, RESERVE_BYTES, Need, plan
from storehand_worker.engines.model_size import need_of, token_bytes, weights_bytes
from storehand_worker.fitting import fit

MIB = 1 << 20
CONFIG: dict[str, Any] = {
    "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2, "hidden_size": 512,
    "intermediate_size": 1024, "vocab_size": 1000, "max_position_embeddings": 4096,
}  # fmt: skip
TOKEN = 2 * 4 * 2 * 64 * 2
"""Keys and values of a token in two-byte numbers."""


def save(file: Path, **tensors: tuple[str, list[int]]) -> None:
    """A safetensors file of these types and shapes: the header is all that is read."""
    header = {name: {"dtype": kind, "shape": shape, "data_offsets": [0, 0]} for name, (kind, shape) in tensors.items()}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text)


def folder_of(path: Path, **tensors: tuple[str, list[int]]) -> Path:
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(CONFIG))
    save(path / "model.safetensors", **(tensors or {"weight": ("F32", [1024, 1024])}))
    return path


def spec(folder: Path, *, role: str = "text", kind: Kind = "generate", **binding: Any) -> EngineSpec:
    values = {"model": str(folder), "device": "cpu", "dtype": "bfloat16", "max_tokens": 1024, **binding}
    return EngineSpec(role=role, kind=kind, name=f"tiny {role}", folder=str(folder), binding=ModelBinding(**values))


def needs(*slots: int, weights: int = 10 * MIB, slot: int = MIB) -> list[Need]:
    return [Need(f"r{n}", "m", weights, MIB, slot, each, min(each, LEAST_SLOTS)) for n, each in enumerate(slots)]


def test_what_fits_stays_as_it_was_asked_for():
    made = plan("cpu", needs(32, 16), free=1 << 30)

    assert made.fits
    assert made.reduced == {}
    assert made.total == RESERVE_BYTES["cpu"] + 2 * 11 * MIB + 48 * MIB


def test_the_engine_whose_slots_take_most_gives_first():
    made = plan("cpu", needs(64, 16), free=RESERVE_BYTES["cpu"] + 22 * MIB + 36 * MIB)

    assert made.fits
    assert made.reduced == {"r0": 20}


def test_an_engine_keeps_its_least_and_one_whose_slots_were_set_keeps_them_all():
    free = RESERVE_BYTES["cpu"] + 22 * MIB + 40 * MIB
    chosen = Need("set", "m", 10 * MIB, MIB, MIB, 32, 32)

    assert plan("cpu", [chosen, *needs(32)], free=free).reduced == {"r0": LEAST_SLOTS}
    refused = plan("cpu", [chosen, *needs(32)], free=free - 1)
    assert not refused.fits
    assert refused.reduced == {}  # what does not help is not done


@given(st.lists(st.integers(1, 64), max_size=4), st.integers(0, 400))
def test_a_plan_that_fits_gives_no_more_away_than_it_must(slots: list[int], free_mib: int):
    wanted = needs(*slots)
    made = plan("cpu", wanted, free=free_mib * MIB)

    assert made.fits == (RESERVE_BYTES["cpu"] + sum(11 + min(n, LEAST_SLOTS) for n in slots) * MIB <= free_mib * MIB)
    assert all(have.least_slots <= have.slots <= want.slots for have, want in zip(made.needs, wanted, strict=True))
    if made.reduced:
        assert made.total + MIB > made.free


def test_weights_count_in_the_numbers_they_are_computed_in(tmp_path: Path):
    folder = folder_of(tmp_path, weight=("F32", [1024, 1024]), half=("BF16", [10]), ids=("I64", [4]), flag=("BOOL", []))

    assert weights_bytes(folder, 2) == 2 * 1024 * 1024 + 20 + 32 + 1
    assert weights_bytes(folder, 4) == 4 * 1024 * 1024 + 40 + 32 + 1


def test_only_the_files_that_are_loaded_count(tmp_path: Path):
    save(tmp_path / "a.safetensors", one=("F32", [10]))
    save(tmp_path / "b.safetensors", two=("F32", [20]))
    save(tmp_path / "consolidated.safetensors", both=("F32", [1000]))
    (tmp_path / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"one": "a.safetensors", "two": "b.safetensors", "gone": "c.safetensors"}})
    )
    assert weights_bytes(tmp_path, 4) == 120

    save(tmp_path / "model.safetensors", one=("F32", [5]))
    assert weights_bytes(tmp_path, 4) == 20


@pytest.mark.parametrize("content", [b"", b"\x00", struct.pack("<Q", 1 << 60), struct.pack("<Q", 4) + b"nope"])
def test_a_file_that_is_no_safetensors_counts_nothing_here_and_fails_at_loading(tmp_path: Path, content: bytes):
    (tmp_path / "model.safetensors").write_bytes(content)

    assert weights_bytes(tmp_path, 4) == 0


def test_keys_and_values_follow_the_config_in_every_familys_words():
    gpt2 = {"n_layer": 2, "n_head": 4, "n_embd": 32}

    assert token_bytes(CONFIG, 2) == TOKEN
    assert token_bytes({**CONFIG, "head_dim": 128}, 2) == 2 * TOKEN
    assert token_bytes({**CONFIG, "num_key_value_heads": None}, 2) == 4 * TOKEN
    assert token_bytes(gpt2, 4) == 2 * 2 * 4 * 8 * 4
    assert token_bytes({}, 4) == 0


def test_a_text_engine_needs_its_slots_and_an_encoder_none(tmp_path: Path):
    folder = folder_of(tmp_path)

    text = need_of(spec(folder), number_bytes=2)
    encoder = need_of(spec(folder, kind="encode"), number_bytes=2)

    assert text.slot == 1024 * TOKEN * 9 // 8 + 1000 * 16
    assert (text.slots, text.least_slots) == (32, LEAST_SLOTS)
    assert need_of(spec(folder, slots=64), number_bytes=2).least_slots == 64
    assert (encoder.memory, encoder.weights) == (0, text.weights)
    assert need_of(spec(folder, max_tokens=9000), number_bytes=2).slot > 3 * text.slot  # 4,096 are its positions


def test_models_that_fit_together_only_with_fewer_slots_get_them(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    folder = folder_of(tmp_path / "model")
    wanted = {"a": ("text", spec(folder)), "b": ("encoder", spec(folder, role="labels", kind="classify"))}
    with caplog.at_level("INFO"):
        fitted = fit(wanted, share=0.5, free=lambda device: 300 * MIB)

    assert LEAST_SLOTS <= fitted["a"].binding.slots < 32
    assert fitted["b"] == wanted["b"][1]
    assert "memory plan for cpu" in caplog.text
    assert "role text gets" in caplog.text


def test_models_that_never_fit_stop_the_start_with_a_table_and_what_to_change(tmp_path: Path):
    folder = folder_of(tmp_path / "model")
    wanted = {"a": ("text", spec(folder)), "b": ("encoder", spec(folder, role="labels", kind="classify"))}

    with pytest.raises(SettingsError) as refused:
        fit(wanted, free=lambda device: 80 * MIB)

    message = refused.value.message
    assert "on cpu" in message
    assert all(word in message for word in ("tiny text", "tiny labels", "__SLOTS", "STOREHAND_MEMORY_SHARE", "32"))


def test_engines_without_a_folder_and_unknown_memory_are_left_alone(tmp_path: Path):
    folder = folder_of(tmp_path / "model")
    wanted = {"a": ("fake", spec(tmp_path / "none")), "b": ("text", spec(folder))}

    assert fit(wanted, free=lambda device: None)["b"].binding.slots == 32
    assert fit({"a": wanted["a"]}, free=lambda device: 0) == {"a": wanted["a"][1]}


def system(root: Path, *, available: int, **files: str) -> Path:
    """A system's own files under a folder."""
    for name, text in {"proc/meminfo": f"MemFree: 1 kB\nMemAvailable: {available} kB\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_containers_limit_counts_less_what_it_uses_and_cached_files_are_free(tmp_path: Path):
    files = {"memory.max": "1000000\n", "memory.current": "400000\n", "memory.stat": "anon 1\ninactive_file 100000\n"}
    root = system(tmp_path, available=5000, **{f"sys/fs/cgroup/{name}": text for name, text in files.items()})

    assert cpu_free_bytes(root) == 700_000


def test_the_tightest_of_the_groups_around_a_process_counts(tmp_path: Path):
    group = "sys/fs/cgroup/shop.slice"
    files = {"proc/self/cgroup": "0::/shop.slice/worker.service\n", f"{group}/memory.max": "3000000\n",
             f"{group}/memory.current": "1000000\n", f"{group}/worker.service/memory.max": "max\n",
             f"{group}/worker.service/memory.current": "5\n"}  # fmt: skip

    assert cpu_free_bytes(system(tmp_path, available=5000, **files)) == 2_000_000


def test_the_old_groups_are_known_and_no_limit_is_none(tmp_path: Path):
    old = "sys/fs/cgroup/memory/memory"
    limited = {f"{old}.limit_in_bytes": "2000000\n", f"{old}.usage_in_bytes": "500000\n"}
    unlimited = {f"{old}.limit_in_bytes": f"{(1 << 63) - 4096}\n", f"{old}.usage_in_bytes": "500000\n"}

    assert cpu_free_bytes(system(tmp_path / "a", available=5000, **limited)) == 1_500_000
    assert cpu_free_bytes(system(tmp_path / "b", available=5000, **unlimited)) == 5000 * 1024
    assert cpu_free_bytes(tmp_path / "no system") is None
