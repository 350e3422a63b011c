"""What a shop knows about the shopper a text is for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from storehand.contracts.base import Model, ShortText


class RecentItem(Model):
    """Something the shopper bought or looked at."""

    name: ShortText
    sku: ShortText | None = None


class User(Model):
    """Taste and history of one shopper, without a name or an address.

    Without `consent` nothing of it is used: the answer is the same as if it had not been sent.
    """

    consent: bool = False
    preferences: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    recent_items: Annotated[tuple[RecentItem, ...], Field(max_length=100)] = ()
