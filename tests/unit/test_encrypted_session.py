"""A session in an encrypted call: what is opened, what is believed, what is told."""

import pytest

from client_py.core import effect as do, event as e
from client_py.core.session import Session
from client_py.core.state import (
    Alarm,
    Connection,
    Encryption,
    NoticeKind,
    Phase,
    Problem,
)
from client_py.core.terms import SafetyCode, Terms
from e2ee.handshake import Link
from e2ee.room import encode_secret, read_invitation
from e2ee.rotation import Reason
from protocol import messages as m
from protocol.codes import LeaveReason
from tests.unit.people import ANN, BEN, CAT, ICE, ME, info, joined, signaled

SECRET = encode_secret(bytes(32))
SHARED = read_invitation(SECRET).shared_key
CODE = SafetyCode((("🐶", "Dog"),), "1000 2000 3000")
KEY, OTHER = b"their key", b"another key"
HERE = m.Door(e2ee=True)


def entering(secret: str = SECRET, *, encrypts: bool = True) -> Session:
    """Return a session of somebody who said hello."""
    made = Session(lambda: 0.5, "test", encrypts=encrypts)
    for event in (e.EnterLobby("room", secret), e.Join("Me"), e.Admitted("token")):
        made.handle(event)
    return made


def inside(*others: m.ParticipantId) -> Session:
    """Return a session of somebody who is in an encrypted call."""
    made = entering()
    made.handle(e.Heard(joined(*others)))
    return made


def secured(
    encryption: Encryption = Encryption.ON,
    theirs: bytes = KEY,
    *,
    who: m.ParticipantId = ANN,
    generation: int = 1,
    ended: bool = False,
    name: str = "",
) -> e.PeerSecured:
    return e.PeerSecured(who, generation, encryption, b"me", theirs, CODE, ended, name)


def shown(session: Session, who: m.ParticipantId = ANN) -> tuple[Encryption, object]:
    (found,) = [each for each in session.snapshot.participants if each.id == who]
    return found.e2ee, found.code


def kinds(session: Session) -> list[NoticeKind]:
    return [each.kind for each in session.snapshot.notices]


def test_a_link_is_opened_on_the_terms_of_the_secret() -> None:
    terms = Terms(Link("room", ME, ANN, begins=True), SHARED, "Me")
    opened = entering().handle(e.Heard(joined(ANN)))
    shows = do.Tell(ANN, m.Showing(m.MediaState()))
    assert opened == [do.OpenPeer(ANN, 1, True, ICE, terms), shows]


@pytest.mark.parametrize("door", [m.Door(), HERE])
def test_with_a_secret_a_call_is_encrypted_whatever_the_server_says(door) -> None:
    session = entering()
    answer = m.Joined(ME, "room", (info(ANN),), "secret", ICE, door=door)
    opened, _ = session.handle(e.Heard(answer))
    assert isinstance(opened, do.OpenPeer) and opened.terms is not None


def test_without_the_secret_nobody_stays_in_an_encrypted_room() -> None:
    session = entering(secret="")
    answer = m.Joined(ME, "room", (info(ANN),), "secret", ICE, door=HERE)
    assert session.handle(e.Heard(answer)) == [do.Send(m.Leave()), do.Disconnect()]
    assert session.snapshot.phase is Phase.FAILED
    assert session.snapshot.problem is Problem.SECRET_MISSING


@pytest.mark.parametrize("secret", ["unseen", SECRET[:-1], SECRET + "A", "é" * 43])
def test_a_spoilt_secret_knocks_at_no_door(secret: str) -> None:
    session = Session(lambda: 0.5, encrypts=True)
    session.handle(e.EnterLobby("room", secret))
    assert session.handle(e.Join("Me")) == [do.Disconnect()]
    assert session.snapshot.problem is Problem.SECRET_SPOILT


