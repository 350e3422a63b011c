"""Inputs that warm the text model up, document the task and feed the contract kit."""

from __future__ import annotations

from storehand.contracts.description import DescriptionInput, Length
from storehand.contracts.product import Product
from storehand.contracts.user import RecentItem, User

PHONE_EN = (
    "Apple iPhone 12 Pro Max 128GB, 6.7-inch display, 5G, A14 Bionic chip, Ceramic Shield, Night mode, Deep Fusion, "
    "Smart HDR 3, Dolby Vision HDR recording"
)
PHONE_ZH = "智能手机，5.5英寸屏幕，128GB存储，5000mAh电池，双摄像头。"

_KETTLE = {
    "name": "Harbour Electric Kettle",
    "brand": "Quiet Home",
    "category": "Kitchen > Kettles",
    "color": "Matte black",
    "material": "Stainless steel",
    "additionalProperty": {"capacity": "1.7 L", "power": "2200 W", "keepWarm": True},
    "positiveNotes": ["BPA-free", "Auto shut-off"],
}
_BAG = {
    "name": "城市通勤双肩包",
    "brand": "行野",
    "category": "箱包",
    "color": "深灰色",
    "additionalProperty": {"容量": "22升", "重量": "0.9千克", "防水": "是", "适用电脑": "15.6英寸"},
    "positiveNotes": ["可水洗", "隐藏口袋"],
}

EXAMPLES: tuple[DescriptionInput, ...] = (
    DescriptionInput(product=Product.model_validate(PHONE_EN)),
    DescriptionInput(product=Product.model_validate(PHONE_ZH)),
    DescriptionInput(
        product=Product.model_validate(_KETTLE),
        tone="warm",
        fields=("title", "description", "bullets", "seo_title", "meta_description", "alt_text"),
        length=Length(max=260),
        keywords=("electric kettle", "kitchen"),
        must_mention=("capacity",),
        forbidden_words=("cheap",),
        user=User(consent=True, preferences=("black", "safety"), recent_items=(RecentItem(name="BPA-free lunch box"),)),
        seed=7,
    ),
    DescriptionInput(
        product=Product.model_validate(_BAG),
        tone="lively",
        fields=("title", "description", "bullets", "seo_title", "meta_description"),
        format="html",
        keywords=("双肩包",),
        must_mention=("容量",),
        user=User(consent=True, preferences=("防水", "轻便")),
        n_variants=2,
        seed=7,
    ),
)
