"""Every notice has its sentence."""

import pytest

from client_py.browser.words import sentence
from client_py.core.state import MediaProblem, Notice, NoticeKind

DETAILS = {
    NoticeKind.MEDIA_PROBLEM: [*MediaProblem],
    NoticeKind.REFUSED: ["forbidden", "a-code-of-tomorrow"],
}


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_notice_is_told_in_a_sentence(kind: NoticeKind) -> None:
    for detail in DETAILS.get(kind, [""]):
        said = sentence(Notice(1, kind, "Ada", detail))
        assert said
        assert "{" not in said


def test_a_name_is_told_as_it_is_whatever_it_looks_like() -> None:
    notice = Notice(1, NoticeKind.JOINED, "{0} {kind}")
    assert sentence(notice) == "{0} {kind} joined"


def test_a_device_that_is_held_is_named() -> None:
    held = Notice(1, NoticeKind.MEDIA_PROBLEM, "camera", MediaProblem.IN_USE)
    said = "Another program holds your camera. Close it and try again."
    assert sentence(held) == said
