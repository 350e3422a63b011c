"""The image and the one-box composition, as far as they can be held to account without a container engine."""
