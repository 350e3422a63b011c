"""Personalisation tokens of a mailer: what each stands for, so that it lands where it reads naturally."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["name", "link", "unsubscribe", "other"]

_ROLES: tuple[tuple[Role, re.Pattern[str]], ...] = (
    ("unsubscribe", re.compile(r"unsub|opt_?out|退订", re.IGNORECASE)),
    ("link", re.compile(r"url|link|链接|href", re.IGNORECASE)),
    ("name", re.compile(r"name|昵称|姓名|称呼|user|nick|customer|member|会员", re.IGNORECASE)),
)
_TOKEN = re.compile(
    r"\{\{[^{}\n]{1,60}\}\}|\$?\{\$?[A-Za-z_][\w.]{0,40}\}|<%=?[^%>\n]{1,60}%>|\*\|[^|*\n]{1,60}\|\*|%[A-Z][A-Z_]{1,40}%|\[\[\w{1,40}\]\]"
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens asked for, each once, by what they stand for."""

    all: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    unsubscribes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def are_whole(self, text: str) -> bool:
        """Whether each stands in the text exactly once."""
        if not self.all:
            return True
        pattern = "|".join(re.escape(token) for token in sorted(self.all, key=len, reverse=True))
        found = re.findall(pattern, text)
        return all(found.count(token) == 1 for token in self.all)

    @property
    def of_readers(self) -> tuple[str, ...]:
        """Those that stand for a reader's name."""
        return tuple(token for token in self.all if _role(token) == "name")

    def missing(self, text: str) -> tuple[str, ...]:
        return tuple(token for token in self.all if token not in text)


def tokens_of(given: Sequence[str]) -> Tokens:
    """Sorted by role; a token whose name tells nothing is an `other`."""
    unique = tuple(dict.fromkeys(given))
    roles = {token: _role(token) for token in unique}

    def of(role: Role) -> tuple[str, ...]:
        return tuple(token for token in unique if roles[token] == role)

    return Tokens(unique, of("name"), of("link"), of("unsubscribe"), of("other"))


def find_tokens(text: str) -> list[re.Match[str]]:
    """Everything in a text that looks like a mailer's token."""
    return list(_TOKEN.finditer(text))


def _role(token: str) -> Role:
    for role, pattern in _ROLES:
        if pattern.search(token):
            return role
    return "other"
