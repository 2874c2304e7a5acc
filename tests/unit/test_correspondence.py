"""What people of an encrypted call tell each other, and what a server can't."""

from base64 import b64encode
from dataclasses import replace

import pytest

from client_py.core import effect as do, event as e
from client_py.core.correspondence import AGAIN
from client_py.core.session import Session
from client_py.core.slot import Slot
from client_py.core.state import Encryption, NoticeKind
from client_py.core.trust import LEFT_OUT
from e2ee.room import encode_secret
from e2ee.roster import PATIENCE, UNHEARD
from protocol import messages as m
from protocol.codes import MAX_CHAT, LeaveReason, Presence
from protocol.spoken import MAX_LINES
from tests.unit.people import ANN, BEN, CAT, ME, info, joined

SECRET = encode_secret(bytes(32))
ALL_OFF = m.Showing(m.MediaState())
TALKING = m.MediaState(microphone=True)
SHARING = m.MediaState(microphone=True, screen=True)
ZOE = m.ParticipantId("zoe")


def inside(*others: m.ParticipantId) -> Session:
    """Return a session in an encrypted call, with links that all are secured."""
    ours = Session(lambda: 0.5, "test", encrypts=True)
    for event in (e.EnterLobby("room", SECRET), e.Join("Me"), e.Admitted("token")):
        ours.handle(event)
    ours.handle(e.Heard(joined(*others)))
    for who in others:
        secure(ours, who)
    return ours


def secure(ours: Session, who: m.ParticipantId, generation: int = 1) -> None:
    event = e.PeerSecured(who, generation, Encryption.ON, b"me", who.encode())
    ours.handle(event)


def spoke(who: m.ParticipantId, word: m.Word, generation: int = 1) -> e.PeerSpoke:
    return e.PeerSpoke(who, generation, word)


def tells(effects: list[do.Effect]) -> list[tuple[str, m.Aside]]:
    return [(each.participant, each.word) for each in effects if type(each) is do.Tell]


def person(ours: Session, who: m.ParticipantId):
    (found,) = [each for each in ours.snapshot.participants if each.id == who]
    return found


def kinds(ours: Session) -> list[NoticeKind]:
    return [each.kind for each in ours.snapshot.notices]


def marked(ours: Session) -> list[m.ParticipantId]:
    return [each.id for each in ours.snapshot.participants if each.forked]


def texts(ours: Session) -> list[tuple[str, str]]:
    return [(line.name, line.text) for line in ours.snapshot.chat]


def line(text: str, at: float = 5.0, id: str = "") -> m.Line:
    return m.Line(m.Id(id or text), text, at)


def look(ours: Session, times: int = 1) -> list[tuple[str, m.Aside]]:
    said: list[tuple[str, m.Aside]] = []
    for _ in range(times):
        effects = ours.handle(e.LinksLooked({}))
        said += [each for each in tells(effects) if type(each[1]) is m.Seeing]
    return said


# -- chat


def test_a_line_goes_to_everybody_sealed_and_stands_in_my_chat_at_once() -> None:
    ours = inside(ANN, BEN)
    (mine, _) = effects = ours.handle(e.Say(" hola ", 7.0))
    said = m.Written((m.Line(m.Id("me-1"), "hola", 7.0),))
    assert effects == [do.Tell(ANN, said), do.Tell(BEN, said)]
    assert ours.snapshot.chat == (m.ChatLine("me-1", ME, "Me", "hola", 7.0),)


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_nothing_is_written_where_nothing_is_said(text: str) -> None:
    ours = inside(ANN)
    assert ours.handle(e.Say(text, 7.0)) == []
    assert ours.snapshot.chat == ()


def test_a_line_that_comes_is_shown_and_confirmed_each_time_it_comes() -> None:
    ours = inside(ANN)
    written = spoke(ANN, m.Written((line("hola"),)))
    for _ in range(2):
        assert ours.handle(written) == [do.Tell(ANN, m.Received((m.Id("hola"),)))]
    assert texts(ours) == [("Ann", "hola")]


