from client_py.core.log import Log
from client_py.core.state import Notice, NoticeKind, Reaction
from protocol.messages import Chat, ChatLine, ParticipantId

ME = ParticipantId("me")
BOB = ParticipantId("bob")


def line(id: str, who: ParticipantId = BOB, text: str = "hola") -> ChatLine:
    return ChatLine(ParticipantId(id), who, who, text, 0.0)


def echo(chat: Chat, who: ParticipantId = ME) -> ChatLine:
    return ChatLine(chat.id, who, who, chat.text, 0.0)


def test_line_stands_once_however_often_it_comes() -> None:
    log = Log()
    log.enter(ME, (line("1"), line("2")))
    log.add(line("2"))
    log.enter(ME, (line("2"), line("3")))
    assert log.chat == (line("1"), line("2"), line("3"))


def test_two_people_may_use_the_same_id() -> None:
    log = Log()
    log.enter(ME, (line("1"), line("1", ParticipantId("carol"))))
    assert log.chat == (line("1"), line("1", ParticipantId("carol")))


def test_my_line_is_unconfirmed_until_it_comes_back() -> None:
    log = Log()
    log.enter(ME, ())
    one, two = log.write(ME, "one"), log.write(ME, "two")
    assert (*log.unconfirmed, *log.chat) == (one, two)
    log.add(echo(one))
    assert (*log.unconfirmed, *log.chat) == (two, echo(one))


def test_nobody_else_can_confirm_my_line() -> None:
    log = Log()
    log.enter(ME, ())
    mine = log.write(ME, "one")
    log.add(line(mine.id, BOB, "not yours"))
    assert log.unconfirmed == (mine,)
    log.add(echo(mine))
    assert not log.unconfirmed
    assert [each.text for each in log.chat] == ["not yours", "one"]


def test_my_line_is_confirmed_under_the_name_that_i_have_after_a_cut() -> None:
    log = Log()
    log.enter(ME, ())
    mine = log.write(ME, "one")
    again = ParticipantId("me-again")
    log.enter(again, ())
    log.add(echo(mine, again))
    assert log.unconfirmed == ()


def test_ids_fit_the_wire_and_never_repeat() -> None:
    log = Log()
    long = ParticipantId("x" * 64)
    ids = {log.write(long, "hola").id for _ in range(200)}
    log.clear()
    ids |= {log.write(long, "hola").id for _ in range(200)}
    assert len(ids) == 400
    assert all(len(id) <= 64 for id in ids)


def test_only_the_last_lines_are_kept() -> None:
    log = Log()
    log.enter(ME, tuple(line(str(number)) for number in range(501)))
    assert (len(log.chat), log.chat[0].id, log.chat[-1].id) == (500, "1", "500")


def test_reactions_and_notices_are_numbered_over_calls() -> None:
    log = Log()
    log.react(BOB, "👍")
    log.tell(NoticeKind.JOINED, "Bob")
    assert log.reactions == (Reaction(1, BOB, "👍"),)
    assert log.notices == (Notice(2, NoticeKind.JOINED, "Bob"),)
    log.clear()
    assert not log.reactions
    assert not log.notices
    log.react(BOB, "🎉")
    assert log.reactions == (Reaction(3, BOB, "🎉"),)


def test_only_the_last_reactions_and_notices_are_kept() -> None:
    log = Log()
    for _ in range(20):
        log.react(BOB, "👍")
    for _ in range(20):
        log.tell(NoticeKind.HAND, "Bob")
    assert [each.serial for each in log.reactions] == list(range(5, 21))
    assert [each.serial for each in log.notices] == list(range(25, 41))


def test_line_that_was_refused_is_not_waited_for() -> None:
    log = Log()
    log.enter(ME, ())
    log.write(ME, "refused")
    second = log.write(ME, "two")
    log.refused()
    assert log.unconfirmed == (second,)
    log.refused()
    log.refused()  # of which nobody knows
    assert log.unconfirmed == ()
