"""Inputs that warm the text model up, document the task and feed the contract kit."""

from __future__ import annotations

from typing import Any

from storehand.contracts.copy import CopyInput

KETTLE: dict[str, Any] = {
    "name": "Harbour Kettle",
    "sku": "HK-17",
    "brand": "Quiet Home",
    "category": "Kitchen > Kettles",
    "color": "Matte black",
    "material": "Stainless steel",
    "additionalProperty": {"capacity": "1.7 L", "power": "2200 W", "keepWarmMode": True},
    "positiveNotes": ["BPA-free", "Auto shut-off"],
    "offers": {"price": "49.90", "priceCurrency": "USD"},
}
BAG: dict[str, Any] = {
    "name": "城市通勤双肩包",
    "sku": "CT-22",
    "brand": "行野",
    "category": "箱包 > 双肩包",
    "color": "深灰色",
    "additionalProperty": {"容量": "22升", "重量": "0.9千克", "适用电脑": "15.6英寸"},
    "positiveNotes": ["可水洗", "隐藏口袋"],
    "offers": {"price": "199", "priceCurrency": "CNY"},
}
MUG: dict[str, Any] = {
    "name": "Morning Mug",
    "brand": "Quiet Home",
    "category": "Kitchen > Mugs",
    "material": "Stoneware",
    "additionalProperty": {"capacity": "350 ml"},
    "positiveNotes": ["Dishwasher safe"],
    "offers": {"price": "14.50", "priceCurrency": "USD"},
}
SALE: dict[str, Any] = {
    "name": "Winter Table",
    "goal": "sale",
    "offer": {
        "type": "percent_off",
        "value": "20",
        "code": "TEA20",
        "startsAt": "2026-12-01T00:00:00-05:00",
        "endsAt": "2026-12-12T23:59:00-05:00",
    },
}
SALE_ZH: dict[str, Any] = {
    "name": "双12返场",
    "goal": "sale",
    "offer": {
        "type": "amount_off",
        "value": "30",
        "currency": "CNY",
        "minSpend": "199",
        "code": "XY30",
        "endsAt": "2026-12-12T23:59:00+08:00",
    },
}

EXAMPLES: tuple[CopyInput, ...] = tuple(
    CopyInput.model_validate(each)
    for each in (
        {"products": [KETTLE], "campaign": SALE, "channel": "sms", "market": ["US"], "nVariants": 1},
        {
            "products": [KETTLE],
            "campaign": SALE,
            "channel": "email",
            "tokens": ["{{first_name}}", "{{unsubscribe_url}}"],
        },
        {
            "products": [BAG],
            "campaign": SALE_ZH,
            "channel": "xiaohongshu",
            "tone": "lively",
            "keywords": ["通勤双肩包"],
        },
        {
            "products": [BAG],
            "campaign": {"name": "新品上市", "goal": "launch"},
            "channel": "wechat",
            "nVariants": 1,
            "user": {"consent": True, "preferences": ["深灰色"]},
        },
        {"products": [KETTLE, MUG], "campaign": SALE, "channel": "ad_search", "market": ["US"]},
    )
)