def test_a_line_that_was_not_confirmed_is_said_again_on_the_next_connection() -> None:
    ours = inside(ANN)
    ours.handle(e.Say("lost", 1.0))
    ours.handle(e.Say("heard", 2.0))
    ours.handle(spoke(ANN, m.Received((m.Id("me-2"),))))
    ours.handle(e.PeerChanged(ANN, 1, "failed"))
    effects = ours.handle(e.RenewalDue(ANN, 1))
    assert tells(effects) == [
        (ANN, ALL_OFF),
        (ANN, m.Written((m.Line(m.Id("me-1"), "lost", 1.0),))),
    ]


def written(ours: Session, looks: int) -> list[int]:
    """Return at which looks Ann is told lines, and nothing else is."""
    return [n for n in range(1, looks + 1) if tells(ours.handle(e.LinksLooked({})))]


def test_a_line_that_is_not_confirmed_is_said_again_more_and_more_seldom() -> None:
    ours = inside(ANN)
    look(ours, 3)  # until it was told whom I see
    ours.handle(e.Say("heard", 1.0))
    ours.handle(e.Say("lost", 2.0))
    ours.handle(spoke(ANN, m.Received((m.Id("me-1"),))))
    assert written(ours, AGAIN - 1) == []
    again = tells(ours.handle(e.LinksLooked({})))
    assert again == [(ANN, m.Written((m.Line(m.Id("me-2"), "lost", 2.0),)))]
    assert written(ours, 7 * AGAIN) == [2 * AGAIN, 6 * AGAIN]
    ours.handle(spoke(ANN, m.Received((m.Id("me-2"),))))
    assert written(ours, 20 * AGAIN) == []


def test_who_comes_back_is_told_again_what_i_show() -> None:
    ours = inside(ANN, BEN)
    away = replace(info(ANN), presence=Presence.RECONNECTING)
    assert tells(ours.handle(e.Heard(m.ParticipantChanged(away)))) == []
    assert tells(ours.handle(e.RaiseHand(True))) == [
        (ANN, m.Showing(m.MediaState(), hand=True)),
        (BEN, m.Showing(m.MediaState(), hand=True)),
    ]
    back = ours.handle(e.Heard(m.ParticipantChanged(info(ANN))))
    assert tells(back) == [(ANN, m.Showing(m.MediaState(), hand=True))]
    assert tells(ours.handle(e.Heard(m.ParticipantChanged(info(ANN))))) == []


def test_nothing_is_said_again_to_who_cannot_hear_it() -> None:
    ours = inside(ANN)
    look(ours, 3)
    ours.handle(e.Say("lost", 1.0))
    away = replace(info(ANN), presence=Presence.RECONNECTING)
    ours.handle(e.Heard(m.ParticipantChanged(away)))
    assert written(ours, 3 * AGAIN) == []
    back = ours.handle(e.Heard(m.ParticipantChanged(info(ANN))))
    lost = m.Written((m.Line(m.Id("me-1"), "lost", 1.0),))
    assert tells(back) == [(ANN, ALL_OFF), (ANN, lost)]
    ours.handle(e.SocketClosed(1006))
    assert written(ours, 9 * AGAIN) == []


def test_a_newcomer_is_told_my_lines_of_before_and_only_mine() -> None:
    ours = inside(ANN)
    ours.handle(e.Say("first", 1.0))
    ours.handle(spoke(ANN, m.Written((line("theirs"),))))
    came = ours.handle(e.Heard(m.ParticipantJoined(info(CAT))))
    first = m.Line(m.Id("me-1"), "first", 1.0)
    assert tells(came) == [(CAT, ALL_OFF), (CAT, m.Written((first,), True))]
    second = m.Written((m.Line(m.Id("me-3"), "second", 2.0),))
    said = ours.handle(e.Say("second", 2.0))
    assert tells(said) == [(ANN, second), (CAT, second)]


