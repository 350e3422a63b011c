"""Words of shoppers and shops that mean the same, in both languages; and words that no text may be fitted to."""

from __future__ import annotations

import re

_GROUPS: tuple[tuple[str, str], ...] = (
    (
        "waterproof|water[- ]?resistant|water[- ]?repellent|rain ?proof|leak ?proof|rainy days?",
        "防水|防雨|防泼水|防漏|防溅",
    ),
    ("light ?weight|light to carry|light luggage|weight", "轻便|轻量|轻巧|轻盈|重量|便携"),
    ("portable|compact|fold(?:able|ing)|travel(?:ling)?|small size", "便携|小巧|可折叠|折叠|旅行|出差"),
    ("wireless|cordless|bluetooth", "无线|无绳|蓝牙"),
    ("fast charging|quick charge|usb-c charging", "快充|闪充"),
    ("long battery(?: life)?|battery(?: life)?|run ?time", "续航|电池|长续航|电量"),
    ("photo(?:s|graphy)?|camera|night mode|pictures", "拍照|摄影|摄像|镜头|夜景"),
    ("music|listening|audio|sound|noise[- ]cancell?(?:ing|ation)", "音乐|听歌|音质|降噪"),
    ("quiet|silent|low noise|noise level", "静音|安静|噪音|低噪"),
    ("washable|easy to clean|machine wash|dishwasher", "可水洗|可机洗|易清洗|好清洁|机洗"),
    ("vegan|cruelty[- ]free|plant[- ]based", "纯素|植物基|无动物"),
    ("recycled|sustainab(?:le|ility)|eco(?:logy|logical)?|environment", "环保|再生|可持续|可替换"),
    ("fragrance[- ]free|unscented|sensitive skin", "不含香精|无香|敏感肌"),
    ("organic|natural", "有机|天然"),
    ("breathable|airy|ventilat\\w*", "透气|网面"),
    ("warm|insulated|thermal|winter|fleece", "保暖|保温|加绒|加厚|冬天|冬季"),
    ("cotton", "纯棉|长绒棉|棉"),
    ("linen", "亚麻"),
    ("wood(?:en)?|oak|beech|walnut|bamboo", "实木|木质|橡木|榉木|竹"),
    ("stainless steel|steel", "不锈钢"),
    ("leather", "真皮|皮革|牛皮"),
    ("black|graphite", "黑色|黑"),
    ("white|oatmeal|cream coloured", "白色|米白|燕麦色"),
    ("blue|navy", "蓝色|蓝"),
    ("green", "绿色|绿"),
    ("red", "红色|酒红"),
    ("grey|gray", "灰色|灰"),
    ("large|roomy|big capacity|capacity|volume", "大容量|容量"),
    ("smart|app control|voice control", "智能|手机控制|语音控制"),
    ("safe(?:ty)?|auto shut-off|child[- ]?proof", "安全|自动断电|防烫"),
    ("gift|gift box|present", "送礼|礼盒|礼物"),
    ("sport|running|workout|fitness|heart rate", "运动|跑步|健身|心率"),
    ("hiking|camping|outdoor|navigation", "徒步|露营|户外|登山"),
    ("commut(?:e|ing)|office|laptop", "通勤|办公|电脑"),
    ("dimmable|reading|eye care", "调光|阅读|护眼"),
    ("non[- ]?slip|grip(?:py)?|anti[- ]?slip", "防滑"),
    ("5g", "5g"),
    ("large screen|display|screen", "屏幕|大屏"),
    ("storage|memory", "存储|内存"),
)
SYNONYMS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(rf"(?<![a-z])(?:{english})(?![a-z])|{chinese}") for english, chinese in _GROUPS
)
"""One pattern per meaning, for folded text."""

PROTECTED = re.compile(
    r"(?<![a-z])(?:wom[ae]n|m[ae]n|male|female|girls?|boys?|gender|lady|ladies|gay|lesbian|trans(?:gender)?|queer|lgbt\w*"
    r"|pregnan\w*|disab\w+|disease|illness|diabet\w*|cancer|hiv|depress\w*|health condition"
    r"|christian|muslim|islam\w*|jew(?:ish)?|hindu\w*|buddhis\w*|religio\w*|church|halal|kosher"
    r"|asian|african|white people|black people|race|racial|ethnic\w*|nationality|immigrants?"
    r"|elderly|seniors?|years? old|age[ds]?|teens?|teenagers?|single mothers?|married|divorced|low income|rich|poor"
    r"|union member|party member|republican|democrat)(?![a-z])"
    "|女性|男性|女士|男士|女生|男生|女孩|男孩|性别|同性恋|孕妇|怀孕|残疾|残障|疾病|糖尿病|癌症|抑郁|艾滋"
    "|基督|穆斯林|伊斯兰|佛教|道教|信仰|宗教|清真|民族|汉族|回族|藏族|种族|国籍|移民"
    "|老年|老人|中年|青少年|岁|年龄|已婚|未婚|离异|单亲|低收入|高收入|党员|政治"
)

_COMMON_ENGLISH = (
    "the|and|for|with|from|that|this|not|all|any|our|your|new|set|pack|box|item|piece|product|design|color|colour|size"
    "|kind|type|model|series|edition|home|day|use|used|made|quality|good|best|small|large|high|low|one|two|three|four"
    "|five|six|plus|pro|max|mini|lite|like|love"
)
_COMMON_CHINESE = (
    "商品|产品|设计|支持|适合|适用|智能|家用|新款|系列|套装|厘米|毫米|毫升|小时|分钟|自动|功能|模式|颜色|尺寸|材质|重量"
    "|容量|时间|喜欢|偏好|好的|质量|不锈|千克"
)
COMMON = frozenset((*_COMMON_ENGLISH.split("|"), *_COMMON_CHINESE.split("|")))
"""Words that two products share without being alike."""
