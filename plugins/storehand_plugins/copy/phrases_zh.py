"""Chinese wording by angle: frames without a fact, a number or an absolute term of their own.

`{name}` names the product, `{scene}` a place in life, `{point}` a highlight and `{points}` several, `{deal}` the offer
in short, `{campaign}` its name, `{taste}` a preference, `{trend}` a note of the shop, `{you}` 你 or 您. A wording whose
words are not there is passed over. The last headlines of an angle are short enough for any place.
"""

from __future__ import annotations

HEADLINES: dict[str, tuple[str, ...]] = {
    "offer": ("{campaign}：{name}{deal}", "{name}，{deal}", "{deal}｜{name}", "{name}有优惠", "{deal}"),
    "benefit": ("{name}：{point}", "{point}，就看{name}", "{name}，好用有理由", "{point}", "好用之选"),
    "scene": ("{scene}，有{name}", "为{scene}准备的{name}", "{name}，陪{you}每一天", "{scene}", "日常好物"),
    "question": ("说到{scene}，还缺点什么？", "在找{name}？来看看", "{name}，适合{you}吗？", "在找好物？"),
    "launch": ("新品｜{name}", "{name}，新品登场", "{name}上新了", "新品上架"),
    "restock": ("{name}，补货到店", "{name}回来了", "补货啦"),
    "winback": ("好久不见，{name}在等{you}", "好久不见，回来看看", "好久不见"),
    "event": ("{campaign}｜{name}", "{campaign}，一起来", "活动开场"),
    "loyalty": ("谢谢{you}一直都在｜{name}", "一份谢意：{name}", "谢谢{you}"),
    "awareness": ("认识一下{name}", "你好，{name}"),
    "sale": ("{campaign}｜{name}", "{name}，活动进行时", "活动来了"),
    "gift": ("送礼想好了吗？{name}", "把{name}当作礼物", "{name}，送人也自用", "一份心意"),
    "craft": ("{name}，细看{point}", "看得见的用心：{name}", "{name}的细节", "细节用心"),
    "value": ("{name}，有什么？{point}", "一次看懂{name}", "{name}配置一览", "一目了然"),
    "mood": ("给平常的日子，加一点{name}", "今天也要好好生活｜{name}", "好好生活，从{name}开始", "好好生活"),
    "taste": ("偏爱{taste}的{you}，看看{name}", "为{you}的偏爱：{name}", "给{you}的挑选"),
    "trend": ("{trend}｜{name}", "最近在聊的话题：{name}", "话题好物"),
    "simple": ("{name}，在这里", "{name}", "看看这个"),
}
LINES: dict[str, tuple[str, ...]] = {
    "offer": ("想入手{name}？时机正好。", "{name}参加活动了。", "{name}，这次有优惠。", "有优惠。"),
    "benefit": ("{name}：{points}。", "说说{name}：{points}。", "{name}，{point}。"),
    "scene": ("{scene}，用{name}刚刚好。", "{scene}，有{name}。", "{name}，日常就用它。"),
    "question": ("说到{scene}，还缺点什么？看看{name}。", "在挑{name}吗？不妨看看。"),
    "launch": ("新品{name}，已经上架。", "{name}新到。", "新品上架。"),
    "restock": ("{name}补货到店，欢迎选购。", "{name}到货了。", "已补货。"),
    "winback": ("好久不见，{name}想和{you}打个招呼。", "好久不见，来看看{name}。", "好久不见。"),
    "event": ("{campaign}，{name}等{you}来。", "活动里有{name}，欢迎来看看。"),
    "loyalty": ("谢谢{you}的支持，{name}为{you}留了位置。", "谢谢{you}的支持。"),
    "awareness": ("认识一下{name}：{point}。", "认识一下{name}。"),
    "sale": ("{campaign}，{name}在列。", "{name}参加活动，欢迎选购。"),
    "gift": ("想送一份礼？{name}，心意到了。", "送礼可选{name}。"),
    "craft": ("{name}，细节看得见：{points}。", "{name}，细看{point}。", "{name}，细节用心。"),
    "value": ("{name}，一次备齐：{points}。", "{name}：{point}。"),
    "mood": ("日子照旧，多一件喜欢的{name}。", "{name}，给日常添点喜欢。"),
    "taste": ("知道{you}偏爱{taste}，{name}值得一看。", "{you}可能会喜欢{name}。"),
    "trend": ("{trend}。{name}，看一看。", "{name}，看一看。"),
    "simple": ("欢迎看看{name}。", "来看看{name}。", "{name}，店里有。", "店里有{name}。", "认识一下{name}。"),
}
OPENERS: dict[str, tuple[str, ...]] = {
    "offer": (
        "先说重点：{name}这次有优惠，想入手的话，可以列进清单了。",
        "好东西遇上好时机。{name}有优惠，详情放在前面说清楚。",
    ),
    "benefit": (
        "挑东西，看的是用起来顺不顺手。{name}，先看这几点：{points}。",
        "我们想把{name}的好处说得具体一些：{points}。",
        "{name}，好用放在看得见的地方。",
        "挑东西，看的是用起来顺不顺手。{name}的好处，一条条说给{you}听。",
    ),
    "scene": (
        "{scene}，常常只差一件合用的东西。{name}，就是为这样的时刻准备的。",
        "{scene}，总有用得上它的时候。先来看看{name}。",
    ),
    "question": (
        "说到{scene}，{you}会选哪一件？如果还没有答案，不妨看看{name}。",
        "最近在挑合适的{noun}吗？来看看{name}合不合{you}的心意。",
    ),
    "launch": (
        "新品来了：{name}正式和{you}见面。",
        "货架上多了一位新成员——{name}。先睹为快。",
    ),
    "restock": ("等货的朋友请看：{name}补货到店了。", "{name}回到货架，之前没赶上的，这次可以慢慢看。"),
    "winback": (
        "有一阵子没见了，一切都好吗？店里的{name}，想请{you}来看看。",
        "好久不见。{you}不在的日子，店里添了新气象，比如{name}。",
    ),
    "event": ("{campaign}，邀请{you}一起来。{name}已经准备好了。", "活动已经布置好，{name}也在其中，欢迎来逛。"),
    "loyalty": (
        "谢谢{you}一直以来的支持。这一次，想把{name}介绍给{you}。",
        "常来的朋友，总该多一份心意。{name}，先给{you}看。",
    ),
    "awareness": ("认识一下{name}。", "介绍一位新朋友给{you}：{name}。"),
    "sale": ("{campaign}，{name}也在名单里。", "活动里有不少好物，其中一件是{name}。"),
    "gift": (
        "送礼这件事，心意要到，东西也要用得上。{name}，都考虑到了。",
        "想给在意的人挑一份礼物，又怕对方用不上？看看{name}。",
    ),
    "craft": (
        "东西好不好，细节会说话。{name}，值得凑近了看：{points}。",
        "把{name}拿在手里，先留意的是这些地方：{points}。",
        "东西好不好，细节会说话。{name}，值得凑近了看。",
        "做一件东西，功夫常在看不见的地方。把{name}的细节摊开来给{you}看。",
    ),
    "value": (
        "一件{noun}能带来什么？{name}的清单写得很清楚：{points}。",
        "选购之前，先把{name}看明白：{points}。",
        "选购之前，先把{name}看明白。",
        "买东西图个明白。{name}有什么，我们列在这里。",
    ),
    "mood": (
        "日子大多平常，喜欢的东西会让它不太一样。{name}，就是这样的小小添加。",
        "不为特别的日子，只为把今天过好。{name}，从这里开始。",
    ),
    "taste": ("知道{you}偏爱{taste}，我们想到了{name}。", "{you}的喜好我们记着：{taste}。所以想请{you}看看{name}。"),
    "trend": ("{trend}。顺着这个话题，想和{you}聊聊{name}。", "店里最近留意到：{trend}。{name}正好可以一看。"),
    "simple": ("这是{name}。不多说，看看合不合{you}的需要。", "{name}，在这里等{you}。"),
}
NOTES: dict[str, tuple[str, ...]] = {
    "offer": ("先说优惠👇{name}有活动啦", "想入手{name}的朋友看过来，这波有优惠💰"),
    "benefit": ("{name}好在哪？直接上重点👇", "{name}的实用小细节，一条条列给{you}✍️"),
    "scene": ("{scene}的氛围感，少不了它✨{name}", "{scene}，清单里加上{name}📝"),
    "question": ("说到{scene}，大家都用什么？🤔 店里的{name}可以看看", "还在纠结选哪款{noun}？看看{name}🙋"),
    "launch": ("上新啦🎉{name}来报到", "新品开箱｜{name}长这样👀"),
    "restock": ("补货啦📦{name}回来了", "在等{name}的朋友，到货啦～"),
    "winback": ("好久不见呀👋来看看{name}", "回来逛逛？店里的{name}在等{you}🌿"),
    "event": ("{campaign}开逛🛍️先看{name}", "活动清单整理好啦，{name}在列📝"),
    "loyalty": ("谢谢一直支持的{you}🤍分享一件{name}", "写给常来的{you}：{name}💌"),
    "awareness": ("认识一下{name}👋", "安利时间｜{name}✨"),
    "sale": ("{campaign}清单翻开看：{name}🛍️", "活动里可以看看的{name}👀"),
    "gift": ("送礼清单🎁 加上{name}", "不知道送什么？{name}了解一下🎁"),
    "craft": ("凑近看看{name}的细节🔍", "细节控看过来：{name}🔍"),
    "value": ("一张清单看懂{name}📋", "{name}都有什么？整理好了📋"),
    "mood": ("给平常的一天加点喜欢的东西🌿{name}", "好好生活的小物件☀️{name}"),
    "taste": ("喜欢{taste}的{you}，看这里👉{name}", "按{you}的喜好挑的：{name}💡"),
    "trend": ("{trend}🔥 顺便看看{name}", "最近的话题：{trend}｜{name}也在其中"),
    "simple": ("{name}，简单介绍一下👇", "看图说话：{name}📷"),
}
SPOKEN: dict[str, tuple[str, ...]] = {
    "offer": (
        "先把大家关心的优惠说在前面，说完咱们再看东西。",
        "欢迎来到直播间！这一场有优惠，规则我先念清楚，大家拿笔记一下。",
    ),
    "benefit": ("欢迎新进来的朋友！今天不绕弯子，好处一条一条说给大家听。", "来，咱们直接看重点，它到底好用在哪儿。"),
    "scene": (
        "大家想一想{scene}，是不是总差一件顺手的东西？来，看我手里这件。",
        "说到{scene}，这件东西我想好好给大家介绍介绍。",
    ),
    "question": (
        "先问大家一个问题：说到{scene}，你们一般怎么选？打在公屏上。",
        "想买{noun}又不知道怎么挑的朋友，扣个想字，我来讲。",
    ),
    "launch": ("新品来了，朋友们！跟我一起看看它长什么样。", "这件是新面孔，直播间的朋友先看。"),
    "restock": ("之前没拍到的朋友，好消息，货补上了。", "问补货的朋友看这里，它回来了。"),
    "winback": ("老朋友们好久不见，欢迎回到直播间！", "又见面了，欢迎回来！"),
    "event": ("{campaign}，欢迎大家来直播间一起热闹热闹！", "活动开场，先跟大家打个招呼！"),
    "loyalty": ("谢谢一直陪着直播间的朋友们，先给大家鞠个躬。", "常来的朋友都知道，咱们直播间说话实在。"),
    "awareness": ("新来的朋友，先认识一下这件东西。", "借几句话的工夫，给大家介绍一位新朋友。"),
    "sale": ("欢迎来到直播间！今天带大家逛一逛活动里的好物。", "朋友们，活动清单我都整理好了，咱们一件一件看。"),
    "gift": ("想送礼的朋友看过来，这件拿来送人，体面又实用。", "不知道送什么好？咱们今天就聊聊礼物。"),
    "craft": ("来，镜头拉近一点，咱们看细节。", "好东西经得起细看，大家把屏幕凑近一点。"),
    "value": ("咱们把清单摆出来，拍下能拿到什么，一样一样说。", "买东西就图个明白，我给大家念念它有什么。"),
    "mood": ("忙完的朋友，进来歇会儿，聊点让人开心的东西。", "生活嘛，总要有点喜欢的东西，今天就聊这个。"),
    "taste": ("喜欢{taste}的朋友，这件可以重点听。", "偏爱{taste}的朋友，我挑了这件给你们看。"),
    "trend": ("最近大家都在聊：{trend}。咱们也聊聊。", "{trend}，所以今天选了这件来讲。"),
    "simple": ("不多说，直接看东西。", "来，看看这件。"),
}