def test_lines_of_before_are_sorted_in_by_their_time() -> None:
    ours = inside(ANN, BEN)
    ours.handle(spoke(ANN, m.Written((line("one", 1.0), line("three", 3.0)), True)))
    ours.handle(spoke(BEN, m.Written((line("two", 2.0), line("four", 4.0)), True)))
    ours.handle(spoke(BEN, m.Written((line("now", 2.5),))))
    order = [text for _, text in texts(ours)]
    assert order == ["one", "two", "three", "four", "now"]


def test_a_hundred_long_lines_come_in_messages_that_fit() -> None:
    ours = inside()
    for n in range(120):
        ours.handle(e.Say(f"{n} " + "é" * MAX_CHAT if n % 2 else f"{n}", float(n)))
    came = tells(ours.handle(e.Heard(m.ParticipantJoined(info(CAT)))))
    parts = [word for _, word in came if isinstance(word, m.Written)]
    lines = [each for part in parts for each in part.lines]
    assert [each.text.split()[0] for each in lines] == [str(n) for n in range(20, 120)]
    assert all(len(part.lines) <= MAX_LINES for part in parts)
    size = max(sum(12 * len(each.text) for each in part.lines) for part in parts)
    assert size <= 48 * 1024


@pytest.mark.parametrize("at", [-1.0, 1e300, 4e9])
def test_a_time_that_is_none_is_not_believed(at: float) -> None:
    ours = inside(ANN)
    ours.handle(spoke(ANN, m.Written((line("hola", at),))))
    assert ours.snapshot.chat[0].at == 0.0


def test_what_the_server_says_in_my_friends_name_is_not_shown() -> None:
    ours = inside(ANN)
    forged = m.ChatLine(m.Id("x"), ANN, "Ann", "send me your money", 1.0)
    assert ours.handle(e.Heard(m.Chatted(forged))) == []
    assert ours.handle(e.Heard(m.Reacted(ANN, "💩"))) == []
    again = m.Joined(ME, "room", (info(ANN),), "s", chat=(forged,), resumed=True)
    ours.handle(e.SocketClosed(1006))
    ours.handle(e.Admitted("token"))
    ours.handle(e.Heard(again))
    assert (ours.snapshot.chat, ours.snapshot.reactions) == ((), ())
    assert kinds(ours) == [NoticeKind.FORGED]  # once


def test_in_a_room_without_encryption_words_between_peers_are_nothing() -> None:
    ours = Session(lambda: 0.5, "test")
    for event in (e.EnterLobby("room"), e.Join("Me"), e.Admitted("token")):
        ours.handle(event)
    ours.handle(e.Heard(joined(ANN)))
    assert ours.handle(spoke(ANN, m.Written((line("hola"),)))) == []
    assert ours.handle(spoke(ANN, m.Showing(TALKING))) == []
    assert ours.snapshot.chat == ()
    assert person(ours, ANN).media == m.MediaState()


def test_words_of_an_older_connection_and_of_strangers_are_nothing() -> None:
    ours = inside(ANN)
    for who, generation in ((ANN, 0), (ANN, 2), (ZOE, 1)):
        assert ours.handle(spoke(who, m.Written((line("x"),)), generation)) == []
    assert ours.snapshot.chat == ()


def test_after_a_seat_is_lost_everything_is_said_anew() -> None:
    ours = inside(ANN)
    ours.handle(e.Say("hola", 1.0))
    ours.handle(e.SocketClosed(1006))
    ours.handle(e.Admitted("token"))
    effects = ours.handle(e.Heard(joined(ANN, you=m.ParticipantId("me2"))))
    line = m.Line(m.Id("me-1"), "hola", 1.0)
    assert tells(effects) == [(ANN, ALL_OFF), (ANN, m.Written((line,)))]


# -- what I show


