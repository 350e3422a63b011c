"""Traditional and simplified characters, one to one, so that offsets stay: what customers write, and what they read."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TRADITIONAL = (
    "貨货換换訂订單单發发運运費费錢钱買买賣卖價价優优惠惠券券開开關关問问題题時时間间國国際际們们嗎吗這这個个麼么"
    "話话電电郵邮遞递寄寄達达還还沒没來来該该請请謝谢對对為为與与帳账號号碼码戶户證证據据實实體体門门東东西西"
    "帶带裝装壞坏損损質质量量檢检測测驗验評评論论會会員员積积點点禮礼購购物物車车刪删除除銷销註注冊册登登錄录"
    "經经過过後后從从產产廠厂認认識识態态度度務务員员處处理理賠赔償偿聯联繫系係系絡络訊讯網网顏颜色色尺尺寸寸"
    "幾几條条張张雙双鞋鞋褲裤襪袜裙裙櫃柜檯台燈灯機机腦脑鍵键盤盘螢萤幕幕蘋苹顯显示示讓让給给動动轉转離离職职"
    "總总約约級级線线編编輯辑結结續续統统練练細细織织紅红綠绿藍蓝黃黄銀银鐵铁鋼钢銅铜塊块場场壓压應应當当滿满"
    "減减變变樣样種种類类規规則则視视見见覺觉親亲說说訴诉詐诈騙骗詢询誤误調调誰谁講讲護护讀读課课談谈貴贵貼贴"
    "賀贺賺赚贈赠趕赶較较載载輕轻輛辆農农遲迟遠远適适選选邊边鄉乡醫医釋释鎖锁錯错關关陸陆階阶隨随雖虽難难頁页"
    "項项順顺須须預预頭头額额飛飞館馆馬马驚惊髒脏麵面齊齐龍龙啟启嚴严壽寿夠够學学審审將将專专導导尋寻屬属層层"
    "歲岁歷历歸归殘残氣气決决況况洩泄淚泪溫温濕湿災灾爐炉爛烂牆墙獲获現现環环異异療疗盡尽監监確确碎碎禮礼稅税"
    "窩窝筆笔簡简簽签籃篮糾纠紙纸納纳絕绝絲丝緊紧緩缓縮缩羅罗義义習习聞闻聲声聽听脫脱臉脸臨临舊旧藥药蟲虫補补"
    "複复覽览觸触計计記记設设許许試试詳详誠诚諒谅謊谎譯译議议負负財财責责敗败貿贸賬账賴赖贏赢趨趋跡迹踐践"
)
_TABLE = str.maketrans(_TRADITIONAL[::2], _TRADITIONAL[1::2])


def simplified(text: str) -> str:
    """The same number of characters."""
    return text.translate(_TABLE)


_MORE = (
    "乐樂储儲伤傷图圖资資输輸铺鋪长長龄齡节節库庫帮幫无無状狀档檔备備执執叠疊里裡内內暂暫热熱于於写寫顾顧"
    "语語宽寬区區断斷遥遙径徑肤膚数數账帳面面"
)
_WORDS = {"联系": "聯絡", "回复": "回覆", "系统": "系統"}
"""Where one character alone would go wrong in the assistant's own sentences."""

_REPLY_TABLE = {
    **dict(zip(map(ord, _TRADITIONAL[1::2]), _TRADITIONAL[::2], strict=True)),
    **dict(zip(map(ord, _MORE[::2]), _MORE[1::2], strict=True)),
}
_WORD = re.compile("|".join(_WORDS))


def is_traditional(text: str) -> bool:
    """Whether more characters of the text are written so in traditional Chinese only than in simplified only."""
    one = sum(simple != char for char, simple in zip(text, simplified(text), strict=True))
    other = sum(ord(char) in _REPLY_TABLE and _REPLY_TABLE[ord(char)] != char for char in text)
    return one > other


def traditional(text: str, *, keep: Iterable[str] = ()) -> str:
    """The assistant's own words in traditional characters; what is to `keep` stays as the shop wrote it."""
    kept = sorted({each for each in keep if each}, key=len, reverse=True)
    if not kept:
        return _converted(text)
    border = re.compile(f"({'|'.join(map(re.escape, kept))})")
    return "".join(piece if place % 2 else _converted(piece) for place, piece in enumerate(border.split(text)))


def _converted(text: str) -> str:
    found: list[str] = []
    end = 0
    for match in _WORD.finditer(text):
        found += (text[end : match.start()].translate(_REPLY_TABLE), _WORDS[match[0]])
        end = match.end()
    return "".join((*found, text[end:].translate(_REPLY_TABLE)))
