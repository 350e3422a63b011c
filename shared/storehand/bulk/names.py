"""The names shops' files give to what a contract calls otherwise: schema.org, Merchant Center, Shopify, WooCommerce,
Amazon, and the headers of Chinese back ends. Compared without case, width, spaces and punctuation."""

from __future__ import annotations

from storehand.bulk.cells import folded

PRODUCT: dict[str, tuple[str, ...]] = {
    "sku": ("sku", "variant sku", "id", "item id", "product id", "offer id", "seller sku", "handle", "货号",
            "商品编号", "商品编码", "商家编码", "商品id", "商品货号", "款号", "编号", "SKU编码"),
    "name": ("name", "title", "product name", "product title", "item name", "商品名称", "商品名", "产品名称",
             "商品标题", "产品标题", "标题", "品名", "名称", "宝贝标题"),
    "gtin": ("gtin", "gtin13", "gtin14", "gtin12", "gtin8", "ean", "upc", "barcode", "variant barcode", "isbn",
             "条码", "条形码", "商品条码", "国际条码", "GTIN, UPC, EAN, or ISBN"),
    "mpn": ("mpn", "model number", "manufacturer part number", "part number", "型号", "厂家型号"),
    "brand": ("brand", "vendor", "manufacturer", "brand name", "brands", "品牌", "品牌名称", "商品品牌"),
    "category": ("product type", "category", "categories", "product category", "type", "类目", "分类",
                 "商品分类", "商品类目", "类别", "品类", "所属类目"),
    "googleProductCategory": ("google product category", "google shopping / google product category"),
    "itemGroupId": ("item group id", "parent sku", "parent"),
    "color": ("color", "colour", "google shopping / color", "颜色", "颜色分类", "色号", "颜色名称"),
    "material": ("material", "fabric", "材质", "面料", "材料", "材质成分"),
    "pattern": ("pattern", "图案", "花纹"),
    "size": ("size", "尺码", "尺寸", "规格尺寸"),
    "audience.suggestedGender": ("gender", "google shopping / gender", "suggested gender", "性别", "适用性别"),
    "audience": ("age group", "google shopping / age group", "适用年龄", "适用人群"),
    "offers.price": ("sale price", "price", "variant price", "regular price", "unit price", "售价", "价格",
                     "销售价", "单价", "价钱", "商品价格"),
    "offers.priceCurrency": ("currency", "price currency", "currency code", "币种", "货币"),
    "offers.availability": ("availability", "in stock", "stock status", "库存状态"),
    "offers": ("offers",),
    "additionalProperty": ("product detail", "additional property", "additional properties", "attributes",
                           "specifications", "specs", "属性", "商品属性", "规格参数"),
    "positiveNotes": ("product highlight", "product highlights", "highlights", "bullet points", "bullets",
                      "features", "key features", "positive notes", "bullet point", "bullet_point1",
                      "bullet_point2", "bullet_point3", "bullet_point4", "bullet_point5", "卖点", "商品卖点",
                      "亮点", "核心卖点"),
    "description": ("description", "body (html)", "body html", "product description", "long description",
                    "描述", "商品描述", "详情", "商品详情", "产品描述"),
    "inLanguage": ("in language", "content language", "language"),
}  # fmt: skip
"""schema.org path below a product -> names, best first."""

REVIEW: dict[str, tuple[str, ...]] = {
    "id": ("review id", "id", "comment id", "评价id", "评论id", "评价编号", "评论编号"),
    "reviewBody": ("review body", "review", "review text", "body", "text", "content", "comment", "comments",
                   "review content", "reviewtext", "评价内容", "评论内容", "评价", "评论", "内容", "正文"),
    "reviewRating": ("review rating", "rating", "stars", "score", "star rating", "overall", "评分", "星级",
                     "打分", "评价星级"),
    "datePublished": ("date published", "date", "review date", "created at", "created", "time", "timestamp",
                      "评价时间", "评论时间", "日期", "时间"),
    "inLanguage": ("in language", "language", "lang", "语言"),
}  # fmt: skip

EVENT: dict[str, tuple[str, ...]] = {
    "type": ("event type", "type", "event", "action", "behavior", "behaviour", "behavior type", "事件", "行为",
             "行为类型"),
    "sku": ("sku", "item id", "product id", "item", "stock code", "stockcode", "article", "商品编号", "货号",
            "商品id"),
    "query": ("query", "search term", "search", "keyword", "搜索词", "关键词"),
    "ts": ("ts", "timestamp", "time", "date", "event time", "invoice date", "invoicedate", "created at", "时间",
           "日期", "行为时间"),
    "quantity": ("quantity", "qty", "count", "数量"),
}  # fmt: skip

MESSAGE: dict[str, tuple[str, ...]] = {
    "content": ("content", "message", "text", "question", "body", "query", "内容", "消息", "问题", "提问"),
    "role": ("role", "sender", "author", "from", "角色", "发送者"),
    "ts": ("ts", "timestamp", "time", "date", "created at", "时间", "日期"),
}  # fmt: skip

USER_ID = ("user id", "user", "customer id", "customer", "visitor id", "用户", "用户id", "会员id", "客户", "客户编号")
CONVERSATION_ID = (
    "conversation id", "conversation", "session id", "thread id", "ticket id", "chat id", "会话", "会话id", "会话编号",
)  # fmt: skip

REVIEWED_PRODUCT: dict[str, tuple[str, ...]] = {
    "sku": ("sku", "product id", "product sku", "item id", "asin", "货号", "商品编号", "商品id"),
    "name": ("product name", "product title", "item name", "商品名称", "商品名"),
}

OUTPUT: dict[str, tuple[str, ...]] = {
    "title": ("title", "name", *PRODUCT["name"]),
    "description": PRODUCT["description"],
    "bullets": PRODUCT["positiveNotes"],
    "seo_title": ("seo title", "meta title", "SEO标题"),
    "meta_description": ("seo description", "meta description", "SEO描述", "Meta描述"),
    "alt_text": ("image alt text", "alt text", "图片说明"),
}
"""Part of an answer -> the columns of a catalogue that it belongs in."""

IDS = tuple(dict.fromkeys((*PRODUCT["sku"], "ref", "reference", "key")))

ROLES = {
    "customer": ("customer", "user", "buyer", "client", "visitor", "客户", "顾客", "买家", "用户"),
    "assistant": ("assistant", "bot", "machine", "机器人", "智能客服"),
    "agent": ("agent", "seller", "support", "staff", "shop", "客服", "商家", "卖家", "人工客服"),
}
EVENTS = {
    "view": ("view", "pv", "click", "detail", "浏览", "点击"),
    "cart": ("cart", "add to cart", "add_to_cart", "addtocart", "加购", "加入购物车"),
    "purchase": ("purchase", "buy", "order", "sale", "transaction", "购买", "下单"),
    "search": ("search", "query", "搜索"),
    "review": ("review", "评价", "评论"),
}


def table(names: dict[str, tuple[str, ...]], prefix: str = "") -> dict[str, tuple[str, ...]]:
    """The names folded, their paths below `prefix`."""
    return {f"{prefix}{path}": tuple(dict.fromkeys(folded(each) for each in known)) for path, known in names.items()}


def meaning(word: object, words: dict[str, tuple[str, ...]]) -> object:
    """The contract's word for a cell's, or the cell as it is."""
    told = folded(str(word))
    return next((name for name, known in words.items() if told in {folded(each) for each in known}), word)
