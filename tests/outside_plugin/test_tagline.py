"""The contract test of the teaching plugin: all that its author writes."""

from storehand_tagline import TaglineTask

from storehand.testing import TaskContract


class TestTagline(TaskContract):
    task = TaglineTask()
