"""Checks of generated text against its input: which facts it states, which claims nothing supports."""

from storehand_plugins.checks.claims import Claim, unsupported_claims
from storehand_plugins.checks.coverage import Wanted, find_facts
from storehand_plugins.checks.folding import Folded, fold
from storehand_plugins.checks.numbers import Number, find_numbers, unsupported_numbers
from storehand_plugins.checks.sentences import split_sentences

__all__ = [
    "Claim",
    "Folded",
    "Number",
    "Wanted",
    "find_facts",
    "find_numbers",
    "fold",
    "split_sentences",
    "unsupported_claims",
    "unsupported_numbers",
]
