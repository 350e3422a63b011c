"""Units as shops write them, each with one canonical name."""

from __future__ import annotations

_SPELLINGS = {
    "in": 'inch inches in " 英寸 寸',
    "cm": "cm centimeter centimeters centimetre centimetres 厘米 公分",
    "mm": "mm millimeter millimeters millimetre millimetres 毫米",
    "m": "m meter meters metre metres 米",
    "km": "km kilometer kilometers kilometre kilometres 公里 千米",
    "ft": "ft foot feet 英尺",
    "kg": "kg kilo kilos kilogram kilograms 公斤 千克",
    "g": "g gram grams 克",
    "mg": "mg milligram milligrams 毫克",
    "lb": "lb lbs pound pounds 磅",
    "oz": "oz ounce ounces 盎司",
    "jin": "斤",
    "l": "l liter liters litre litres 升",
    "ml": "ml milliliter milliliters millilitre millilitres 毫升",
    "h": "h hr hrs hour hours 小时 个小时",
    "min": "min mins minute minutes 分钟",
    "s": "s sec secs second seconds 秒 秒钟",
    "day": "day days 天 日",
    "week": "week weeks 周 星期",
    "month": "month months 月 个月",
    "year": "year years yr yrs 年",
    "w": "w watt watts 瓦",
    "kw": "kw kilowatt kilowatts 千瓦",
    "v": "v volt volts 伏",
    "hz": "hz 赫兹",
    "mah": "mah 毫安 毫安时",
    "wh": "wh 瓦时",
    "gb": "gb gigabyte gigabytes",
    "tb": "tb terabyte terabytes",
    "mb": "mb megabyte megabytes",
    "mp": "mp megapixel megapixels",
    "wanpixel": "万像素",
    "db": "db decibel decibels 分贝",
    "c": "°c ℃ c 摄氏度",
    "f": "°f ℉",
    "%": "% percent 百分点",
    "x": "x times 倍",
    "piece": "piece pieces pc pcs pack packs 件 个 只 片 条 包 袋 支 枚 颗 块 套",
    "layer": "layer layers 层",
    "gear": "speed speeds 档 挡",
    "sheet": "sheet sheets 张 抽",
    "cup": "cup cups 杯",
    "person": "person people 人",
    "core": "core cores 核",
    "mm2": "mm2",
    "m2": "m2 平方米 平米 ㎡",
    "usd": "usd dollar dollars 美元",
    "cny": "cny rmb yuan 元 块钱",
}

UNITS: dict[str, str] = {spelling: unit for unit, words in _SPELLINGS.items() for spelling in words.split()}
"""Spelling, folded, to canonical unit."""

HAN_UNITS: tuple[str, ...] = tuple(
    sorted((spelling for spelling in UNITS if "\u4e00" <= spelling[0] <= "\u9fff"), key=len, reverse=True)
)
