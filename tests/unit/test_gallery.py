"""Pictures in both directions, as a session hears of them."""

from client_py.core import effect as do, event as e
from client_py.core.encoding import CAMERA, NOTHING, SCREEN
from client_py.core.line import EVERYTHING
from client_py.core.look import Look
from client_py.core.outgoing import Outgoing
from client_py.core.session import Session
from client_py.core.slot import Slot
from client_py.core.state import CaptureQuality, NoticeKind
from client_py.core.uplink import Shape
from protocol.messages import (
    MediaState,
    ParticipantChanged,
    Pausing,
    Resumed,
    Watching,
)
from tests.unit.people import ANN, BEN, CAT, info, joined

NO_PICTURE = Watching(0, 0)
LOOKED = e.LinksLooked({})


def session(*others: str, camera: bool = True) -> Session:
    """Return a session that is in a room, with its camera on."""
    made = Session(lambda: 0.5, "test")
    made.handle(e.EnterLobby("room"))
    if camera:
        made.handle(e.TurnOn(Slot.CAMERA))
        made.handle(e.SourceStarted(Slot.CAMERA, (Slot.CAMERA,)))
    made.handle(e.Join("Me"))
    made.handle(e.Admitted("token"))
    made.handle(e.Heard(joined(*others)))  # type: ignore[arg-type]
    return made


def told(effects: list[do.Effect]) -> list[do.Effect]:
    """Return what concerns pictures."""
    return [each for each in effects if isinstance(each, do.Tell | do.Shape)]


def notices(session: Session) -> list[NoticeKind]:
    return [each.kind for each in session.snapshot.notices]


def looked(n: int, *, dire: bool = False) -> e.LinksLooked:
    """Return a second's look at a link that carries all, or next to nothing."""
    out = Outgoing(
        timestamp=float(n),
        packets=100 * n,
        lost=50 * n if dire else 0,
        size=10_000 * n,
        trip=0.05,
    )
    return e.LinksLooked({ANN: Look(outgoing=out)})


def test_first_look_asks_for_the_shape_of_the_camera() -> None:
    here = session(ANN)
    assert told(here.handle(LOOKED)) == [do.Shape(ANN, Shape(CAMERA[3], SCREEN[3]))]
    assert told(here.handle(LOOKED)) == []


def test_hint_of_the_other_end_makes_the_picture_smaller() -> None:
    here = session(ANN, BEN)
    here.handle(LOOKED)
    effects = here.handle(e.PeerHinted(BEN, 1, Watching(90, 0)))
    assert told(effects) == [do.Shape(BEN, Shape(CAMERA[0], NOTHING))]


def test_hint_of_another_connection_is_not_heard() -> None:
    here = session(ANN)
    here.handle(LOOKED)
    assert here.handle(e.PeerHinted(ANN, 2, NO_PICTURE)) == []
    assert here.handle(e.PeerHinted(CAT, 1, NO_PICTURE)) == []


def test_others_are_told_how_large_their_tiles_are() -> None:
    here = session(ANN, BEN)
    here.handle(LOOKED)
    tiles = {ANN: Watching(333, 0), BEN: Watching(4000, 700)}
    assert told(here.handle(e.TilesMeasured(tiles))) == [
        do.Tell(ANN, Watching(360, 0)),
        do.Tell(BEN, Watching(720, EVERYTHING.screen)),
    ]


def test_tile_that_changes_a_little_is_not_told_of() -> None:
    here = session(ANN)
    here.handle(LOOKED)
    here.handle(e.TilesMeasured({ANN: Watching(310, 0)}))
    assert told(here.handle(e.TilesMeasured({ANN: Watching(380, 0)}))) == []


def test_hiding_somebody_stops_their_camera_and_not_their_screen() -> None:
    here = session(ANN)
    here.handle(LOOKED)
    assert told(here.handle(e.HideVideo(ANN, True))) == [
        do.Tell(ANN, Watching(0, EVERYTHING.screen))
    ]
    assert [each.hidden for each in here.snapshot.participants] == [False, True]
    assert told(here.handle(e.HideVideo(ANN, False))) == [do.Tell(ANN, EVERYTHING)]
    assert [each.hidden for each in here.snapshot.participants] == [False, False]


def test_who_is_not_here_can_not_be_hidden() -> None:
    here = session(ANN)
    here.handle(LOOKED)
    assert told(here.handle(e.HideVideo(CAT, True))) == []


