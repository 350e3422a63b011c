"""The audit finds what it is for, and finds nothing here."""

from __future__ import annotations

import ast

import pytest

from tests.project import audit


def test_every_dependency_is_pinned_and_installed_as_pinned_under_a_known_licence() -> None:
    assert audit.main() == 0


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from dill import loads",
        "eval(x)",
        "os.system(x)",
        "yaml.load(x)",
        "run(x, shell=True)",
        "run(x, shell=flag)",
        "Model.from_pretrained(x, trust_remote_code=True)",
        "numpy.load(x, allow_pickle=True)",
        "torch.load(x)",
        "get(x, verify=False)",
    ],
)
def test_a_call_that_turns_data_into_code_is_found(code: str) -> None:
    assert any(audit.danger(node) for node in ast.walk(ast.parse(code)))


@pytest.mark.parametrize("code", ["import json", "re.compile(x)", "model.eval()", "load(x, trust_remote_code=False)"])
def test_harmless_calls_are_not(code: str) -> None:
    assert not any(audit.danger(node) for node in ast.walk(ast.parse(code)))
