"""English wording around the angles: greetings, closings, calls to action, and the frames of lists and scripts."""

from __future__ import annotations

YOU: dict[str, str] = dict.fromkeys(("neutral", "warm", "lively", "professional", "minimal"), "you")
GREETINGS: dict[str, tuple[str, ...]] = {
    "neutral": ("Hello {token},", "Hi {token},"),
    "warm": ("Hi {token},", "Dear {token},"),
    "lively": ("Hey {token}!", "Hi {token}!"),
    "professional": ("Dear {token},",),
    "minimal": ("{token},",),
}
GREETINGS_SHORT = ("Hi {token}! ", "{token}: ")
HELLOS: dict[str, tuple[str, ...]] = {
    "neutral": ("Hello,",),
    "warm": ("Hello there,", "Hi,"),
    "lively": ("Hey there!",),
    "professional": ("Hello,",),
    "minimal": (),
}
CLOSINGS: dict[str, tuple[str, ...]] = {
    "neutral": (
        "Have a look and see whether it suits you.",
        "Questions? Just reply, and we will help.",
        "More in the shop.",
    ),
    "warm": (
        "Take your time; we are here if you have questions.",
        "We hope it brings a little joy.",
        "Thank you for reading, and take care.",
        "Come by whenever you like.",
        "See you soon, and enjoy browsing.",
    ),
    "lively": ("Go on, have a look!", "Put it on your list!", "See you in the shop!", "Happy browsing!"),
    "professional": (
        "Please get in touch if you need further details.",
        "We are happy to answer any questions before you order.",
        "Thank you for your interest.",
        "We look forward to helping you choose.",
    ),
    "minimal": ("More in the shop.", "Details in the shop."),
}
CTAS: dict[str, tuple[str, ...]] = {
    "sale": ("See the offer", "Shop the sale", "Get the offer", "Have a look", "Browse the sale"),
    "launch": ("See what's new", "Meet the newcomer", "Take a look", "Discover more", "See the details"),
    "restock": ("Order yours", "See it again", "Shop now", "Take it home", "See the details"),
    "winback": ("Come back and see", "See what's new", "Visit the shop", "Look around", "Say hello again"),
    "event": ("Join us", "See the event", "Count me in", "Have a look", "Read the details"),
    "loyalty": ("See what's for you", "Take a look", "Visit the shop", "Claim yours", "See the details"),
    "awareness": ("Learn more", "Take a closer look", "Get to know it", "See the details", "Read on"),
}
CTA_SPOKEN: dict[str, tuple[str, ...]] = {
    "sale": (
        "If you like it, tap the cart below and pick what you need.",
        "It's all in the cart; read the rules, then order.",
        "Ready? The cart under this video has everything.",
        "Compare in peace, then open the cart below.",
        "Want one? You will find the link down in the cart.",
    ),
    "launch": ("The new one is in the cart below, take your time.", "Tap the cart to see it up close."),
    "other": (
        "Tap the cart below for the details.",
        "The link is in the cart, and take your time.",
        "Questions? Put them in the chat.",
    ),
}
CTA_LAST = ("See it", "Shop")
LAST: dict[str, tuple[str, ...]] = {
    "subject": ("Have a look", "Hello"),
    "preheader": ("Read on.", "Hello"),
    "headline": ("Have a look", "Hello"),
    "body": ("Come and have a look.", "Have a look.", "Hello"),
    "cta": CTA_LAST,
    "hashtags": (),
}
ABSTRACTS = (
    "{Name} at a glance: {points}.",
    "{Points}: what to know about {name}.",
    "A closer look at {name}, for {scene}.",
    "{Name}, made for {scene}: {points}.",
    "All about {name}, in a few minutes.",
)
NOTE_CLOSINGS = (
    "Save it for later 📌",
    "Questions? The comments are open 💬",
    "See you in the shop 🛒",
    "Would it suit you? Tell us 👇",
)
PREHEADERS = (
    "{Points}: all in here.",
    "{Name}: {point}. Read on.",
    "For {scene}. Read on.",
    "A few words about {name}.",
    "Details inside.",
)
KEYWORD = (
    "On your list: {keyword}? Look here.",
    "Shopping for: {keyword}? Here is an idea.",
    'Searched for "{keyword}"? You are in the right place.',
)
TREND = (
    "Talk of the moment: {trend}.",
    "On our minds: {trend}.",
    "Something we noticed: {trend}.",
    "By the way: {trend}.",
)
TERMS = "Terms: {terms}"
LINK = "Shop here: {token}"
UNSUBSCRIBE = "No more emails? Unsubscribe: {token}"
STOP_SMS = ("Reply STOP to opt out", "Text STOP to unsubscribe", "Opt out: reply STOP")
STOP_SHORT = ("STOP to opt out",)
SENDER = "{sender}: "
EXTRA = "{token}"
LIST_INTRO = ("On the list:", "Here is what we picked:", "Have a look at these:")
LIST_ROW = ("{name}: {points} ({price})", "{name}: {points}", "{name} ({price})", "{name}")
BULLETS = ("✅", "🔸", "🌟", "👉", "☑️")
PRICE = ("Price: {price}", "Yours for {price}", "It's {price}")
SAY_THING = (
    "Here you have: {point}.",
    "On board: {point}.",
    "Then: {point}.",
    "Take note: {point}.",
    "Also here: {point}.",
)
SAY_QUALITY = (
    "It's {point}.",
    "And it's {point}.",
    "Good to know: it's {point}.",
    "It's {point}, too.",
    "Also, it's {point}.",
)
SAY_OTHER = (
    "Worth knowing: {point}.",
    "One more thing: {point}.",
    "Make a note: {point}.",
    "Also: {point}.",
    "And: {point}.",
)
SAY_FIRST = (
    "Let's begin with {name}.",
    "First up, {name}.",
    "In front of me: {name}.",
    "So, this is {name}.",
    "Today's table: {name}.",
)
SAY_NEXT = (
    "Next up, {name}.",
    "Now to {name}.",
    "And here comes {name}.",
    "Then there is {name}.",
)
SAY_PRICE = ("It's {price}.", "The price is {price}.", "On the tag: {price}.", "You pay {price}.")
SAY_OFFER = (
    "Here is the offer, word for word:",
    "Listen up for the offer:",
    "About the offer:",
    "The rules are simple:",
    "So, the offer:",
)
SAY_TERMS = "The terms, so that all is clear: {terms}"
TAG_WORDS: dict[str, tuple[str, ...]] = {
    "sale": ("sale", "shopping"),
    "launch": ("newin", "newarrival"),
    "restock": ("backinstock", "shopping"),
    "winback": ("shopping", "finds"),
    "event": ("event", "shopping"),
    "loyalty": ("thankyou", "shopping"),
    "awareness": ("finds", "shopping"),
}
SIGN = ("Your {sender} team", "Best wishes from {sender}", "The team at {sender}", "{sender}")
SIGN_NOBODY = ("The team", "Best wishes from the team", "Your shop team")
AND = ", "
SCENE_LINES = ("A good match for {scene}.", "Just right for {scene}.")
SECTIONS: dict[str, tuple[str, ...]] = {
    "has": ("What it brings", "The details", "In short", "Features", "A closer look"),
    "fits": ("Where it fits", "Made for", "Good company for", "Moments for it", "At home in"),
    "offer": ("The offer", "Now on", "What we offer", "Our deal", "Good to know before you order"),
}
ADVICE = (
    "Not sure yet? Write down what you need it for, and check it against the details above.",
    "Before you order, read the details above once more: it saves sending things back.",
    "Prefer to talk it over? Tell us how you would use it, and we say honestly whether it is a match.",
    "A tip: picture it in your own day, from morning to evening, and see where it fits.",
    "Buying for somebody else? Ask first what they miss most; then this page is quickly read.",
)
PLACES = (
    "For {one}, and for {other} too.",
    "Think of {one}, or of {other}: a natural fit.",
    "It suits {one} just as well as {other}.",
    "From {one} to {other}.",
    "{One}, {other}: pick your own moment.",
)
SAY_CHAT = (
    "Anything you would like to know? Put it in the chat, I read every line.",
    "Shall I hold it closer to the camera? Just say so.",
    "If you missed something, ask, and I'll say it again.",
    "Which detail shall we look at next? Type it below.",
    "Using one already? Tell the others how.",
)
STICKERS = ("✨", "👀", "📝", "🛍️", "💡", "🌿")
