"""English wording: frames without any fact of a product, digit or superlative in them."""

from __future__ import annotations

SCENES: dict[str, tuple[str, ...]] = {
    "generic": ("everyday use", "home and away", "your daily routine", "busy days and quiet ones"),
    "phone": (
        "calls, chats and photos on the go",
        "travel days and busy workdays",
        "life on the move",
        "staying in touch",
    ),
    "computer": ("work, study and play", "the home office", "long working days", "projects at your desk"),
    "audio": (
        "music at home and on the way",
        "the daily commute",
        "films, podcasts and playlists",
        "quiet hours with music",
    ),
    "wearable": (
        "workouts and workdays",
        "your day from morning to night",
        "runs, walks and meetings",
        "everyday wear",
    ),
    "camera": ("family moments and long trips", "weekend photo walks", "creative projects", "travel and street scenes"),
    "screen": ("film nights at home", "the living room", "series, sport and games", "evenings on the sofa"),
    "accessory": (
        "desk, bag and bedside",
        "travel and everyday use",
        "home, office and car",
        "keeping your devices at hand",
    ),
    "kitchen": ("busy mornings in the kitchen", "family meals", "the everyday kitchen", "weekend brunch at home"),
    "cookware": ("home cooking", "weeknight dinners", "a well-used kitchen", "meals with family and friends"),
    "drinkware": (
        "the morning cup and the afternoon break",
        "desk, sofa and picnic",
        "the daily drink",
        "breaks at home or work",
    ),
    "cleaning": ("the weekly clean", "homes with a lot of life in them", "quick daily tidying", "a tidy home"),
    "climate": (
        "bedrooms and living rooms",
        "a pleasant room in every season",
        "nights and nap times",
        "home and office",
    ),
    "furniture": (
        "living, working and studying",
        "rooms of any style",
        "a home to settle into",
        "reading corners and work nooks",
    ),
    "bedding": ("slow mornings and early nights", "the bedroom", "a home that feels soft", "rest and relaxation"),
    "lighting": (
        "reading corners and desks",
        "evenings at home",
        "a warm mood in any room",
        "late work and early rest",
    ),
    "clothing": ("workdays and weekends", "everyday outfits", "easy layering", "the city and the countryside"),
    "shoes": ("walks, errands and weekends", "days on your feet", "city streets and park paths", "everyday outfits"),
    "bag": (
        "work, school and short trips",
        "commutes and weekends away",
        "everything you carry",
        "airports, offices and streets",
    ),
    "jewellery": (
        "special evenings and simple days",
        "gifts and celebrations",
        "a finishing touch",
        "every outfit you love",
    ),
    "beauty": (
        "your morning and evening routine",
        "a moment for yourself",
        "the bathroom shelf and the travel bag",
        "daily care",
    ),
    "food": ("the family pantry", "sharing at the table", "breaks and small treats", "home cooks"),
    "drink": ("a quiet break", "mornings and afternoons", "guests and good talks", "slow weekends"),
    "baby": ("little ones and their parents", "family days at home and out", "the nursery", "parents with full hands"),
    "toy": ("playtime at home", "curious hands", "birthdays and rainy days", "family play"),
    "pet": ("pets and their people", "a happy home with animals", "walks, meals and naps", "the furry family"),
    "sports": ("training at home or at the gym", "regular workouts", "active weekends", "warm-ups and full sessions"),
    "outdoor": ("weekends outdoors", "camps, trails and lakes", "trips with friends", "nights under the stars"),
    "office": ("desk, school and meetings", "notes, plans and ideas", "the working day", "study sessions"),
    "tools": ("repairs and home projects", "the workshop and the garden", "weekend jobs", "makers and gardeners"),
    "car": ("the daily drive and long journeys", "road trips", "drivers and passengers", "the road ahead"),
    "book": (
        "quiet evenings with a good read",
        "the bedside table",
        "readers of all kinds",
        "train rides and holidays",
    ),
    "instrument": ("practice and performance", "music rooms and stages", "players at home", "songs with friends"),
}

