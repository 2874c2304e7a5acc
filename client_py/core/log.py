"""What passes: chat, reactions, notices. The last of each, numbered."""

from client_py.core.state import Notice, NoticeKind, Reaction
from protocol.messages import Chat, ChatLine, ParticipantId

_CHAT = 500  # lines kept
_PASSING = 16  # reactions and notices kept


class Log:
    """The chat, and the last reactions and notices with rising serials."""

    def __init__(self) -> None:
        self.chat: tuple[ChatLine, ...] = ()
        self.reactions: tuple[Reaction, ...] = ()
        self.notices: tuple[Notice, ...] = ()
        self._serial = 0
        self._mine: dict[ParticipantId, Chat] = {}
        self._selves: set[ParticipantId] = set()  # who I was in this call

    def clear(self) -> None:
        """Begin another call. Serials go on, so that nothing is told twice."""
        self.chat, self.reactions, self.notices = (), (), ()
        self._mine.clear()
        self._selves.clear()

    @property
    def unconfirmed(self) -> tuple[Chat, ...]:
        """What I wrote and the server hasn't sent back yet."""
        return tuple(self._mine.values())

    def write(self, me: ParticipantId, text: str) -> Chat:
        """Make a line of mine; it stands in the chat once it comes back."""
        line = Chat(ParticipantId(f"{me[:40]}-{self._next()}"), text)
        self._mine[line.id] = line
        return line

    def add(self, line: ChatLine, *, earlier: bool = False) -> None:
        """A line came, perhaps again; an ``earlier`` one goes where its time is."""
        # An id is its sender's own: somebody else may use the same.
        if line.from_ in self._selves:
            self._mine.pop(line.id, None)
        if all((line.from_, line.id) != (old.from_, old.id) for old in self.chat):
            later = (n for n, old in enumerate(self.chat) if old.at > line.at)
            place = next(later, len(self.chat)) if earlier else len(self.chat)
            self.chat = (*self.chat[:place], line, *self.chat[place:])[-_CHAT:]

    def refused(self) -> None:
        """The server won't have the oldest line that it hasn't sent back.

        It answers line by line, in order. The line isn't said again.
        """
        if self._mine:
            del self._mine[next(iter(self._mine))]

    def enter(self, me: ParticipantId, tail: tuple[ChatLine, ...]) -> None:
        """The room's last lines, on coming in or back."""
        self._selves.add(me)
        for line in tail:
            self.add(line)

    def react(self, who: ParticipantId, emoji: str) -> None:
        """Somebody shows an emoji."""
        reaction = Reaction(self._next(), who, emoji)
        self.reactions = (*self.reactions, reaction)[-_PASSING:]

    def tell(self, kind: NoticeKind, subject: str = "", detail: str = "") -> None:
        """Something is to be told once."""
        notice = Notice(self._next(), kind, subject, detail)
        self.notices = (*self.notices, notice)[-_PASSING:]

    def _next(self) -> int:
        self._serial += 1
        return self._serial
