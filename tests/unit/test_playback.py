from client_py.core import effect as do, event as e
from client_py.core.playback import Playback
from client_py.core.state import Choice, Device, MediaProblem, NoticeKind


def speaker(id: str, label: str = "") -> Device:
    return Device(id, "audiooutput", label or id.upper())


BUILT_IN, USB = speaker("built-in"), speaker("usb")
CHOSEN = Choice("usb", "USB")
GONE = (NoticeKind.DEVICE_REPLACED, "speaker", MediaProblem.NOT_FOUND)
BACK = (NoticeKind.DEVICE_BACK, "speaker", "USB")
through = do.PlayThrough


class Room:
    """A playback, and what the person in it was told."""

    def __init__(self, *devices: Device) -> None:
        self.told: list[tuple[NoticeKind, str, str]] = []
        self.playback = Playback(lambda *notice: self.told.append(notice))
        self.playback.look(devices)

    def choose_usb(self) -> list[do.Effect]:
        return self.playback.handle(e.ChooseOutput("usb", "USB"))


def test_output_that_is_chosen_is_used() -> None:
    room = Room(BUILT_IN, USB)
    assert room.choose_usb() == [through("usb")]
    assert (room.playback.output, room.playback.preferred) == ("usb", CHOSEN)


def test_output_that_is_unplugged_gives_way_to_the_default_one_and_comes_back() -> None:
    room = Room(BUILT_IN, USB)
    room.choose_usb()
    assert room.playback.look((BUILT_IN,)) == [through("")]
    assert (room.playback.output, room.playback.preferred) == ("", CHOSEN)
    assert room.playback.look((BUILT_IN, USB)) == [through("usb")]
    assert room.told == [GONE, BACK]


def test_last_output_that_is_unplugged_is_missed_too() -> None:
    room = Room(USB)
    room.choose_usb()
    assert room.playback.look(()) == [through("")]


def test_output_is_known_by_its_label_under_another_id() -> None:
    room = Room(BUILT_IN, USB)
    room.choose_usb()
    room.playback.look((BUILT_IN,))
    assert room.playback.look((BUILT_IN, speaker("again", "USB"))) == [through("again")]
    assert room.playback.preferred == Choice("again", "USB")


def test_output_of_an_earlier_visit_is_waited_for() -> None:
    """Before a permission no output is listed."""
    room = Room()
    assert room.choose_usb() == [through("usb")]
    assert room.playback.look(()) == []
    assert room.playback.look((BUILT_IN,)) == [through("")]
    assert room.told == [GONE]


def test_output_that_fails_gives_way_until_it_is_plugged_in_again() -> None:
    room = Room(BUILT_IN, USB)
    room.choose_usb()
    assert room.playback.handle(e.OutputFailed("usb")) == [through("")]
    assert room.playback.handle(e.OutputFailed("usb")) == []  # each voice tells of it
    assert room.playback.look((BUILT_IN, USB)) == []
    assert room.playback.look((BUILT_IN,)) == []
    assert room.playback.look((BUILT_IN, USB)) == [through("usb")]
    assert room.told == [
        (NoticeKind.DEVICE_REPLACED, "speaker", MediaProblem.FAILED),
        BACK,
    ]


def test_default_output_that_fails_has_no_next_best() -> None:
    room = Room(BUILT_IN)
    assert room.playback.handle(e.OutputFailed("")) == []


def test_default_output_is_followed_by_the_platform() -> None:
    room = Room(BUILT_IN)
    assert room.playback.look((USB, BUILT_IN)) == []
    assert room.playback.look((USB,)) == []
    assert room.told == []


def test_output_is_picked_as_the_platform_has_it() -> None:
    room = Room()
    assert room.playback.handle(e.PickOutput()) == [do.PickOutput()]
