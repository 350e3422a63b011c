"""English wording by angle: frames without a fact, a number or a superlative of their own.

`{name}` is the product inside a sentence ("the Harbour Kettle"), `{Name}` at its beginning, `{bare}` without article;
the other words are those of the Chinese frames. Only ASCII punctuation: one curly quote makes an SMS twice as dear.
"""

from __future__ import annotations

HEADLINES: dict[str, tuple[str, ...]] = {
    "offer": (
        "{bare}: {deal}",
        "{campaign}: {bare}, {deal}",
        "{Deal}: {bare}",
        "Offer: {bare}",
        "{Deal}",
        "An offer for you",
    ),
    "benefit": ("{bare}: {point}", "{bare} with {thing}", "Made to be used: {bare}", "{Point}", "Made to be used"),
    "scene": ("{bare} for {scene}", "For {scene}: {bare}", "For {scene}", "For every day"),
    "question": (
        "What's missing from {scene}?",
        "Looking for {noun}? See {bare}",
        "Could it be {name}?",
        "Found yours?",
    ),
    "launch": ("New: {bare}", "Meet {bare}", "Just arrived: {bare}", "New here", "New"),
    "restock": ("Back in stock: {bare}", "{bare}: back again", "Back in stock", "Back"),
    "winback": ("It's been a while. Meet {bare}", "Come back and see {bare}", "Good to see you", "Hello"),
    "event": ("{campaign}: {bare}", "{campaign}: you're invited", "You're invited", "Join"),
    "loyalty": ("Thank you, from us: {bare}", "A thank-you: {bare}", "Thank you"),
    "awareness": ("Meet {bare}", "Say hello to {bare}", "Say hello"),
    "sale": ("{campaign}: {bare}", "{bare} in the sale", "The sale is here", "Sale"),
    "gift": ("A gift idea: {bare}", "{bare}, to give or to keep", "Gift idea sorted?", "A gift"),
    "craft": ("{bare}, up close", "In the details: {bare}", "{bare}: {point}", "Look closer"),
    "value": ("What you get with {bare}", "{bare} at a glance", "{bare}, in plain words", "At a glance"),
    "mood": ("A small joy: {bare}", "{bare} for ordinary days", "Make the day nicer", "Enjoy"),
    "taste": ("You like {taste}: see {bare}", "Picked for your taste: {bare}", "Picked for you"),
    "trend": ("{trend}: {bare}", "Talk of the season: {bare}", "In the talk"),
    "simple": ("{bare}", "{bare}, here for you", "Have a look", "Hello"),
}
LINES: dict[str, tuple[str, ...]] = {
    "offer": (
        "A good moment for {name}.",
        "Had your eye on {name}?",
        "{Name} {is} part of our offer.",
        "Worth a look.",
    ),
    "benefit": ("{Name}: {points}.", "{bare}, in short: {points}.", "{Name}: {point}."),
    "scene": ("{Name} for {scene}.", "For {scene}: {bare}."),
    "question": (
        "What's missing from {scene}? Maybe {name}.",
        "Looking for {noun}? Have a look at {name}.",
        "Still looking?",
    ),
    "launch": ("New in the shop: {bare}.", "Meet {name}, new with us.", "New: {bare}."),
    "restock": ("{bare}: back in stock.", "Good news for the patient: {bare} can be ordered again."),
    "winback": ("It's been a while. Come and see {name}.", "We've missed you. Meet {name}.", "Come back soon."),
    "event": ("{campaign}: join us, {bare} included.", "You're invited, and {bare} will be there."),
    "loyalty": ("Thank you for staying with us. For you: {bare}.", "A thank-you to our regulars."),
    "awareness": ("Meet {name}: {point}.", "Meet {name}."),
    "sale": ("{campaign}, with {bare}.", "{bare}, part of our sale."),
    "gift": ("A gift that gets used: {bare}.", "Gift idea: {bare}."),
    "craft": ("Look closer at {name}: {points}.", "{bare}, up close: {point}.", "Look closer."),
    "value": ("{bare} at a glance: {points}.", "What you get: {point}."),
    "mood": ("A little something for ordinary days: {bare}.", "{bare}, for the joy of it."),
    "taste": ("You like {taste}, so here {is} {name}.", "Picked with your taste in mind: {bare}."),
    "trend": ("{trend}. Have a look at {name}.", "Have a look at {name}."),
    "simple": (
        "Here {is} {name}.",
        "Have a look at {name}.",
        "Say hello to {name}.",
        "On our shelf: {bare}.",
        "{bare}, in the shop.",
    ),
}
OPENERS: dict[str, tuple[str, ...]] = {
    "offer": (
        "Let's start with the good part: there is an offer on {name}.",
        "Had your eye on {name}? Here is an offer worth a look.",
    ),
    "benefit": (
        "Good things are easy to explain. {Name}, in short: {points}.",
        "What makes {name} useful? In a few words: {points}.",
        "Good things are easy to explain, so here {is} {name}, point by point.",
        "Some things simply earn their place. Here is what comes with {name}.",
    ),
    "scene": (
        "Picture {scene}. That is just the place for {name}.",
        "We had {scene} in mind when we picked {name} for you.",
    ),
    "question": (
        "What would make {scene} a little easier? Here is one answer: {name}.",
        "Still looking for {noun}? Have a look at {name}.",
    ),
    "launch": (
        "Something new in the shop: {name}.",
        "Fresh on our shelves and ready to meet you: {name}.",
    ),
    "restock": (
        "Good news for everyone who waited: {name} can be ordered again.",
        "The shelf is full again. If you missed {name} last time, take your time now.",
    ),
    "winback": (
        "It has been a while, and we would love to have you back. Let us show you {name}.",
        "A lot goes on in the shop when you are away. One thing we would like you to see: {name}.",
    ),
    "event": (
        "{campaign}: the doors are open, and {name} will be there.",
        "You are warmly invited. Come and look around, starting with {name}.",
    ),
    "loyalty": (
        "Thank you for coming back to us again and again. We would like to show you {name}.",
        "Regulars deserve to hear things early. So here, for you: {name}.",
    ),
    "awareness": ("Let us introduce you to {name}.", "Have you met {name}? Time to say hello."),
    "sale": (
        "{campaign}: a good moment to look at {name}.",
        "Our sale has a lot to look through. One thing we would point at: {name}.",
    ),
    "gift": (
        "The right present is one that gets used. {Name}, for instance.",
        "Stuck for a present? {Name} might be the answer, wrapped or not.",
    ),
    "craft": (
        "Some things deserve a closer look. With {name}, start here: {points}.",
        "Take {name} in your hands and you notice the details: {points}.",
        "Some things deserve a closer look. {Name}, for one.",
        "We like to look twice before we recommend something. Here {is} {name}, in detail.",
    ),
    "value": (
        "Before you buy, know what you get. With {name}: {points}.",
        "No riddles here, just the list. {Name} in plain words: {points}.",
        "Before you buy, know what you get. Here {is} {name} in plain words.",
        "A fair question: what do you get with {name}? Here is the answer.",
    ),
    "mood": (
        "Most days are ordinary. A few well-chosen things make them nicer, {name} among them.",
        "Not for a special occasion, just for a good day: {name}.",
    ),
    "taste": (
        "You told us you like {taste}. That made us think of {name}.",
        "With your taste for {taste} in mind, we picked {name}.",
    ),
    "trend": ("{trend}. A good reason to talk about {name}.", "We noticed: {trend}. And we thought of {name}."),
    "simple": ("Here {is} {name}. See what you think.", "No big words, just {name}."),
}
NOTES: dict[str, tuple[str, ...]] = {
    "offer": ("Offer first 👇 {bare}", "On your list? {bare}, with an offer 💰"),
    "benefit": ("What's good about {name}? Straight to the point 👇", "{bare}: the useful bits, one by one ✍️"),
    "scene": ("The mood for {scene} ✨ {bare}", "For {scene}: put {name} on the list 📝"),
    "question": ("{Scene}: what do you use? 🤔 Have a look at {name}", "Still deciding? Here {is} {name} 🙋"),
    "launch": ("Just in 🎉 {bare}", "New on the shelf: a look at {name} 👀"),
    "restock": ("Back on the shelf 📦 {bare}", "Waited for {name}? Back again 📦"),
    "winback": ("Long time no see 👋 Meet {name}", "Come back and browse 🌿 {bare}"),
    "event": ("{campaign} 🛍️ starting with {name}", "The list is ready 📝 {bare}, for a start"),
    "loyalty": ("For those who keep coming back 🤍 {bare}", "A note to our regulars 💌 {bare}"),
    "awareness": ("Say hello to {name} 👋", "Worth knowing ✨ {bare}"),
    "sale": ("{campaign} finds 🛍️ {bare}", "Worth a look in the sale 👀 {bare}"),
    "gift": ("Gift list 🎁 add {name}", "No idea what to give? 🎁 {bare}"),
    "craft": ("A closer look at {name} 🔍", "For people who love details 🔍 {bare}"),
    "value": ("{bare}, all on one list 📋", "What comes with {name}? Sorted 📋"),
    "mood": ("A little joy for an ordinary day 🌿 {bare}", "Small things, good days ☀️ {bare}"),
    "taste": ("If you like {taste}, look here 👉 {bare}", "Picked for your taste 💡 {bare}"),
    "trend": ("{trend} 🔥 and {name}", "Talking about: {trend} | {bare}"),
    "simple": ("{bare}, briefly 👇", "In one picture 📷 {bare}"),
}
SPOKEN: dict[str, tuple[str, ...]] = {
    "offer": (
        "Hello and welcome! There is an offer in this stream, so let me read out the rules first.",
        "Grab a pen: before we look at anything, here is the offer.",
    ),
    "benefit": (
        "Welcome, everyone! No long speeches, let's go straight to what it does.",
        "Let's look at what makes it useful.",
    ),
    "scene": (
        "Think of {scene} for a moment. What would you like to have at hand?",
        "Let's talk about {scene}, and about what I have here.",
    ),
    "question": (
        "A question for the chat: what do you use for {scene}? Tell me.",
        "Not sure what to pick? Stay with me, I'll walk you through it.",
    ),
    "launch": ("Something new today, and you get to see it with me.", "A new arrival! Let's unpack it together."),
    "restock": ("For everyone who missed it: it's back in stock.", "You can order it again, and here it is."),
    "winback": (
        "Welcome back, it's good to see you here again!",
        "It's been a while, so let me show you what's new on the table.",
    ),
    "event": ("{campaign}! Welcome, and make yourselves at home.", "The doors are open, hello everyone!"),
    "loyalty": ("A big thank-you to everyone who keeps coming back.", "To our regulars: thank you for being here."),
    "awareness": ("If you are new here, welcome. Let me introduce something.", "Let me introduce you to a new friend."),
    "sale": (
        "Welcome! We have a list to go through, so let's start.",
        "Let's walk through the sale together, one thing at a time.",
    ),
    "gift": ("If you are looking for a present, stay right here.", "Let's talk presents today."),
    "craft": ("Come closer to the camera with me, let's look at the details.", "Good things can stand a close look."),
    "value": ("Let me put the whole list on the table.", "You want to know what you get? I'll read it to you."),
    "mood": (
        "Long day? Sit down, let's look at something nice.",
        "Let's talk about the small things that make a day better.",
    ),
    "taste": ("If you like {taste}, this one is for you.", "For everyone with a taste for {taste}, listen up."),
    "trend": ("People are talking about this: {trend}.", "{trend}, so I picked something that fits."),
    "simple": ("Let's just look at it.", "Here we go, have a look."),
}
