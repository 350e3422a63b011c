"""Every alert fires when it should, keeps still when it should not, and clears; by promtool."""

from __future__ import annotations

import pytest

from storehand_worker.operation.rules import ALERTS
from tests.rules.promtool import promtool, write_stories
from tests.rules.stories import STORIES


def test_every_alert_does_what_its_stories_say(tmp_path):
    files = [
        path
        for alert in ALERTS
        for path in write_stories(tmp_path, alert, [story for story in STORIES if story.alert == alert.name])
    ]

    judged = promtool("test", "rules", *files)

    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_has_a_story_in_which_it_fires_and_clears_and_one_in_which_it_keeps_still(alert):
    told = [story for story in STORIES if story.alert == alert.name]

    assert any(story.fires and max(story.quiet) > max(story.fires) for story in told), "none clears"
    assert any(story.fires and min(story.quiet) < min(story.fires) for story in told), "none waits before it fires"
    assert any(not story.fires for story in told), "none looks like trouble and is none"


def test_every_story_is_of_an_alert_there_is():
    assert {story.alert for story in STORIES} == {alert.name for alert in ALERTS}