def test_who_can_not_encrypt_knocks_at_no_door() -> None:
    session = Session(lambda: 0.5, encrypts=False)
    session.handle(e.EnterLobby("room", SECRET))
    assert session.handle(e.Join("Me")) == [do.Disconnect()]
    assert session.snapshot.problem is Problem.E2EE_UNSUPPORTED


def test_who_can_not_encrypt_makes_no_encrypted_room_and_may_make_another() -> None:
    session = Session(lambda: 0.5, encrypts=False)
    assert session.handle(e.CreateRoom()) == []
    (notice,) = session.snapshot.notices
    refused = NoticeKind.REFUSED, Problem.E2EE_UNSUPPORTED
    assert (notice.kind, notice.detail) == refused
    assert session.handle(e.CreateRoom(e2ee=False)) == [do.MakeRoom(e2ee=False)]


def test_who_turns_out_to_have_no_keys_to_sign_with_is_told_and_leaves() -> None:
    session = inside(ANN)
    ended = session.handle(e.CurvesMissing())
    assert ended == [do.ClosePeer(ANN), do.Disconnect()]
    assert session.snapshot.problem is Problem.E2EE_UNSUPPORTED
    assert session.handle(e.Join("Me")) == [do.Disconnect()]


def test_no_secret_is_written_where_a_snapshot_is() -> None:
    session = inside(ANN)
    assert session.snapshot.secret == SECRET
    assert SECRET not in repr(session.snapshot) + repr(e.EnterLobby("room", SECRET))


def test_a_link_is_shown_as_it_is() -> None:
    session = inside(ANN)
    trail = [shown(session)]
    for each in (Encryption.ON, Encryption.VERIFIED, Encryption.FAILED):
        session.handle(secured(each))
        trail.append(shown(session))
    assert trail == [
        (Encryption.OFF, None),
        (Encryption.ON, CODE),
        (Encryption.VERIFIED, CODE),
        (Encryption.FAILED, CODE),
    ]


def test_what_is_said_of_an_older_connection_is_nothing() -> None:
    session = inside(ANN)
    assert session.handle(secured(generation=0)) == []
    assert shown(session) == (Encryption.OFF, None)


def test_keys_are_renewed_when_somebody_comes_and_when_they_go() -> None:
    session = inside(ANN)
    came = session.handle(e.Heard(m.ParticipantJoined(info(CAT))))
    assert came[0] == do.RenewKeys(Reason.JOINED)
    assert [type(each) for each in came] == [do.RenewKeys, do.OpenPeer, do.Tell]
    gone = m.ParticipantLeft(CAT, LeaveReason.LEFT)
    assert session.handle(e.Heard(gone)) == [
        do.ClosePeer(CAT),
        do.RenewKeys(Reason.LEFT),
    ]


def test_of_what_is_shown_during_a_cut_only_the_last_is_told() -> None:
    session = inside(ANN)
    session.handle(e.SocketClosed(1006))
    for raised in (True, False) * 100 + (True,):
        assert session.handle(e.RaiseHand(raised)) == []
    session.handle(e.Admitted("token"))
    back = session.handle(e.Heard(m.Resumed("ticket", ICE, 0)))
    assert back == [do.Tell(ANN, m.Showing(m.MediaState(), hand=True))]


def test_the_room_code_waits_for_everybody() -> None:
    session = inside(ANN, BEN)
    session.handle(secured())
    assert session.snapshot.room_code == ""
    session.handle(secured(who=BEN, theirs=OTHER))
    assert len(session.snapshot.room_code) == 35


def test_a_verified_device_stays_so_over_a_new_connection() -> None:
    session = inside(ANN)
    session.handle(secured(Encryption.VERIFIED))
    session.handle(e.PeerChanged(ANN, 1, "failed"))
    session.handle(e.RenewalDue(ANN, 1))
    session.handle(secured(generation=2))
    assert shown(session) == (Encryption.VERIFIED, CODE)