def test_the_server_is_told_nothing_of_my_devices_and_the_others_are() -> None:
    ours = Session(lambda: 0.5, "test", encrypts=True)
    ours.handle(e.EnterLobby("room", SECRET))
    ours.handle(e.TurnOn(Slot.MICROPHONE))
    ours.handle(e.SourceStarted(Slot.MICROPHONE, (Slot.MICROPHONE,)))
    ours.handle(e.Join("Me"))
    (hello,) = ours.handle(e.Admitted("token"))
    assert isinstance(hello, do.Send) and isinstance(hello.message, m.Hello)
    assert hello.message.media == m.MediaState()
    entered = ours.handle(e.Heard(joined(ANN)))
    assert tells(entered) == [(ANN, m.Showing(TALKING))]
    muted = ours.handle(e.TurnOff(Slot.MICROPHONE))
    assert tells(muted) == [(ANN, ALL_OFF)]
    raised = ours.handle(e.RaiseHand(True))
    assert raised == [do.Tell(ANN, m.Showing(m.MediaState(), True))]
    sent = [each for each in (*entered, *muted) if isinstance(each, do.Send)]
    assert sent == []


def test_what_somebody_shows_is_what_they_say_and_not_what_the_server_says() -> None:
    ours = inside(ANN)
    assert person(ours, ANN).media == m.MediaState()
    ours.handle(spoke(ANN, m.Showing(TALKING, True)))
    assert (person(ours, ANN).media, person(ours, ANN).hand) == (TALKING, True)
    lie = info(ANN, media=SHARING, hand=False, presence=Presence.PRESENT)
    ours.handle(e.Heard(m.ParticipantChanged(lie)))
    assert (person(ours, ANN).media, person(ours, ANN).hand) == (TALKING, True)
    ours.handle(e.Heard(m.ParticipantJoined(info(CAT, media=SHARING))))
    assert person(ours, CAT).media == m.MediaState()


def test_a_share_that_was_there_before_me_is_no_news_and_its_end_is() -> None:
    ours = inside(ANN)
    ours.handle(spoke(ANN, m.Showing(SHARING, True)))
    assert kinds(ours) == []
    ours.handle(spoke(ANN, m.Showing(TALKING)))
    ours.handle(spoke(ANN, m.Showing(TALKING, True)))
    assert kinds(ours) == [NoticeKind.SHARE_ENDED, NoticeKind.HAND]


def test_an_emoji_goes_to_those_who_hear_me_now() -> None:
    ours = inside(ANN)
    ours.handle(e.Heard(m.ParticipantJoined(info(CAT))))  # no handshake yet
    assert ours.handle(e.ShowReaction("👍")) == [do.Tell(ANN, m.Feeling("👍"))]
    ours.handle(spoke(ANN, m.Feeling("🎉")))
    shown = [(each.participant, each.emoji) for each in ours.snapshot.reactions]
    assert shown == [(ME, "👍"), (ANN, "🎉")]


# -- the same device as before


def encryption(ours: Session, who: m.ParticipantId) -> tuple[Encryption, bool]:
    return person(ours, who).e2ee, person(ours, who).familiar


@pytest.mark.parametrize("early", [True, False])
def test_who_was_verified_on_an_earlier_visit_is_known_again(early: bool) -> None:
    ours = inside(*([] if early else [ANN]))
    ours.handle(e.DevicesRecalled({ANN.encode(): "Ann"}))
    if early:
        ours.handle(e.Heard(m.ParticipantJoined(info(ANN))))
        secure(ours, ANN)
    assert encryption(ours, ANN) == (Encryption.VERIFIED, True)
    assert NoticeKind.OTHER_DEVICE not in kinds(ours)


def test_who_comes_back_with_another_key_under_a_known_name_is_told_of() -> None:
    ours = inside()
    ours.handle(e.DevicesRecalled({b"the key of before": "Ann"}))
    for who, shown in ((ANN, Encryption.FAILED), (BEN, Encryption.ON)):
        ours.handle(e.Heard(m.ParticipantJoined(info(who))))
        secure(ours, who)
        assert encryption(ours, who) == (shown, False)
    told = [each for each in ours.snapshot.notices if each.kind != NoticeKind.JOINED]
    assert [(each.kind, each.subject) for each in told] == [
        (NoticeKind.OTHER_DEVICE, "Ann")
    ]


