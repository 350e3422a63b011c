"""Chinese wording: frames without any fact of a product, numeral or absolute term in them."""

from __future__ import annotations

SCENES: dict[str, tuple[str, ...]] = {
    "generic": ("日常使用", "居家与出行", "平日里的每个需要", "忙碌或悠闲的日子"),
    "phone": ("通勤路上与日常联络", "出行拍照与日常沟通", "忙碌的工作日", "随时随地的联络"),
    "computer": ("办公、学习与娱乐", "居家办公", "案头的各类工作", "长时间的工作与创作"),
    "audio": ("通勤路上听音乐", "居家听歌追剧", "独处的音乐时光", "播客、音乐与影片"),
    "wearable": ("运动与日常佩戴", "从早到晚的陪伴", "跑步、散步与会议", "日常穿搭"),
    "camera": ("旅途与家庭时刻", "周末外拍", "创作与记录", "街头与风景拍摄"),
    "screen": ("客厅观影", "周末追剧", "家庭影音时光", "沙发上的夜晚"),
    "accessory": ("桌面、背包与床头", "出行与日常使用", "居家、办公与车内", "设备的日常搭配"),
    "kitchen": ("厨房里的忙碌早晨", "家庭三餐", "日常下厨", "周末的早午餐"),
    "cookware": ("家常烹饪", "工作日的晚餐", "厨房的日常", "亲友相聚的餐桌"),
    "drinkware": ("清晨与午后的小憩", "书桌、沙发与野餐", "每天的饮水时刻", "居家与办公的休息时间"),
    "cleaning": ("每周的大扫除", "热闹的家", "日常的快速清洁", "整洁的居家环境"),
    "climate": ("卧室与客厅", "舒适的室内环境", "夜晚与午休", "居家与办公"),
    "furniture": ("居家、办公与学习", "各种风格的房间", "安心的家", "阅读角与工作角"),
    "bedding": ("悠闲的清晨与早睡的夜晚", "卧室", "柔软的居家生活", "休息与放松"),
    "lighting": ("阅读角与书桌", "居家的夜晚", "温馨的房间", "夜间工作与休息"),
    "clothing": ("上班与周末", "日常穿搭", "叠穿与单穿", "城市与郊外"),
    "shoes": ("散步、购物与周末出行", "久走的日子", "城市街道与公园小径", "日常穿搭"),
    "bag": ("上班、上学与短途旅行", "通勤与周末出行", "随身物品的收纳", "机场、办公室与街头"),
    "jewellery": ("约会与平日", "送礼与庆祝", "穿搭的点睛之笔", "心爱的装扮"),
    "beauty": ("早晚护理", "属于自己的片刻", "梳妆台与旅行包", "日常护理"),
    "food": ("家中的食品柜", "餐桌上的分享", "休息时的小点心", "居家下厨"),
    "drink": ("安静的休息时光", "清晨与午后", "待客与闲聊", "悠闲的周末"),
    "baby": ("宝宝与父母", "居家与外出的亲子时光", "婴儿房", "忙碌的爸爸妈妈"),
    "toy": ("居家玩耍", "好奇的小手", "生日与雨天", "亲子游戏"),
    "pet": ("宠物与主人", "有毛孩子的家", "散步、用餐与小憩", "宠物的日常"),
    "sports": ("居家与健身房的训练", "规律的锻炼", "活力周末", "热身与完整训练"),
    "outdoor": ("周末户外", "营地、山径与湖边", "与朋友的旅途", "星空下的夜晚"),
    "office": ("办公、上学与会议", "记录、计划与灵感", "工作日的书桌", "学习时间"),
    "tools": ("维修与居家改造", "工作间与花园", "周末的手工活", "手工与园艺爱好者"),
    "car": ("日常驾驶与长途出行", "自驾旅行", "司机与乘客", "路上的时光"),
    "book": ("安静的阅读夜晚", "床头", "各类读者", "旅途与假期"),
    "instrument": ("练习与演奏", "琴房与舞台", "居家演奏", "与朋友弹唱"),
}