def test_another_key_after_verification_cuts_the_link_and_is_told() -> None:
    session = inside(ANN)
    session.handle(secured(Encryption.VERIFIED))
    session.handle(e.PeerChanged(ANN, 1, "failed"))
    session.handle(e.RenewalDue(ANN, 1))
    assert session.handle(secured(theirs=OTHER, generation=2)) == [do.ClosePeer(ANN)]
    assert shown(session) == (Encryption.FAILED, CODE)
    assert kinds(session) == [NoticeKind.KEY_CHANGED]
    assert session.snapshot.participants[1].connection is Connection.UNREACHABLE


@pytest.mark.parametrize(
    "why", [NoticeKind.MISMATCH, NoticeKind.UNPROTECTED, NoticeKind.UNOPENED]
)
def test_what_is_known_not_to_be_encrypted_ends_the_link_for_good(why) -> None:
    session = inside(ANN)
    session.handle(secured())
    ended = secured(Encryption.FAILED, ended=why)
    assert session.handle(ended) == [do.ClosePeer(ANN)]
    assert kinds(session) == [why]
    assert session.handle(signaled(ANN, m.Renew())) == []
    assert session.handle(e.RenewalDue(ANN, 1)) == []


def test_codes_are_compared_with_who_is_here() -> None:
    session = inside(ANN)
    compared = session.handle(e.CompareCodes(ANN, True, CODE))
    assert compared == [do.Compare(ANN, True, CODE)]
    assert session.handle(e.CompareCodes(CAT, True, CODE)) == []


def test_what_the_server_forges_is_told_once() -> None:
    session = inside(ANN)
    for _ in range(3):
        assert session.handle(e.PeerForged(ANN)) == []
    session.handle(e.PeerForged(CAT))  # of somebody who is gone
    assert kinds(session) == [NoticeKind.FORGED]


# -- who somebody is


def person(session: Session, who: m.ParticipantId = ANN):
    (found,) = [each for each in session.snapshot.participants if each.id == who]
    return found


def renamed(who: m.ParticipantId, name: str) -> e.Heard:
    return e.Heard(m.ParticipantChanged(m.ParticipantInfo(who, name)))


def come_again(session: Session, name: str = "Ann") -> None:
    """Let the server say that Ann left, and that somebody of this name came."""
    session.handle(e.Heard(m.ParticipantLeft(ANN, LeaveReason.LEFT)))
    session.handle(e.Heard(m.ParticipantJoined(m.ParticipantInfo(ANN, name))))


def test_the_servers_word_of_a_name_counts_until_the_sealed_one_came() -> None:
    session = inside(ANN, BEN)
    session.handle(renamed(ANN, "Ben"))
    assert person(session).name == "Ben"
    session.handle(secured(name="Ann"))
    session.handle(secured(who=BEN, theirs=OTHER, name="Ben"))
    session.handle(renamed(ANN, "Ben"))
    session.handle(renamed(BEN, "Ann"))
    assert (person(session).name, person(session, BEN).name) == ("Ann", "Ben")
    line = m.Written((m.Line(m.Id("1"), "hola", 1.0),))
    session.handle(e.PeerSpoke(BEN, 1, line))
    assert [each.name for each in session.snapshot.chat] == ["Ben"]


def test_my_own_name_is_what_i_said_and_no_later_word_of_the_server() -> None:
    session = inside(ANN)
    session.handle(e.Heard(m.ParticipantChanged(m.ParticipantInfo(ME, "Ben"))))
    assert session.snapshot.name == "Me"


def test_a_device_that_was_verified_under_another_name_is_told_of() -> None:
    session = inside(ANN)
    session.handle(e.DevicesRecalled({KEY: "Ben"}))
    assert session.handle(secured(name="Ann")) == []
    found = person(session)
    assert (found.e2ee, found.familiar) == (Encryption.ON, False)
    assert (found.alarm, found.alias) == (Alarm.OTHER_NAME, "Ben")
    (notice,) = session.snapshot.notices
    assert (notice.kind, notice.subject, notice.detail) == (
        NoticeKind.OTHER_NAME,
        "Ann",
        "Ben",
    )