def test_hints_wait_for_a_server_that_hears_them() -> None:
    here = session(ANN)
    here.handle(LOOKED)
    here.handle(e.SocketClosed(1006))
    for height in range(0, 700, 10):
        assert told(here.handle(e.TilesMeasured({ANN: Watching(height, 0)}))) == []
    here.handle(e.Admitted("token"))
    back = here.handle(e.Heard(Resumed("ticket", (), 0)))
    assert told([*back, *here.handle(LOOKED)]) == [do.Tell(ANN, Watching(720, 0))]


def test_new_connection_is_told_anew() -> None:
    here = session(ANN)
    here.handle(LOOKED)
    here.handle(e.HideVideo(ANN, True))
    here.handle(e.PeerChanged(ANN, 1, "failed"))
    here.handle(e.RenewalDue(ANN, 1))
    assert told(here.handle(LOOKED)) == [
        do.Shape(ANN, Shape(CAMERA[3], SCREEN[3])),
        do.Tell(ANN, Watching(0, EVERYTHING.screen)),
    ]


def test_audio_only_closes_the_camera_and_asks_for_no_pictures() -> None:
    here = session(ANN)
    here.handle(LOOKED)
    effects = here.handle(e.ChooseQuality(CaptureQuality.AUDIO))
    assert do.StopSource(Slot.CAMERA) in effects
    assert do.Tell(ANN, NO_PICTURE) in effects
    assert here.snapshot.participants[1].hidden
    effects = here.handle(e.ChooseQuality(CaptureQuality.HD))
    assert do.StartSource(Slot.CAMERA, "", CaptureQuality.HD) in effects
    assert do.Tell(ANN, EVERYTHING) in effects
    assert not here.snapshot.participants[1].hidden


def test_audio_only_leaves_a_camera_off_that_was_off() -> None:
    here = session(ANN, camera=False)
    here.handle(LOOKED)
    for quality in (CaptureQuality.AUDIO, CaptureQuality.AUDIO, CaptureQuality.SD):
        effects = here.handle(e.ChooseQuality(quality))
        assert not [each for each in effects if isinstance(each, do.StartSource)]


def test_turning_the_camera_on_ends_audio_only() -> None:
    here = session(ANN)
    here.handle(LOOKED)
    here.handle(e.ChooseQuality(CaptureQuality.AUDIO))
    effects = here.handle(e.TurnOn(Slot.CAMERA))
    assert do.StartSource(Slot.CAMERA, "", CaptureQuality.SD) in effects
    assert do.Tell(ANN, EVERYTHING) in effects
    assert here.snapshot.quality is CaptureQuality.SD


def test_camera_that_no_way_carries_is_told_to_me_and_to_them() -> None:
    here = session(ANN)
    effects = []
    for n in range(20):
        effects += told(here.handle(looked(n, dire=True)))
    assert [each for each in effects if isinstance(each, do.Tell)] == [
        do.Tell(ANN, Pausing(True))
    ]
    assert effects[-2:] == [
        do.Shape(ANN, Shape(NOTHING, NOTHING, paused=True)),
        do.Tell(ANN, Pausing(True)),
    ]
    assert here.snapshot.participants[0].paused
    assert notices(here) == [NoticeKind.VIDEO_PAUSED]

    effects = []
    for n in range(20, 40):
        effects += told(here.handle(looked(n)))
    assert do.Tell(ANN, Pausing(False)) in effects
    assert not here.snapshot.participants[0].paused
    assert notices(here) == [NoticeKind.VIDEO_PAUSED, NoticeKind.VIDEO_BACK]


def test_turning_off_a_camera_that_is_held_back_is_not_its_coming_back() -> None:
    here = session(ANN)
    for n in range(20):
        here.handle(looked(n, dire=True))
    here.handle(e.TurnOff(Slot.CAMERA))
    here.handle(LOOKED)
    assert not here.snapshot.participants[0].paused
    assert notices(here) == [NoticeKind.VIDEO_PAUSED]


def test_who_holds_their_picture_back_is_shown_so_while_their_camera_is_on() -> None:
    here = session(ANN)
    here.handle(e.PeerHinted(ANN, 1, Pausing(True)))
    assert not here.snapshot.participants[1].paused
    on = info(ANN, media=MediaState(camera=True))
    here.handle(e.Heard(ParticipantChanged(on)))
    assert here.snapshot.participants[1].paused
    here.handle(e.PeerHinted(ANN, 1, Pausing(False)))
    assert not here.snapshot.participants[1].paused
