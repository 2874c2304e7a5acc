"""What I am in the room, what its door is like, and who waits before it."""

from client_py.core.effect import Effect, Send
from client_py.core.log import Log
from client_py.core.state import NoticeKind
from protocol import messages as m
from protocol.codes import Role


class Hosting:
    """My role, and what comes with it. ``log`` gets what the person has to know."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.role = Role.MEMBER
        self.door = m.Door()
        self.waiting: tuple[m.Newcomer, ...] = ()

    def enter(self, joined: m.Joined) -> None:
        """Take the room as it is now."""
        self.role, self.door = joined.role, joined.door
        self.queue(joined.waiting)

    def become(self, role: Role) -> None:
        """My role is this now."""
        if role is self.role:
            return
        self.role = role
        self.waiting = ()  # whoever becomes host is told it anew
        if role is Role.HOST:
            self._log.tell(NoticeKind.HOST)

    def queue(self, people: tuple[m.Newcomer, ...]) -> None:
        """These wait now."""
        known = {each.id for each in self.waiting}
        self.waiting = people
        for each in people:
            if each.id not in known:
                self._log.tell(NoticeKind.WAITING, each.name, each.id)

    def ask(self, message: m.HostMessage) -> list[Effect]:
        """Ask the server for what only hosts get."""
        return [Send(message)] if self.role is Role.HOST else []