def test_another_key_before_verification_is_told_and_held_back() -> None:
    session = inside(ANN)
    session.handle(secured())
    session.handle(e.PeerChanged(ANN, 1, "failed"))
    session.handle(e.RenewalDue(ANN, 1))
    effects = session.handle(secured(theirs=OTHER, generation=2))
    assert effects == [do.HoldBack(ANN, True)]
    assert (person(session).alarm, shown(session)) == (
        Alarm.OTHER_KEY,
        (Encryption.FAILED, CODE),
    )
    assert kinds(session) == [NoticeKind.OTHER_KEY]


def test_who_left_verified_and_comes_with_another_key_is_held_back() -> None:
    session = inside(ANN)
    session.handle(secured(Encryption.VERIFIED, name="Ann"))
    come_again(session)
    effects = session.handle(secured(theirs=OTHER, name="Ann"))
    assert effects == [do.HoldBack(ANN, True)]
    assert shown(session) == (Encryption.FAILED, CODE)
    assert person(session).alarm is Alarm.OTHER_DEVICE
    assert kinds(session)[-1] is NoticeKind.OTHER_DEVICE


def test_after_codes_differed_who_comes_under_that_name_is_held_back() -> None:
    session = inside(ANN)
    session.handle(secured(name="Ann"))
    session.handle(secured(Encryption.FAILED, ended=NoticeKind.MISMATCH, name="Ann"))
    come_again(session)
    assert session.handle(secured(theirs=OTHER, name="Ann")) == [do.HoldBack(ANN, True)]
    assert person(session).alarm is Alarm.DIFFERED


def held() -> Session:
    """Return a session in which Ann is held back."""
    session = inside(ANN)
    session.handle(secured(Encryption.VERIFIED, name="Ann"))
    come_again(session)
    session.handle(secured(theirs=OTHER, name="Ann"))
    return session


def test_what_is_held_back_is_let_go_when_the_codes_match() -> None:
    session = held()
    effects = session.handle(secured(Encryption.VERIFIED, OTHER, name="Ann"))
    assert effects[:2] == [
        do.Remember("room", OTHER, "Ann"),
        do.HoldBack(ANN, False),
    ]
    assert shown(session) == (Encryption.VERIFIED, CODE)
    assert person(session).alarm is Alarm.NONE


def test_what_is_held_back_is_let_go_when_the_person_says_so_of_this_code() -> None:
    session = held()
    other = SafetyCode((), "of before")
    assert session.handle(e.AcceptDevice(ANN, other)) == []
    effects = session.handle(e.AcceptDevice(ANN, CODE))
    assert effects[0] == do.HoldBack(ANN, False)
    assert shown(session) == (Encryption.ON, CODE)
    session.handle(signaled(ANN, m.Handshaking("AQ=="), 2))
    assert session.handle(secured(theirs=OTHER, generation=2, name="Ann")) == []


def test_a_new_connection_to_who_is_held_back_is_held_back_at_once() -> None:
    session = held()
    effects = session.handle(signaled(ANN, m.Handshaking("AQ=="), 2))
    assert [type(each) for each in effects] == [
        do.ClosePeer,
        do.OpenPeer,
        do.Deliver,
        do.HoldBack,
    ]


def test_nothing_is_said_to_who_is_held_back_nor_shown_of_them() -> None:
    session = held()
    assert session.handle(e.Say("secret", 1.0)) == []
    line = m.Written((m.Line(m.Id("1"), "hola", 1.0),))
    assert session.handle(e.PeerSpoke(ANN, 1, line)) == []
    assert [each.name for each in session.snapshot.chat] == ["Me"]
