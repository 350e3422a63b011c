"""The teaching plugin is tested where it is installed: tests/contract/test_outside_plugin.py."""

collect_ignore = ["test_tagline.py"]
