"""Product groups: which scenes may be told of a product, found by the words of its category and name."""

from __future__ import annotations

import re

GENERIC = "generic"

KEYWORDS: dict[str, str] = {
    "phone": "phone|smartphone|iphone|handset|手机",
    "computer": "laptop|notebook computer|desktop|computer|monitor|keyboard|mouse|tablet|ipad|macbook"
    "|ssd|router|printer|电脑|笔记本电脑|显示器|键盘|鼠标|平板|硬盘|路由器|打印机|主机",
    "audio": "headphone|headphones|earphone|earbud|earbuds|headset|speaker|soundbar|microphone"
    "|耳机|音箱|音响|麦克风|回音壁",
    "wearable": "watch|smartwatch|fitness band|wristband|手表|手环|腕表",
    "camera": "camera|lens|drone|camcorder|tripod|相机|镜头|无人机|摄像机|三脚架|摄影",
    "screen": "tv|television|projector|电视|投影仪|投影",
    "accessory": "case|charger|cable|power bank|adapter|screen protector|phone stand"
    "|手机壳|充电器|数据线|充电宝|移动电源|支架|保护膜",
    "kitchen": "kettle|blender"
    "|toaster|coffee machine|espresso machine|coffee maker|air fryer|oven|microwave|rice cooker"
    "|mixer|juicer|电水壶|烧水壶|热水壶|料理机|破壁机|咖啡机|空气炸锅|烤箱|微波炉|电饭煲|榨汁机|厨房",
    "cookware": "pan|skillet|pot|wok|knife|cutting board|cookware|bakeware|plate|bowl|dinnerware|cutlery"
    "|锅|刀具|菜刀|砧板|菜板|餐具|盘|碗|筷子",
    "drinkware": "mug|cup|bottle|tumbler|thermos|flask|glass|glasses set|teapot|杯|水壶|保温壶|茶壶|茶具",
    "cleaning": "vacuum|vacuum cleaner|robot vacuum|mop|broom|washing machine|dishwasher|detergent|iron"
    "|吸尘器|扫地机|拖把|洗衣机|洗碗机|洗衣液|熨斗|清洁",
    "climate": "fan|air purifier|humidifier|heater|air conditioner|dehumidifier|风扇|净化器|加湿器|取暖器|空调|除湿机",
    "furniture": "chair|desk|table|sofa|bookcase|bookshelf|shelf|cabinet|wardrobe|bed frame|stool"
    "|椅|桌|沙发|书架|置物架|衣柜|床架|凳|柜",
    "bedding": "duvet|pillow|blanket|bed sheet|sheet set|mattress|towel|curtain|quilt|cushion|rug"
    "|被子|枕头|枕|毛毯|床单|四件套|床垫|毛巾|窗帘|抱枕|地毯",
    "lighting": "lamp|light|lantern|bulb|desk lamp|台灯|吊灯|灯",
    "clothing": "shirt|t-shirt|tee|jacket|coat|dress|jeans|trousers|pants|sweater|hoodie|skirt|socks|scarf|hat|blouse"
    "|cardigan|shorts|gloves|raincoat|anorak|parka|衬衫|上衣|外套|大衣|连衣裙|裙|牛仔裤|裤|毛衣|卫衣|袜|围巾|帽|羽绒服|手套|t恤|夹克|冲锋衣|雨衣|风衣|睡衣|内衣",
    "shoes": "shoe|shoes|sneaker|sneakers|boots|boot|sandals|slippers|loafers|鞋|靴|拖鞋|凉鞋",
    "bag": "bag|backpack|handbag|tote|suitcase|luggage|wallet|briefcase|背包|双肩包|手提包|包|行李箱|拉杆箱|钱包",
    "jewellery": "necklace|earrings|ring|bracelet|pendant|项链|耳环|戒指|手链|吊坠",
    "beauty": "lipstick|serum|moisturiser|moisturizer|cream|shampoo"
    "|perfume|mascara|sunscreen|lotion|hair dryer|toothbrush"
    "|soap|口红|精华|面霜|洗发水|香水|睫毛膏|防晒|乳液|吹风机|牙刷|面膜|香皂|护肤",
    "food": "chocolate|biscuits|cookies|nuts|rice|noodles|honey|olive oil|snack|pasta|cereal"
    "|巧克力|饼干|坚果|大米|面条|蜂蜜|橄榄油|零食|意面|麦片|月饼",
    "drink": "tea|coffee|coffee beans|juice|wine|beer|茶叶|绿茶|红茶|乌龙茶|普洱|咖啡豆|咖啡|果汁|葡萄酒|啤酒",
    "baby": "stroller|baby|diaper|diapers|nappies|crib|high chair|car seat|婴儿|推车|纸尿裤|奶瓶|安全座椅|宝宝",
    "toy": "toy|puzzle|building blocks|board game|doll|plush|玩具|拼图|积木|桌游|娃娃|毛绒",
    "pet": "dog|cat|pet|leash|litter|aquarium|宠物|猫|狗|牵引绳|鱼缸",
    "sports": "yoga mat|dumbbell|dumbbells|treadmill|bicycle|bike|racket|football|basketball|skipping rope"
    "|exercise bike|瑜伽垫|哑铃|跑步机|自行车|球拍|足球|篮球|跳绳|健身",
    "outdoor": "tent|sleeping bag|camping stove|hiking|trekking poles|cooler|camping|帐篷|睡袋|露营|登山|户外|保温箱",
    "office": "pen|notebook|planner|stapler|paper|marker|pencil|笔|笔记本|手账|订书机|文具|本子",
    "tools": "drill|screwdriver|toolbox|saw|hammer|wrench|hose|lawn mower|garden|planter"
    "|电钻|螺丝刀|工具箱|锯|锤|扳手|水管|割草机|园艺|花盆",
    "car": "car|tyre|tire|dash cam|seat cover|car mount|汽车|轮胎|行车记录仪|车载|坐垫",
    "book": "book|novel|guide|album|书|小说|图册|绘本",
    "instrument": "guitar|piano|violin|ukulele|drum|吉他|钢琴|小提琴|尤克里里|鼓",
}

GROUPS: tuple[str, ...] = (GENERIC, *KEYWORDS)

_HAN = re.compile(r"[\u4e00-\u9fff]")
_WORDS = {word: group for group, words in KEYWORDS.items() for word in words.split("|")}
_LATIN = re.compile(
    r"(?<![a-z])(?:"
    + "|".join(sorted((w for w in _WORDS if not _HAN.search(w)), key=len, reverse=True))
    + r")s?(?![a-z])"
)
_CHINESE = re.compile("|".join(sorted((w for w in _WORDS if _HAN.search(w)), key=len, reverse=True)))


def group_of(*texts: str) -> str:
    """The group the first telling text names. In a text the last keyword counts: a "phone case" is a case."""
    for text in texts:
        lowered = text.lower()
        found = [*_LATIN.finditer(lowered), *_CHINESE.finditer(lowered)]
        if found:
            word = max(found, key=lambda match: (match.end(), match.end() - match.start())).group()
            return _WORDS.get(word) or _WORDS[word.removesuffix("s")]
    return GENERIC