OPENERS: dict[str, tuple[str, ...]] = {
    "neutral": (
        "The <name>{by} {be} made for {scene}.",
        "The <name>{by} {be} designed with {scene} in mind.",
        "Here {be} the <name>{by}, made for {scene}.",
        "For {scene}, there {be} the <name>{by}.",
        "The <name>{by} suit{s} {scene}.",
        "The <name>{by} fit{s} {scene}.",
    ),
    "warm": (
        "Meet the <name>{by}, a friendly companion for {scene}.",
        "Say hello to the <name>{by}, made with {scene} in mind.",
        "Make room for the <name>{by}, a kind helper for {scene}.",
        "The <name>{by} {be} here to make {scene} a little nicer.",
        "You will feel at home with the <name>{by}, made for {scene}.",
    ),
    "lively": (
        "Here come{s} the <name>{by}, ready for {scene}!",
        "Ready for {scene}? The <name>{by} {be} too!",
        "Say hello to the <name>{by}, and bring on {scene}!",
        "Hello, <name>{by}! Time for {scene}.",
        "Looking for something for {scene}? Try the <name>{by}!",
    ),
    "professional": (
        "The <name>{by} {be} built for {scene}.",
        "The <name>{by} {be} a considered choice for {scene}.",
        "The <name>{by} address{es} the needs of {scene}.",
        "Designed for {scene}, the <name>{by} bring{s} the essentials together.",
        "With the <name>{by}, you are well equipped for {scene}.",
    ),
    "minimal": (
        "The <name>{by}.",
        "<name>{by}, for {scene}.",
        "Simply the <name>{by}.",
        "The <name>{by}, for {scene}.",
    ),
}

LEADS: dict[str, tuple[str, ...]] = {
    "neutral": (
        "{list} – the <name>{by} {be} made for {scene}.",
        "{list} – the <name>{by} suit{s} {scene}.",
        "{list} – the <name>{by} fit{s} {scene}.",
    ),
    "warm": (
        "{list} – meet the <name>{by}, a friendly companion for {scene}.",
        "{list} – say hello to the <name>{by}, made with {scene} in mind.",
    ),
    "lively": (
        "{list} – here come{s} the <name>{by}, ready for {scene}!",
        "{list} – say hello to the <name>{by}, and bring on {scene}!",
    ),
    "professional": (
        "{list} – the <name>{by} {be} built for {scene}.",
        "{list} – the <name>{by} address{es} the needs of {scene}.",
    ),
    "minimal": ("<name>{by}: {list}.", "{list} – the <name>{by}."),
}
"""Openers that begin with what a shopper looks for."""

CLOSERS: dict[str, tuple[str, ...]] = {
    "neutral": ("A good match for {scene}.", "It all comes together for {scene}.", "A practical choice for {scene}."),
    "warm": (
        "We hope it brings a smile to {scene}.",
        "A little joy for {scene}.",
        "A lovely gift, too, or simply a treat for {scene}.",
        "Enjoy every moment of {scene}.",
    ),
    "lively": (
        "Bring it along and enjoy {scene}!",
        "Go on, treat yourself!",
        "What are you waiting for?",
        "Let the fun begin!",
    ),
    "professional": (
        "A dependable choice for {scene}.",
        "These details make planning easy.",
        "All the details at a glance, so that you can decide with confidence.",
        "A sound basis for {scene}.",
    ),
    "minimal": ("That is all.", "For {scene}."),
}

FEATURES: dict[str, tuple[str, ...]] = {
    "neutral": ("Highlights include {list}.", "Key features: {list}.", "The feature list includes {list}."),
    "warm": (
        "You will find {list} on board.",
        "It all begins with {list}.",
        "Among the things to look forward to: {list}.",
    ),
    "lively": ("Look what is inside: {list}!", "On board: {list}!", "Get ready for {list}!"),
    "professional": ("Main features: {list}.", "The specification covers {list}.", "Core features include {list}."),
    "minimal": ("Features: {list}.", "{list}.", "With {list}."),
}
MORE_FEATURES = (
    "There is also {list}.",
    "Also on the list: {list}.",
    "Further features: {list}.",
    "Added to that: {list}.",
)

QUALITIES = ("{It} {be} {list}.", "Good to know: {list}.", "In use, {it} {be} {list}.")
MATERIALS = ("{It} {be} made of {value}.", "The material is {value}.", "Material: {value}.")
COLORS = ("{It} come{s} in {value}.", "The colour is {value}.", "Colour: {value}.")
SIZES = ("The size is {value}.", "Size: {value}.")
CLAUSES = ("the {key} {kbe} {value}",)
AMOUNT_CLAUSES = ("the {key} {kbe} {value}", "the {key} {kbe} listed at {value}")
LISTED = ("{pairs}.", "At a glance: {pairs}.", "The details: {pairs}.", "In detail: {pairs}.")
NOTES = ("Please note, {pairs}.", "For the record, {pairs}.")
PHRASES = ("Worth knowing: {value}.", "What is more: {value}.", "One more thing: {value}.")
TITLES = ("<name>: {list}", "<name> | {bars}", "<name> – {list}", "<name>, {list}")
THING_TITLES = ("<name> with {list}",)
BRAND_TITLES = ("<brand> ", "")