def test_two_of_one_name_are_two_people() -> None:
    ours = inside(ANN)
    ours.handle(e.DevicesRecalled({ANN.encode(): "Ann"}))
    namesake = replace(info(BEN), name="Ann")
    ours.handle(e.Heard(m.ParticipantJoined(namesake)))
    secure(ours, BEN)
    assert encryption(ours, ANN) == (Encryption.VERIFIED, True)
    assert encryption(ours, BEN) == (Encryption.ON, False)
    assert NoticeKind.OTHER_DEVICE not in kinds(ours)


def test_another_key_on_the_link_of_a_known_device_cuts_it() -> None:
    ours = inside(ANN)
    ours.handle(e.DevicesRecalled({ANN.encode(): "Ann"}))
    another = e.PeerSecured(ANN, 1, Encryption.ON, b"me", b"another")
    assert ours.handle(another) == [do.ClosePeer(ANN)]
    assert encryption(ours, ANN) == (Encryption.FAILED, False)
    assert kinds(ours) == [NoticeKind.KEY_CHANGED]


def test_whom_i_verify_is_kept_for_the_next_visit_to_this_room() -> None:
    ours = inside(ANN)
    verified = e.PeerSecured(ANN, 1, Encryption.VERIFIED, b"me", b"ann")
    assert ours.handle(verified) == [do.Remember("room", b"ann", "Ann")]


def test_who_i_was_is_asked_for_before_a_sealed_room_and_no_other() -> None:
    for secret, asked in ((SECRET, [do.Recall("room")]), ("", [])):
        ours = Session(lambda: 0.5, "test", encrypts=True)
        effects = ours.handle(e.EnterLobby("room", secret))
        assert [each for each in effects if isinstance(each, do.Recall)] == asked


def test_a_second_call_of_the_same_page_knows_them_too() -> None:
    ours = inside()
    ours.handle(e.DevicesRecalled({ANN.encode(): "Ann"}))
    ours.handle(e.Leave())
    for event in (e.Join("Me"), e.Admitted("token"), e.Heard(joined(ANN))):
        ours.handle(event)
    secure(ours, ANN)
    assert encryption(ours, ANN) == (Encryption.VERIFIED, True)


# -- whom all see


def view(*people: m.ParticipantId, unproved: tuple[m.ParticipantId, ...] = ()):
    keys = {each: b64encode(each.encode()).decode() for each in people}
    return tuple(m.Seen(who, key) for who, key in keys.items()) + tuple(
        m.Seen(who, "") for who in unproved
    )


def test_whom_i_see_is_told_once_a_second_and_where_it_has_changed() -> None:
    ours = inside(ANN)
    assert look(ours, 3) == [(ANN, m.Seeing(view(ME, ANN), 1))]
    ours.handle(e.Heard(m.ParticipantJoined(info(CAT))))
    unproved = m.Seeing(view(ME, ANN, unproved=(CAT,)), 2)
    assert look(ours, 3) == [(ANN, unproved), (CAT, unproved)]
    secure(ours, CAT)
    proved = m.Seeing(view(ME, ANN, CAT), 3)
    assert look(ours, 3) == [(ANN, proved), (CAT, proved)]


def test_who_sees_others_hears_again_whom_i_see_and_that_i_heard_them() -> None:
    ours = inside(ANN, BEN)
    look(ours)
    seen = view(ME, ANN, BEN)
    effects = ours.handle(spoke(ANN, m.Seeing(view(ME, ANN), 7, 1)))
    assert effects == [do.Tell(ANN, m.Seeing(seen, 1, 7))]
    assert ours.handle(spoke(ANN, m.Seeing(view(ME, ANN), 7, 1))) == []
    assert ours.handle(spoke(BEN, m.Seeing(seen, 2, 1))) == []  # as I see it


def test_who_goes_on_seeing_others_than_i_is_told_of_once() -> None:
    ours = inside(ANN, BEN)
    look(ours)
    ours.handle(spoke(ANN, m.Seeing(view(ME, ANN, BEN, CAT), 1, 1)))
    look(ours, int(PATIENCE) - 1)
    assert kinds(ours) == []
    look(ours, 5)
    assert kinds(ours) == [NoticeKind.FORKED]
    assert ours.snapshot.notices[-1].subject == "Ann"
    assert marked(ours) == [ANN]
    ours.handle(spoke(ANN, m.Seeing(view(ME, ANN, BEN), 2, 1)))
    look(ours, 1)
    assert marked(ours) == []


