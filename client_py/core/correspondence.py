"""What people of an encrypted call tell each other, link by link, under its seal.

Everything is told anew on a new connection, as far as it isn't confirmed: so nothing
is lost with a link that is replaced or a server that dies, and nothing counts twice.
Lines are told anew on the same one, too: a server that had to drop what waited for
somebody tells them, and not me.
Lines are told by their authors alone, to newcomers, too: nobody can put words into
somebody else's mouth.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from client_py.core.effect import Effect, Tell
from client_py.core.log import Log
from client_py.core.roster import Roster
from client_py.core.source import Sources
from client_py.core.state import NoticeKind
from e2ee.roster import RosterWatch, View
from protocol.messages import (
    ChatLine,
    Feeling,
    Id,
    Line,
    ParticipantId,
    ParticipantInfo,
    Received,
    Seeing,
    Seen,
    Showing,
    Word,
    Written,
)
from protocol.spoken import MAX_LINES

KEPT: Final = 100  # lines of mine, for newcomers
AGAIN: Final = 10  # looks until a line is told again, and twice as many each time
_FULL: Final = 40_000  # bytes of a message, where each character is two escapes
_LATEST: Final = 4e9  # Unix time; nobody wrote later

Key = tuple[ParticipantId, int]
Links = Mapping[ParticipantId, int]


@dataclass(slots=True)
class _Told:
    """What was said on one connection."""

    showing: Showing | None = None
    seeing: Seeing | None = None
    written: int = 0  # the number of the last line
    due: int = 0  # at which look what isn't confirmed is told again
    wait: int = AGAIN


class Correspondence:
    """My words in one stay, and theirs. ``roster`` knows the links and their keys."""

    def __init__(self, roster: Roster, sources: Sources, log: Log) -> None:
        self._roster = roster
        self._sources = sources
        self._log = log
        self._lines: dict[int, Line] = {}  # mine, by a rising number
        self._written = 0
        self._confirmed: dict[ParticipantId, set[Id]] = {}
        self._met: dict[ParticipantId, int] = {}  # the last line written by then
        self._told: dict[Key, _Told] = {}
        self._away: frozenset[ParticipantId] = frozenset()
        self._lively: set[ParticipantId] = set()  # who speaks, though said to be away
        self._watch = RosterWatch()
        self._forked: frozenset[ParticipantId] = frozenset()
        self._seconds = 0.0  # looks, one each second
        self._connected = 0  # those while the server heard me
        self._seen: View = {}  # at the last look
        self._seeing = Seeing((), 0)  # the same, to be told
        self._heard: dict[ParticipantId, int] = {}  # the numbers of their views

    def write(self, me: ParticipantId, name: str, text: str, at: float) -> None:
        """Write a line: it stands in my chat at once."""
        line = Line(self._log.write(me, text).id, text, at)
        self._log.add(ChatLine(line.id, me, name, text, at))
        self._written += 1
        self._lines[self._written] = line
        if len(self._lines) > KEPT:
            del self._lines[next(iter(self._lines))]

    def feel(self, me: ParticipantId, emoji: str) -> list[Effect]:
        """Show an emoji: whoever can't hear it now need not hear of it later."""
        self._log.react(me, emoji)
        return [Tell(who, Feeling(emoji)) for who in self._roster.trust.proved]

    def settle(self, links: Links, *, hand: bool) -> list[Effect]:
        """Return what each of these connections, by generation, is to be told."""
        showing = Showing(self._sources.announced, hand)
        told, self._told = self._told, {}
        # While people come in it changes all the time: once a second is enough.
        stands = self._seen == self._roster.trust.seen
        away = self._roster.away
        back, self._away = self._away - away, away
        effects: list[Effect] = []
        for key in links.items():
            self._told[key] = told.get(key) or _Told()
            if key[0] in back:
                # Their server may have had to drop it; of all that waits for somebody
                # it is the state, which nobody confirms, that is told again.
                self._told[key].showing = None
            new = self._new(key, showing, stands=stands)
            effects += [Tell(key[0], each) for each in new]
        for who in self._met.keys() - links.keys():
            self._met.pop(who)
            self._watch.forget(who)
            self._heard.pop(who, None)
        return effects

    def repeat(self) -> None:
        """What was said may be lost with the server: say it again."""
        self._told.clear()

    def hear(self, who: ParticipantId, word: Word) -> ParticipantInfo | None:
        """Take what somebody says; return them as they are now, if that is new."""
        info = self._roster.info(who)
        if info is None:
            return None
        if who in self._roster.away:
            self._lively.add(who)  # so the server hears them: it lies
        match word:
            case Showing(media, hand):
                return replace(info, media=media, hand=hand)
            case Written(lines, earlier):
                for line in lines:
                    at = line.at if 0 < line.at < _LATEST else 0.0
                    said = ChatLine(line.id, who, info.name, line.text, at)
                    self._log.add(said, earlier=earlier)
            case Received(ids):
                self._confirmed.setdefault(who, set()).update(ids)
            case Feeling(emoji):
                self._log.react(who, emoji)
            case Seeing(people, number, heard):
                theirs: View = {each.id: _key(each) for each in people}
                answers = heard == self._seeing.number
                self._watch.hear(who, theirs, self._seconds, answers=answers)
                self._heard[who] = number
        return None

    def look(self, *, cut_off: bool) -> None:
        """A second is over: do all still see the same people?"""
        self._seconds += 1
        if cut_off:
            self._seen = {}  # what I see may be old
            return
        self._connected += 1
        self._roster.trust.look()
        before, self._seen = self._seen, self._roster.trust.seen
        if not before:
            # What comes first after a cut may answer what I saw before it.
            self._watch.rest()
        if self._seen != before:
            people = self._seen.items()
            seen = tuple(Seen(ParticipantId(who), _text(key)) for who, key in people)
            self._seeing = Seeing(seen, self._seeing.number + 1)
        self._watch.see(self._seen, self._seconds, self._roster.trust.absent)
        self._lively &= self._roster.away
        away = self._roster.away - self._lively  # what they see may be
        forked = frozenset(
            who
            for each in self._watch.forked(self._seconds)
            if (who := ParticipantId(each)) not in away
        )
        for who in forked - self._forked:
            info = self._roster.info(who)
            self._log.tell(NoticeKind.FORKED, info.name if info else "")
        self._forked = forked
        self._roster.fork(forked)

    def answer(self, who: ParticipantId, word: Word) -> list[Effect]:
        """Confirm what came."""
        if not isinstance(word, Written) or not word.lines:
            return []
        return [Tell(who, Received(tuple(line.id for line in word.lines)))]

    # -- inside

    def _new(self, key: Key, showing: Showing, *, stands: bool) -> Iterator[Word]:
        who, told = key[0], self._told[key]
        met = self._met.setdefault(who, self._written)
        if told.showing != showing:
            told.showing = showing
            yield showing
        if stands and (seeing := self._view_for(who, told.seeing)):
            told.seeing = seeing
            yield seeing
        again = self._is_late(who, told)
        if told.written == self._written and not again:
            return
        done = self._confirmed.get(who, set())
        due = {
            n: line
            for n, line in self._lines.items()
            if (again or n > told.written) and line.id not in done
        }
        told.written = self._written
        told.wait = 2 * told.wait if again and due else AGAIN
        told.due = self._connected + told.wait
        for earlier in (True, False):
            some = [line for n, line in due.items() if (n <= met) is earlier]
            yield from _messages(some, earlier=earlier)

    def _view_for(self, who: ParticipantId, told: Seeing | None) -> Seeing | None:
        """Return whom I see, where somebody doesn't know it, or that I heard them."""
        heard = self._heard.get(who, 0)
        differs = who in self._watch.differing
        if told and told.number == self._seeing.number:
            if told.heard == heard or not differs:
                return None
        return replace(self._seeing, heard=heard)

    def _is_late(self, who: ParticipantId, told: _Told) -> bool:
        """Whether somebody who hears me had the time to confirm what they were told."""
        hears = who in self._roster.trust.proved and who not in self._roster.away
        return bool(told.written) and self._connected >= told.due and hears


def _text(key: bytes) -> str:
    return b64encode(key).decode()


def _key(seen: Seen) -> bytes:
    try:
        return b64decode(seen.key, validate=True)
    except ValueError:
        return seen.key.encode()  # it is nobody's


def _messages(lines: list[Line], *, earlier: bool) -> Iterator[Written]:
    part: list[Line] = []
    size = 0
    for line in lines:
        more = 12 * len(line.text) + 200
        if part and (size + more > _FULL or len(part) == MAX_LINES):
            yield Written(tuple(part), earlier)
            part, size = [], 0
        part.append(line)
        size += more
    if part:
        yield Written(tuple(part), earlier)
