from collections.abc import Iterable
from dataclasses import replace

import pytest

from client_py.core import effect as do, event as e
from client_py.core.microphone import REMIND, SILENCE
from client_py.core.slot import Slot
from client_py.core.source import HELD, Sources
from client_py.core.state import (
    CaptureQuality,
    Choice,
    Device,
    MediaProblem,
    NoticeKind,
    Source,
    SourceState,
)
from protocol.messages import MediaState

MIC, CAM, SCREEN, AUDIO = Slot
OFF, STARTING, LIVE, SILENT, MUTED, FAILED = SourceState
SD = CaptureQuality.SD


class Desk:
    """Sources, and what the person at it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[NoticeKind, str, str]] = []
        self.sources = Sources(lambda *notice: self.told.append(notice))

    def state(self, slot: Slot) -> SourceState:
        return self.sources[slot].state

    def after(self, *events: e.SourceEvent) -> list[do.Effect]:
        """Handle events; return what the last one wants done."""
        effects: list[do.Effect] = []
        for event in events:
            effects = self.sources.handle(event)
        return effects


def started(slot: Slot, *more: Slot) -> e.SourceStarted:
    return e.SourceStarted(slot, (slot, *more))


def failed(
    slot: Slot, problem: MediaProblem = MediaProblem.NOT_FOUND
) -> e.SourceFailed:
    return e.SourceFailed(slot, problem)


PATHS: dict[SourceState, list[e.SourceEvent]] = {
    OFF: [],
    STARTING: [e.TurnOn(MIC)],
    LIVE: [e.TurnOn(MIC), started(MIC)],
    SILENT: [
        e.TurnOn(MIC),
        started(MIC),
        e.SourceInterrupted(MIC),
        e.InterruptionLasts(MIC, 1),
    ],
    MUTED: [e.TurnOn(MIC), started(MIC), e.TurnOff(MIC)],
    FAILED: [e.TurnOn(MIC), failed(MIC)],
}


def in_state(state: SourceState, slot: Slot = MIC) -> Desk:
    """Return a desk with the source of a slot in this state."""
    desk = Desk()
    path: Iterable[e.SourceEvent] = PATHS[state]
    for event in path:
        if isinstance(event, e.SourceStarted):
            event = started(slot)
        elif isinstance(event, e.SourceFailed):
            event = failed(slot, event.problem)
        elif isinstance(event, e.TurnOn | e.TurnOff | e.SourceInterrupted):
            event = type(event)(slot)
        elif isinstance(event, e.InterruptionLasts):
            event = replace(event, slot=slot)
        desk.sources.handle(event)
    desk.told.clear()
    assert desk.state(slot) is state
    return desk


def start(slot: Slot, device: str = "", quality: CaptureQuality = SD) -> do.Effect:
    return do.StartSource(slot, device, quality)


def lasts(slot: Slot, serial: int = 1) -> do.Effect:
    return do.After(HELD, e.InterruptionLasts(slot, serial))


def plugged(*devices: Device) -> e.DevicesChanged:
    return e.DevicesChanged(devices)


def microphone(id: str, label: str = "") -> Device:
    return Device(id, "audioinput", label or id.upper())


stop, publish, unpublish = do.StopSource, do.Publish, do.Unpublish
USB, HEADSET, BUILT_IN = map(microphone, ("usb", "headset", "built-in"))

MICROPHONE: list[tuple[SourceState, e.SourceEvent, SourceState, list[do.Effect]]] = [
    (OFF, e.TurnOn(MIC), STARTING, [start(MIC)]),
    (OFF, e.TurnOff(MIC), OFF, []),
    (OFF, started(MIC), OFF, [stop(MIC)]),  # turned off while it was opening
    (OFF, failed(MIC), OFF, []),
    (OFF, e.SourceEnded(MIC), OFF, []),
    (OFF, e.ChooseDevice(MIC, "usb"), OFF, []),
    (OFF, e.SourceInterrupted(MIC), OFF, [lasts(MIC)]),
    (OFF, e.SourceResumed(MIC), OFF, []),
    (OFF, e.InterruptionLasts(MIC, 1), OFF, []),
    (STARTING, e.TurnOn(MIC), STARTING, []),
    (STARTING, e.TurnOff(MIC), OFF, [stop(MIC)]),
    (STARTING, started(MIC), LIVE, [publish(MIC)]),
    (STARTING, failed(MIC), FAILED, []),
    (STARTING, failed(MIC, MediaProblem.CANCELLED), OFF, []),
    (STARTING, e.SourceEnded(MIC), STARTING, []),
    (STARTING, e.ChooseDevice(MIC, "usb"), STARTING, [start(MIC, "usb")]),
    (STARTING, e.SourceInterrupted(MIC), STARTING, [lasts(MIC)]),
    (STARTING, e.SourceResumed(MIC), STARTING, []),
    (STARTING, e.InterruptionLasts(MIC, 1), STARTING, []),
    (LIVE, e.TurnOn(MIC), LIVE, []),
    (LIVE, e.TurnOff(MIC), MUTED, [unpublish(MIC)]),
    (LIVE, started(MIC), LIVE, [publish(MIC)]),  # another device took over
    (LIVE, failed(MIC), LIVE, []),  # another device did not; this one goes on
    (LIVE, e.SourceEnded(MIC), STARTING, [unpublish(MIC), stop(MIC), start(MIC)]),
    (LIVE, e.ChooseDevice(MIC, "usb"), LIVE, [start(MIC, "usb")]),
    (LIVE, e.SourceInterrupted(MIC), LIVE, [lasts(MIC)]),
    (LIVE, e.SourceResumed(MIC), LIVE, []),
    (LIVE, e.InterruptionLasts(MIC, 1), LIVE, []),  # of another one, long over
    (SILENT, e.TurnOn(MIC), SILENT, [start(MIC)]),  # opened anew it may be heard
    (SILENT, e.TurnOff(MIC), MUTED, [unpublish(MIC)]),
    (SILENT, started(MIC), LIVE, [publish(MIC)]),
    (SILENT, failed(MIC), SILENT, []),
    (SILENT, e.SourceEnded(MIC), STARTING, [unpublish(MIC), stop(MIC), start(MIC)]),
    (SILENT, e.ChooseDevice(MIC, "usb"), SILENT, [start(MIC, "usb")]),
    (SILENT, e.SourceInterrupted(MIC), SILENT, [lasts(MIC, 2)]),
    (SILENT, e.SourceResumed(MIC), LIVE, []),
    (SILENT, e.InterruptionLasts(MIC, 1), SILENT, []),
    (MUTED, e.SourceInterrupted(MIC), MUTED, [lasts(MIC)]),
    (MUTED, e.SourceResumed(MIC), MUTED, []),
    (MUTED, e.InterruptionLasts(MIC, 1), MUTED, []),
    (MUTED, e.TurnOn(MIC), LIVE, [publish(MIC)]),
    (MUTED, e.TurnOff(MIC), MUTED, []),
    (MUTED, started(MIC), MUTED, []),
    (MUTED, failed(MIC), MUTED, []),
    (MUTED, e.SourceEnded(MIC), OFF, [unpublish(MIC), stop(MIC)]),
    (MUTED, e.ChooseDevice(MIC, "usb"), MUTED, [start(MIC, "usb")]),
    (FAILED, e.TurnOn(MIC), STARTING, [start(MIC)]),
    (FAILED, e.TurnOff(MIC), OFF, []),
    (FAILED, started(MIC), FAILED, [stop(MIC)]),
    (FAILED, failed(MIC), FAILED, []),
    (FAILED, e.SourceEnded(MIC), FAILED, []),
    (FAILED, e.ChooseDevice(MIC, "usb"), STARTING, [start(MIC, "usb")]),
    (FAILED, e.SourceInterrupted(MIC), FAILED, [lasts(MIC)]),
    (FAILED, e.SourceResumed(MIC), FAILED, []),
    (FAILED, e.InterruptionLasts(MIC, 1), FAILED, []),
]

CAMERA: list[tuple[SourceState, e.SourceEvent, SourceState, list[do.Effect]]] = [
    (OFF, e.TurnOn(CAM), STARTING, [start(CAM)]),
    (STARTING, started(CAM), LIVE, [publish(CAM)]),
    (STARTING, e.TurnOff(CAM), OFF, [stop(CAM)]),
    (LIVE, e.TurnOff(CAM), OFF, [unpublish(CAM), stop(CAM)]),  # its light goes out
    (LIVE, e.SourceEnded(CAM), STARTING, [unpublish(CAM), stop(CAM), start(CAM)]),
    (FAILED, e.TurnOff(CAM), OFF, []),
]

SHARE: list[tuple[SourceState, e.SourceEvent, SourceState, list[do.Effect]]] = [
    (OFF, e.TurnOn(SCREEN), STARTING, [start(SCREEN)]),
    (STARTING, started(SCREEN), LIVE, [publish(SCREEN)]),
    (STARTING, started(SCREEN, AUDIO), LIVE, [publish(SCREEN), publish(AUDIO)]),
    (STARTING, e.TurnOff(SCREEN), OFF, [stop(SCREEN)]),
    (LIVE, e.TurnOff(SCREEN), OFF, [unpublish(SCREEN), stop(SCREEN)]),
    (LIVE, e.SourceEnded(SCREEN), OFF, [unpublish(SCREEN), stop(SCREEN)]),
]


@pytest.mark.parametrize(("before", "event", "after", "effects"), MICROPHONE)
def test_microphone_follows_the_diagram(
    before: SourceState,
    event: e.SourceEvent,
    after: SourceState,
    effects: list[do.Effect],
) -> None:
    desk = in_state(before)
    assert desk.after(event) == effects
    assert desk.state(MIC) is after
    assert desk.sources.announced == MediaState(microphone=after in (LIVE, SILENT))


@pytest.mark.parametrize(("before", "event", "after", "effects"), CAMERA)
def test_camera_that_is_off_is_closed(
    before: SourceState,
    event: e.SourceEvent,
    after: SourceState,
    effects: list[do.Effect],
) -> None:
    desk = in_state(before, CAM)
    assert desk.after(event) == effects
    assert desk.state(CAM) is after
    assert desk.sources.announced == MediaState(camera=after is LIVE)


@pytest.mark.parametrize(("before", "event", "after", "effects"), SHARE)
def test_share_is_open_or_closed(
    before: SourceState,
    event: e.SourceEvent,
    after: SourceState,
    effects: list[do.Effect],
) -> None:
    desk = in_state(before, SCREEN)
    assert desk.after(event) == effects
    assert desk.state(SCREEN) is after
    assert desk.sources.announced.screen is (after is LIVE)


def test_every_state_and_event_of_a_microphone_is_in_the_table() -> None:
    assert {(state, type(event)) for state, event, _, _ in MICROPHONE} == {
        (state, kind)
        for state in SourceState
        for kind in (
            e.TurnOn,
            e.TurnOff,
            e.SourceStarted,
            e.SourceFailed,
            e.SourceEnded,
            e.SourceInterrupted,
            e.SourceResumed,
            e.InterruptionLasts,
            e.ChooseDevice,
        )
    }


def test_sound_of_a_share_goes_with_it() -> None:
    desk = in_state(STARTING, SCREEN)
    desk.after(started(SCREEN, AUDIO))
    assert desk.sources.announced == MediaState(screen=True, screen_audio=True)
    assert desk.after(e.TurnOff(SCREEN)) == [
        unpublish(SCREEN),
        unpublish(AUDIO),
        stop(SCREEN),
    ]
    assert desk.sources.announced == MediaState()


def test_second_share_without_sound_announces_none() -> None:
    desk = in_state(STARTING, SCREEN)
    desk.after(started(SCREEN, AUDIO), e.SourceEnded(SCREEN), e.TurnOn(SCREEN))
    assert desk.after(started(SCREEN)) == [publish(SCREEN)]
    assert desk.sources.announced == MediaState(screen=True)


def test_sound_that_another_surface_lacks_is_sent_no_more() -> None:
    desk = in_state(STARTING, SCREEN)
    desk.after(started(SCREEN, AUDIO), e.ChooseDevice(SCREEN, "window"))
    assert desk.after(started(SCREEN)) == [publish(SCREEN), unpublish(AUDIO)]
    assert desk.sources.announced == MediaState(screen=True)


def test_cancelled_share_is_quiet() -> None:
    desk = in_state(STARTING, SCREEN)
    assert desk.after(failed(SCREEN, MediaProblem.CANCELLED)) == []
    assert (desk.state(SCREEN), desk.told) == (OFF, [])


def test_refused_device_is_told_and_shown() -> None:
    desk = in_state(STARTING, CAM)
    desk.after(failed(CAM, MediaProblem.DENIED))
    assert desk.sources[CAM] == Source(FAILED, MediaProblem.DENIED)
    assert desk.told == [(NoticeKind.MEDIA_PROBLEM, "camera", MediaProblem.DENIED)]


def test_problem_is_gone_with_the_next_try() -> None:
    desk = in_state(FAILED, CAM)
    desk.after(e.TurnOn(CAM))
    assert desk.sources[CAM] == Source(STARTING)


@pytest.mark.parametrize("slot", [MIC, CAM])
def test_device_that_is_pulled_out_gives_way_to_the_default_one(slot: Slot) -> None:
    desk = in_state(OFF)
    desk.after(e.ChooseDevice(slot, "usb"), e.TurnOn(slot), started(slot))
    assert desk.after(e.SourceEnded(slot))[-1] == start(slot)
    assert desk.sources[slot] == Source(STARTING, preferred=Choice("usb"))
    assert desk.told == [(NoticeKind.DEVICE_ENDED, slot.word, "")]


def test_default_device_that_is_not_there_either_is_tried_once() -> None:
    desk = in_state(LIVE)
    desk.after(e.SourceEnded(MIC))
    assert desk.after(failed(MIC)) == []
    assert desk.sources[MIC] == Source(FAILED, MediaProblem.NOT_FOUND)


def test_muted_microphone_that_is_pulled_out_is_not_heard_again() -> None:
    desk = in_state(MUTED)
    desk.after(e.SourceEnded(MIC))
    assert desk.told == [(NoticeKind.DEVICE_UNPLUGGED, "microphone", "")]
    assert desk.after(started(MIC)) == [stop(MIC)]
    assert desk.sources.announced == MediaState()
    assert desk.after(e.TurnOn(MIC)) == [start(MIC)]


def test_chosen_device_is_opened_next_time() -> None:
    desk = in_state(OFF)
    desk.after(e.ChooseDevice(CAM, "usb"))
    assert desk.after(e.TurnOn(CAM)) == [start(CAM, "usb")]
    assert desk.sources[CAM].device == "usb"


def test_device_survives_turning_off_and_failing() -> None:
    desk = in_state(OFF)
    desk.after(e.ChooseDevice(CAM, "usb"), e.TurnOn(CAM), failed(CAM))
    desk.after(e.TurnOff(CAM))
    assert desk.after(e.TurnOn(CAM)) == [start(CAM, "usb")]


# -- the next best device, and back to the one that was chosen


def with_usb(state: SourceState) -> Desk:
    """Return a desk at which a microphone was chosen that is there."""
    desk = Desk()
    desk.after(plugged(BUILT_IN, USB), e.ChooseDevice(MIC, "usb"), *PATHS[state])
    desk.told.clear()
    assert desk.sources[MIC] == Source(state, device="usb", preferred=CHOSEN)
    return desk


CHOSEN = Choice("usb", "USB")
DEVICE_BACK = (NoticeKind.DEVICE_BACK, "microphone", "USB")


def replaced(why: MediaProblem) -> tuple[NoticeKind, str, str]:
    return NoticeKind.DEVICE_REPLACED, "microphone", why


@pytest.mark.parametrize(
    "problem", [MediaProblem.NOT_FOUND, MediaProblem.IN_USE, MediaProblem.FAILED]
)
def test_device_that_can_not_be_had_gives_way_to_the_default_one(
    problem: MediaProblem,
) -> None:
    desk = with_usb(STARTING)
    assert desk.after(failed(MIC, problem)) == [start(MIC)]
    assert desk.told == []  # nothing is sure yet
    assert desk.after(started(MIC)) == [publish(MIC)]
    assert desk.sources[MIC] == Source(LIVE, preferred=CHOSEN)
    assert desk.told == [replaced(problem)]


@pytest.mark.parametrize(
    "problem",
    [MediaProblem.DENIED, MediaProblem.SYSTEM_DENIED, MediaProblem.UNSUPPORTED],
)
def test_who_is_refused_is_not_asked_again(problem: MediaProblem) -> None:
    desk = with_usb(STARTING)
    assert desk.after(failed(MIC, problem)) == []
    assert desk.sources[MIC].state is FAILED
    assert desk.told == [(NoticeKind.MEDIA_PROBLEM, "microphone", problem)]


def test_every_device_is_tried_before_it_fails() -> None:
    desk = Desk()
    there = plugged(BUILT_IN, USB, HEADSET)
    desk.after(there, e.ChooseDevice(MIC, "usb"), e.TurnOn(MIC))
    assert desk.after(failed(MIC, MediaProblem.IN_USE)) == [start(MIC)]
    assert desk.after(failed(MIC)) == [start(MIC, "headset")]
    assert desk.after(failed(MIC)) == []
    assert desk.sources[MIC].state is FAILED
    assert desk.told == [
        (NoticeKind.MEDIA_PROBLEM, "microphone", MediaProblem.IN_USE)
    ]  # what is wrong with the one that was chosen


def test_remembered_device_that_is_not_there_is_not_asked_for() -> None:
    desk = Desk()
    desk.after(e.ChooseDevice(MIC, "usb", "USB"), plugged(BUILT_IN))
    assert desk.sources[MIC] == Source(OFF, preferred=CHOSEN)
    assert desk.after(e.TurnOn(MIC)) == [start(MIC)]
    desk.after(started(MIC))
    assert desk.told == [replaced(MediaProblem.NOT_FOUND)]


@pytest.mark.parametrize(
    ("state", "after", "effects"),
    [(LIVE, LIVE, [publish(MIC)]), (SILENT, LIVE, [publish(MIC)]), (MUTED, MUTED, [])],
)
def test_chosen_device_is_used_again_when_it_is_back(
    state: SourceState, after: SourceState, effects: list[do.Effect]
) -> None:
    desk = Desk()
    desk.after(e.ChooseDevice(MIC, "usb", "USB"), plugged(BUILT_IN), *PATHS[state])
    desk.told.clear()
    assert desk.after(plugged(BUILT_IN, USB)) == [start(MIC, "usb")]
    assert (desk.state(MIC), desk.told) == (state, [])  # the other goes on until then
    assert desk.after(started(MIC)) == effects
    assert desk.sources[MIC] == Source(after, device="usb", preferred=CHOSEN)
    assert desk.told == [DEVICE_BACK]


def test_device_that_was_pulled_out_is_used_again_when_it_is_back() -> None:
    desk = with_usb(LIVE)
    assert desk.after(e.SourceEnded(MIC))[-1] == start(MIC)
    # The list may tell of it before and after, in any order.
    assert desk.after(started(MIC)) == [publish(MIC)]
    assert desk.after(plugged(BUILT_IN, USB)) == []
    assert desk.after(plugged(BUILT_IN)) == []
    assert desk.sources[MIC] == Source(LIVE, preferred=CHOSEN)
    assert desk.after(plugged(BUILT_IN, USB)) == [start(MIC, "usb")]
    desk.after(started(MIC))
    assert desk.told == [(NoticeKind.DEVICE_ENDED, "microphone", ""), DEVICE_BACK]


def test_device_is_known_by_its_label_under_another_id() -> None:
    desk = with_usb(LIVE)
    desk.after(e.SourceEnded(MIC), started(MIC), plugged(BUILT_IN))
    again = microphone("usb-again", "USB")
    camera = Device("camera", "videoinput", "USB")
    assert desk.after(plugged(camera, BUILT_IN, again)) == [start(MIC, "usb-again")]
    assert desk.sources[MIC].preferred == Choice("usb-again", "USB")
    assert desk.sources[CAM].preferred == Choice()


def test_device_that_comes_back_while_another_one_opens_is_used() -> None:
    desk = with_usb(LIVE)
    desk.after(e.SourceEnded(MIC), plugged(BUILT_IN))
    assert desk.after(plugged(BUILT_IN, USB)) == []
    assert desk.after(started(MIC)) == [publish(MIC), start(MIC, "usb")]


def test_device_that_is_back_and_can_not_be_had_changes_nothing() -> None:
    desk = with_usb(LIVE)
    desk.after(e.SourceEnded(MIC), started(MIC), plugged(BUILT_IN))
    desk.told.clear()
    assert desk.after(plugged(BUILT_IN, USB)) == [start(MIC, "usb")]
    assert desk.after(failed(MIC, MediaProblem.IN_USE)) == []
    assert desk.sources[MIC] == Source(LIVE, preferred=CHOSEN)
    assert desk.told == []  # nobody asked for it
    assert desk.after(plugged(BUILT_IN, USB, HEADSET)) == []


@pytest.mark.parametrize(
    ("state", "effects"),
    [
        (OFF, []),
        (STARTING, []),
        (LIVE, [start(MIC)]),
        (SILENT, [start(MIC)]),
        (MUTED, [start(MIC)]),
        (FAILED, [start(MIC)]),
    ],
)
def test_default_that_changes_is_followed(
    state: SourceState, effects: list[do.Effect]
) -> None:
    desk = Desk()
    desk.after(plugged(BUILT_IN), *PATHS[state])
    assert desk.after(plugged(HEADSET, BUILT_IN)) == effects


def test_default_that_changes_is_told_once_it_is_used() -> None:
    desk = Desk()
    desk.after(plugged(BUILT_IN), *PATHS[LIVE], plugged(HEADSET, BUILT_IN))
    assert desk.told == []
    desk.after(started(MIC))
    assert desk.told == [(NoticeKind.DEFAULT_CHANGED, "microphone", "")]


def test_default_that_changes_is_nothing_to_who_chose_a_device() -> None:
    desk = with_usb(LIVE)
    assert desk.after(plugged(HEADSET, BUILT_IN, USB)) == []


def test_default_that_is_pulled_out_is_replaced_once() -> None:
    desk = Desk()
    desk.after(plugged(HEADSET, BUILT_IN), *PATHS[LIVE])
    assert desk.after(plugged(BUILT_IN)) == []
    assert desk.after(e.SourceEnded(MIC))[-1] == start(MIC)


def test_device_that_is_plugged_in_at_last_is_used() -> None:
    desk = Desk()
    camera = Device("camera", "videoinput", "Camera")
    desk.after(plugged(camera), *PATHS[FAILED])
    assert desk.after(plugged(camera, USB)) == [start(MIC)]


@pytest.mark.parametrize("problem", [MediaProblem.DENIED, MediaProblem.SYSTEM_DENIED])
def test_refusal_is_no_matter_of_what_is_plugged_in(problem: MediaProblem) -> None:
    desk = Desk()
    desk.after(plugged(BUILT_IN), e.TurnOn(MIC), failed(MIC, problem))
    assert desk.after(plugged(BUILT_IN, USB)) == []


def test_choosing_another_one_ends_the_wish_for_the_first() -> None:
    desk = with_usb(LIVE)
    desk.after(e.ChooseDevice(MIC, ""), started(MIC), plugged(BUILT_IN))
    assert desk.after(plugged(BUILT_IN, USB)) == []
    assert desk.sources[MIC] == Source(LIVE)


# -- a device that gives nothing


def test_interruption_that_lasts_is_told() -> None:
    desk = in_state(LIVE, CAM)
    desk.after(e.SourceInterrupted(CAM), e.InterruptionLasts(CAM, 1))
    assert desk.sources[CAM].state is SILENT
    assert desk.told == [(NoticeKind.SOURCE_HELD, "camera", "")]
    assert desk.sources.announced == MediaState(camera=True)


def test_interruption_that_is_short_is_not() -> None:
    desk = in_state(LIVE)
    desk.after(e.SourceInterrupted(MIC), e.SourceResumed(MIC))
    desk.after(e.SourceInterrupted(MIC), e.InterruptionLasts(MIC, 1))
    assert (desk.state(MIC), desk.told) == (LIVE, [])


def test_silent_microphone_is_told_and_heard_again() -> None:
    desk = in_state(LIVE)
    assert not desk.sources.measure(0.0, 0.0, audience=False)
    assert desk.sources.measure(0.0, SILENCE, audience=False)
    assert desk.state(MIC) is SILENT
    assert desk.told == [(NoticeKind.MICROPHONE_SILENT, "microphone", "")]
    assert desk.sources.announced == MediaState(microphone=True)
    assert desk.sources.measure(0.1, SILENCE + 1, audience=False)
    assert desk.state(MIC) is LIVE


@pytest.mark.parametrize("audience", [True, False])
def test_talking_while_muted_is_told_where_somebody_could_hear_it(
    audience: bool,
) -> None:
    desk = in_state(MUTED)
    for step in range(int(REMIND)):
        desk.sources.measure(0.2, step / 2, audience=audience)
    told = [(NoticeKind.TALKING_MUTED, "", "")] if audience else []
    assert (desk.state(MIC), desk.told) == (MUTED, told)


@pytest.mark.parametrize(
    ("state", "effects"),
    [
        (OFF, []),
        (STARTING, [start(CAM, "", CaptureQuality.HD)]),
        (LIVE, [start(CAM, "", CaptureQuality.HD)]),
        (FAILED, []),
    ],
)
def test_other_quality_opens_the_camera_anew(
    state: SourceState, effects: list[do.Effect]
) -> None:
    desk = in_state(state, CAM)
    assert desk.after(e.ChooseQuality(CaptureQuality.HD)) == effects
    assert desk.sources.quality is CaptureQuality.HD
    assert desk.state(CAM) is state


def test_leaving_closes_all_and_coming_back_opens_what_was_on() -> None:
    desk = in_state(LIVE)
    desk.after(e.TurnOn(CAM), e.TurnOn(SCREEN), started(SCREEN, AUDIO))
    assert desk.sources.leave() == [
        unpublish(MIC),
        stop(MIC),
        stop(CAM),  # was still starting
        unpublish(SCREEN),
        unpublish(AUDIO),
        stop(SCREEN),
    ]
    assert {desk.state(slot) for slot in (MIC, CAM, SCREEN)} == {OFF}
    assert desk.sources.announced == MediaState()
    assert desk.sources.come_back() == [start(MIC), start(CAM)]  # no share
    assert desk.sources.come_back() == []


@pytest.mark.parametrize("state", [OFF, MUTED, FAILED])
def test_coming_back_opens_nothing_that_was_not_on(state: SourceState) -> None:
    desk = in_state(state)
    desk.sources.leave()
    assert desk.sources.come_back() == []


def test_sound_of_others_is_asked_for_as_it_comes() -> None:
    desk = in_state(OFF)
    assert desk.after(e.ChooseOutput("headset")) == [do.PlayThrough("headset")]
    assert desk.after(e.PlaybackBlocked(True)) == []
    playback = desk.sources.playback
    assert (playback.output, playback.blocked) == ("headset", True)
    assert desk.after(e.AllowPlayback()) == [do.ResumePlayback()]
    assert desk.after(e.PlaybackBlocked(False)) == []
    assert not playback.blocked


def test_devices_are_those_that_were_told_last() -> None:
    desk = in_state(OFF)
    usb = Device("usb", "audioinput", "USB")
    assert desk.after(e.DevicesChanged((usb,))) == []
    assert desk.sources.devices == (usb,)


@pytest.mark.parametrize("state", list(SourceState))
def test_sound_of_a_share_is_no_source_of_its_own(state: SourceState) -> None:
    desk = in_state(state, MIC)
    events: list[e.SourceEvent] = [
        e.TurnOn(AUDIO),
        e.TurnOff(AUDIO),
        e.ChooseDevice(AUDIO, "usb"),
        started(AUDIO),
        failed(AUDIO),
        e.SourceEnded(AUDIO),
        e.SourceInterrupted(AUDIO),
        e.SourceResumed(AUDIO),
        e.InterruptionLasts(AUDIO, 1),
    ]
    assert [desk.after(event) for event in events] == [[]] * 9
    assert desk.told == []
