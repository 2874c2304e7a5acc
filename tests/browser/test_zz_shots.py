"""Pictures of the panel, the tiles and the map, in both themes and three sizes."""

import os, re, pathlib
import pytest
from playwright.sync_api import expect

OUT = pathlib.Path("/tmp/w/quality-shots")
OUT.mkdir(exist_ok=True)
from tests.browser.test_links import _CUT


def test_shots(participants, participant, headless):
    ada, carol = participants("Ada", "Carol")
    bob = participant("Bob", scripts=[_CUT])
    dan = headless("Dan Wiśniewski", microphone=False, camera=False)
    expect(carol.control("line-words")).not_to_be_empty(timeout=20000)
    for theme in ("light", "dark"):
        for w, h in ((1280, 720), (360, 740)):
            for person, name in ((carol, "carol"), (ada, "ada")):
                page = person.page
                page.emulate_media(color_scheme=theme)
                page.set_viewport_size({"width": w, "height": h})
                page.wait_for_timeout(400)
                page.screenshot(path=OUT / f"tiles-{name}-{theme}-{w}.png")
                if name == "ada":
                    person.control("toggle-links").click()
                    page.get_by_test_id("link-summary").nth(0).click()
                    page.wait_for_timeout(2500)
                    page.screenshot(path=OUT / f"panel-{name}-{theme}-{w}.png")
                    page.evaluate(
                        "document.querySelector('.links-scroll').scrollTop=1e6"
                    )
                    page.wait_for_timeout(200)
                    page.screenshot(path=OUT / f"panel2-{name}-{theme}-{w}.png")
                    page.get_by_test_id("link-summary").nth(0).click()
                    person.control("close-links").click()
                else:
                    person.control("toggle-links").click()
                    page.wait_for_timeout(300)
                    page.screenshot(path=OUT / f"map-{name}-{theme}-{w}.png")
                    person.control("close-links").click()