def test_who_is_known_under_another_key_is_somebody_else() -> None:
    ours = inside(ANN, BEN)
    look(ours)
    other = (*view(ME, ANN), m.Seen(BEN, "of somebody between"))
    ours.handle(spoke(ANN, m.Seeing(other, 1, 1)))
    look(ours, int(PATIENCE))
    assert marked(ours) == [ANN]


def test_what_was_said_before_they_heard_of_it_is_held_against_nobody() -> None:
    ours = inside(ANN)
    look(ours)
    ours.handle(spoke(ANN, m.Seeing(view(ME, ANN), 1, 1)))
    ours.handle(e.Heard(m.ParticipantJoined(info(CAT))))
    look(ours, int(UNHEARD) - 1)
    assert marked(ours) == []
    look(ours, 2)
    assert marked(ours) == [ANN]  # so long nobody is cut off without notice


@pytest.mark.parametrize(
    "why",
    [
        e.SocketClosed(1006),  # what I see is old
        e.Heard(m.ParticipantChanged(info(ANN, presence=Presence.RECONNECTING))),
        e.Heard(m.ParticipantLeft(ANN, LeaveReason.LEFT)),
    ],
)
def test_views_that_may_be_old_are_not_held_against_anybody(why: e.Event) -> None:
    ours = inside(ANN, BEN)
    look(ours, 2)
    ours.handle(spoke(ANN, m.Seeing(view(ANN), 1, 1)))
    ours.handle(why)
    look(ours, 10)
    assert NoticeKind.FORKED not in kinds(ours)


def test_what_comes_first_after_a_cut_answers_what_i_saw_before_it() -> None:
    ours = inside(ANN, BEN)
    look(ours, 2)
    ours.handle(e.SocketClosed(1006))
    look(ours, 2)
    ours.handle(e.Admitted("token"))
    ours.handle(e.Heard(m.Resumed("again")))
    ours.handle(spoke(ANN, m.Seeing(view(ANN), 2, 1)))
    seen = m.Seeing(view(ME, ANN, BEN), 2, 2)
    assert (ANN, seen) in look(ours)
    look(ours, int(PATIENCE) + 1)
    assert marked(ours) == []
    ours.handle(spoke(ANN, m.Seeing(view(ANN), 2, 2)))
    look(ours, int(PATIENCE))
    assert marked(ours) == [ANN]


def test_a_ghost_that_proves_no_key_silences_nobody() -> None:
    ours = inside(ANN, BEN)
    look(ours, 2)
    code = ours.snapshot.room_code
    ours.handle(e.Heard(m.ParticipantJoined(info(CAT))))
    look(ours, 1)
    ours.handle(spoke(ANN, m.Seeing(view(ME, ANN, BEN), 1, 2)))
    assert ours.snapshot.room_code == ""
    look(ours, int(PATIENCE))
    assert (ours.snapshot.room_code, marked(ours)) == ("", [ANN])
    look(ours, LEFT_OUT)
    assert ours.snapshot.room_code == code


def test_who_speaks_is_not_away_whatever_the_server_says() -> None:
    ours = inside(ANN, BEN)
    look(ours, 2)
    away = replace(info(ANN), presence=Presence.RECONNECTING)
    ours.handle(e.Heard(m.ParticipantChanged(away)))
    ours.handle(spoke(ANN, m.Seeing(view(ANN), 1, 1)))
    look(ours, int(PATIENCE) + 1)
    assert marked(ours) == [ANN]


def test_views_that_become_the_same_in_time_are_no_news() -> None:
    ours = inside(ANN)
    look(ours)
    ours.handle(spoke(ANN, m.Seeing(view(ANN), 1, 1)))
    look(ours, int(PATIENCE) - 1)
    ours.handle(spoke(ANN, m.Seeing(view(ME, ANN), 2, 1)))
    look(ours, 10)
    assert kinds(ours) == []
