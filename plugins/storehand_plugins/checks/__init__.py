"""Checks of text against its input: facts stated, claims unsupported or contradicted, personal data, injections."""

from storehand_plugins.checks.claims import Claim, unsupported_claims
from storehand_plugins.checks.conflicts import Conflict, conflicts
from storehand_plugins.checks.contradictions import Contradiction, find_contradictions
from storehand_plugins.checks.coverage import Wanted, find_facts
from storehand_plugins.checks.findings import Finding, findings
from storehand_plugins.checks.folding import Folded, fold
from storehand_plugins.checks.forbidden import find_words
from storehand_plugins.checks.hidden import Visible, is_mojibake, visible
from storehand_plugins.checks.injection import find_injection
from storehand_plugins.checks.numbers import Number, find_numbers, unsupported_numbers
from storehand_plugins.checks.personal import Personal, PersonalKind, find_personal, mask_personal
from storehand_plugins.checks.sentences import split_sentences
from storehand_plugins.checks.spans import Span
from storehand_plugins.checks.statements import sources_of

__all__ = [
    "Claim",
    "Conflict",
    "Contradiction",
    "Finding",
    "Folded",
    "Number",
    "Personal",
    "PersonalKind",
    "Span",
    "Visible",
    "Wanted",
    "conflicts",
    "find_contradictions",
    "find_facts",
    "find_injection",
    "find_numbers",
    "find_personal",
    "find_words",
    "findings",
    "fold",
    "is_mojibake",
    "mask_personal",
    "sources_of",
    "split_sentences",
    "unsupported_claims",
    "unsupported_numbers",
    "visible",
]