OPENERS: dict[str, tuple[str, ...]] = {
    "neutral": (
        "{by}<name>适合{scene}。",
        "{by}<name>，为{scene}而设计。",
        "这款{by}<name>面向{scene}。",
        "{scene}，可以选择{by}<name>。",
        "这款{by}<name>适用于{scene}。",
    ),
    "warm": (
        "认识一下{by}<name>，贴心陪伴{scene}。",
        "{by}<name>，让{scene}多一点温暖。",
        "把{by}<name>带回家，{scene}也会多一分惬意。",
        "这款{by}<name>，愿为{scene}添一份贴心。",
    ),
    "lively": (
        "{by}<name>来啦！{scene}就靠它！",
        "{scene}？带上{by}<name>吧！",
        "快来看看{by}<name>，{scene}玩起来！",
        "嗨，{by}<name>登场！{scene}准备好了吗？",
    ),
    "professional": (
        "{by}<name>专为{scene}打造。",
        "面向{scene}，{by}<name>提供扎实的配置。",
        "{by}<name>围绕{scene}的需要而设计。",
        "选择{by}<name>，从容应对{scene}。",
    ),
    "minimal": ("{by}<name>。", "{by}<name>，用于{scene}。", "简洁的{by}<name>。", "这款{by}<name>，适合{scene}。"),
}

LEADS: dict[str, tuple[str, ...]] = {
    "neutral": (
        "{list}——{by}<name>适合{scene}。",
        "{list}——这款{by}<name>面向{scene}。",
        "{list}——{by}<name>，为{scene}而设计。",
    ),
    "warm": ("{list}——{by}<name>贴心陪伴{scene}。", "{list}——{by}<name>，让{scene}多一点温暖。"),
    "lively": ("{list}——{by}<name>来啦，{scene}就靠它！", "{list}——{scene}，带上{by}<name>吧！"),
    "professional": ("{list}——{by}<name>专为{scene}打造。", "{list}——{by}<name>围绕{scene}的需要而设计。"),
    "minimal": ("{by}<name>：{list}。", "{list}——{by}<name>。"),
}
"""Openers that begin with what a shopper looks for."""

CLOSERS: dict[str, tuple[str, ...]] = {
    "neutral": ("它很适合{scene}。", "它是{scene}的实用之选。", "用于{scene}，刚刚好。"),
    "warm": (
        "愿它为{scene}带来好心情。",
        "送人或自用，都很贴心。",
        "享受{scene}里的每个瞬间。",
        "给{scene}添一点小确幸。",
    ),
    "lively": ("带上它，享受{scene}吧！", "心动就行动吧！", "还等什么？", "快乐就此开始！"),
    "professional": (
        "它为{scene}提供可靠支持。",
        "参数清晰，方便选购。",
        "信息齐全，便于比较与决策。",
        "它是{scene}的稳妥之选。",
    ),
    "minimal": ("仅此而已。", "用于{scene}。"),
}

FEATURES: dict[str, tuple[str, ...]] = {
    "neutral": ("主要特点包括{list}。", "亮点有{list}。", "它配有{list}。"),
    "warm": ("它为你准备了{list}。", "你会喜欢它的{list}。", "贴心之处在于{list}。"),
    "lively": ("亮点看这里：{list}！", "{list}，通通都有！", "快看它的{list}！"),
    "professional": ("核心特点：{list}。", "配置涵盖{list}。", "产品具备{list}。"),
    "minimal": ("特点：{list}。", "{list}。", "含{list}。"),
}
MORE_FEATURES = ("此外还有{list}。", "还包括{list}。", "其他特点：{list}。", "另有{list}。")

QUALITIES = ("它{list}。", "使用特点：{list}。", "值得留意的是：{list}。", "同时{list}。")
MATERIALS = ("材质为{value}。", "它的材质是{value}。", "材质：{value}。")
COLORS = ("颜色为{value}。", "配色是{value}。", "颜色：{value}。")
SIZES = ("尺寸为{value}。", "尺寸：{value}。")
CLAUSES = ("{key}为{value}", "{key}是{value}")
AMOUNT_CLAUSES = ("{key}为{value}", "{key}标称{value}")
LISTED = ("{pairs}。", "参数如下：{pairs}。", "详细信息：{pairs}。", "具体来看，{pairs}。")
NOTES = ("请留意，{pairs}。", "补充说明，{pairs}。")
PHRASES = ("值得留意：{value}。", "另外，{value}。")
TITLES = ("<name>，{list}", "<name> {spaces}", "<name>｜{bars}", "<name>：{list}")
THING_TITLES = ("<name>，配{list}",)
BRAND_TITLES = ("<brand>", "")
