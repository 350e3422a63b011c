"""Chinese wording around the angles: greetings, closings, calls to action, and the frames of lists and scripts."""

from __future__ import annotations

YOU = {"neutral": "你", "warm": "你", "lively": "你", "professional": "您", "minimal": "你"}
GREETINGS: dict[str, tuple[str, ...]] = {
    "neutral": ("{token}，你好：", "{token}，"),
    "warm": ("亲爱的{token}：", "{token}，你好呀："),
    "lively": ("嗨，{token}！", "{token}，快来看！"),
    "professional": ("尊敬的{token}：", "{token}，您好："),
    "minimal": ("{token}：", "{token}，"),
}
GREETINGS_SHORT = ("{token}，", "{token}")
HELLOS: dict[str, tuple[str, ...]] = {
    "neutral": ("你好：",),
    "warm": ("你好呀：", "见信好："),
    "lively": ("嗨！",),
    "professional": ("您好：",),
    "minimal": (),
}
CLOSINGS: dict[str, tuple[str, ...]] = {
    "neutral": ("想了解更多，欢迎来店里看看。", "合不合适，看过就知道。", "有疑问，随时问我们。"),
    "warm": (
        "慢慢看，不着急，我们都在。",
        "愿它给{you}带来一点好心情。",
        "有想问的，随时来找我们聊。",
        "谢谢{you}读到这里，祝一切顺心。",
        "有空来店里坐坐，逛逛也好。",
    ),
    "lively": ("心动的话，就来看看吧！", "快把它加进清单！", "还等什么，逛起来！", "一起开开心心挑好物！"),
    "professional": (
        "如需了解详情，欢迎随时咨询。",
        "我们很乐意为您解答选购中的问题。",
        "期待为您服务。",
        "感谢您的关注与信任。",
    ),
    "minimal": ("详情见店铺。", "欢迎选购。"),
}
CTAS: dict[str, tuple[str, ...]] = {
    "sale": ("去看看优惠", "进店选购", "查看活动", "领取优惠", "逛逛活动"),
    "launch": ("看看新品", "抢先了解", "认识新品", "查看详情", "逛逛新品"),
    "restock": ("去选购", "查看库存", "带它回家", "查看详情", "再看看它"),
    "winback": ("回来看看", "进店逛逛", "看看新变化", "重新认识", "去店里"),
    "event": ("参加活动", "查看活动", "一起来逛", "了解规则", "进入会场"),
    "loyalty": ("查看心意", "进店看看", "去领取", "了解详情", "看看礼遇"),
    "awareness": ("了解更多", "认识一下", "查看详情", "走近看看", "继续了解"),
}
CTA_SPOKEN: dict[str, tuple[str, ...]] = {
    "sale": ("喜欢的朋友，点下方购物车，按自己的需要选。", "看中的朋友，购物车里都有，规则看清楚再下单。"),
    "launch": ("想要的朋友，点购物车看看新品。", "新品链接在购物车里，慢慢看。"),
    "other": (
        "感兴趣的朋友，点下方购物车看详情。",
        "链接在购物车，理性下单，按需选择。",
        "有问题打在公屏上，我来回答。",
    ),
}
CTA_LAST = ("看看", "去看看")
LAST: dict[str, tuple[str, ...]] = {
    "subject": ("看看这个", "你好"),
    "preheader": ("点开看看。", "你好"),
    "headline": ("看看这个", "你好"),
    "body": ("欢迎来看看。", "来看看。", "你好"),
    "cta": CTA_LAST,
    "hashtags": (),
}
ABSTRACTS = (
    "{name}：{points}。",
    "{points}，关于{name}的几件事。",
    "{scene}，不妨看看{name}。",
    "{name}，为{scene}准备：{points}。",
    "用几分钟，认识{name}。",
)
NOTE_CLOSINGS = (
    "喜欢的话先收藏📌",
    "有问题评论区见💬",
    "按需选择，理性种草🌱",
    "你会怎么选？聊聊👇",
)
PREHEADERS = (
    "{points}，都在这里。",
    "{name}：{point}。点开看看。",
    "{scene}，点开看看。",
    "关于{name}，说给{you}听。",
    "详情在信里。",
)
KEYWORD = ("在找{keyword}？看这里。", "想了解{keyword}，也可以看看它。", "挑{keyword}的朋友，不妨比一比。")
TREND = ("最近的话题：{trend}。", "店里最近留意到：{trend}。", "顺便聊聊：{trend}。", "说个新鲜事：{trend}。")
TERMS = "活动细则：{terms}"
LINK = "点此查看：{token}"
UNSUBSCRIBE = "不想再收到邮件？退订：{token}"
STOP_SMS = ("拒收请回复R", "回复R拒收", "拒收回复R")
STOP_SHORT = ("拒收回R",)
SENDER = "【{sender}】"
EXTRA = "{token}"
LIST_INTRO = ("这次想介绍的有：", "清单如下：", "一起看看：")
LIST_ROW = ("{name}：{points}（{price}）", "{name}：{points}", "{name}（{price}）", "{name}")
BULLETS = ("✅", "🔸", "🌟", "👉", "☑️")
PRICE = ("售价{price}", "价格：{price}", "{price}带回家")
SAY_THING = (
    "先说{point}。",
    "再看{point}，大家可以留意一下。",
    "还有{point}。",
    "这里记一下，{point}。",
    "另外，{point}。",
)
SAY_QUALITY = SAY_THING
SAY_OTHER = SAY_THING
SAY_FIRST = ("先来看{name}。", "第一件，{name}。", "我手里这件，{name}。", "来认识一下{name}。", "今天先讲{name}。")
SAY_NEXT = ("接下来看{name}。", "再来看{name}。", "下面这件，{name}。", "然后是{name}。")
SAY_PRICE = ("价格是{price}。", "售价{price}。")
SAY_OFFER = ("优惠规则我念一遍：", "活动大家听好：", "说一下这场的优惠：", "规则不复杂：", "优惠是这样的：")
SAY_TERMS = "细则也说清楚：{terms}"
TAG_WORDS: dict[str, tuple[str, ...]] = {
    "sale": ("好物分享", "购物清单"),
    "launch": ("新品", "好物分享"),
    "restock": ("补货", "好物分享"),
    "winback": ("好物分享", "生活记录"),
    "event": ("活动", "好物分享"),
    "loyalty": ("好物分享", "生活记录"),
    "awareness": ("好物分享", "生活记录"),
}
SIGN = ("{sender}敬上", "{sender}团队", "{sender}")
SIGN_NOBODY = ("店铺团队", "店铺团队敬上")
AND = "、"
SCENE_LINES = ("它适合{scene}。", "{scene}，用它正合适。")
SECTIONS: dict[str, tuple[str, ...]] = {
    "has": ("它有什么", "产品细节", "一起看看", "几个要点", "凑近了看"),
    "fits": ("适合哪些时刻", "用在哪里", "日常场景", "什么时候用", "生活里的它"),
    "offer": ("优惠信息", "这次的优惠", "活动怎么参加", "优惠说明", "下单之前"),
}
ADVICE = (
    "还没想好？先写下自己的需要，再对照上面的内容看一遍。",
    "下单之前，把上面的细节再看一遍，合适了再买，省得来回退换。",
    "想听听建议？告诉我们打算怎么用，合不合适，我们照实说。",
    "小提示：结合自家的空间和习惯，把参数再看一遍。",
    "替别人挑选？先问问对方缺什么，答案往往就清楚了。",
)
PLACES = ("适合{one}，也适合{other}。", "{one}、{other}，都有它的位置。", "无论是{one}，还是{other}，都很合适。")
SAY_CHAT = (
    "有想问的，打在公屏上，我一条一条看。",
    "还想看哪里？告诉我，我拿近一点。",
    "没听清的朋友，我再说一遍也没关系。",
)
STICKERS = ("✨", "👀", "📝", "🛍️", "💡", "🌿")
