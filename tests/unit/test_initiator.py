"""Who of two offers, whatever the server forgot: exactly one, in the end."""

from client_py.core.effect import Effect, OpenPeer, Send
from client_py.core.event import PeerChanged, RenewalDue
from client_py.core.roster import Roster
from protocol import messages as m
from tests.unit.people import ANN, BEN, OFFER, info, joined


class Ends:
    """Ann's and Ben's rosters, and the words that they send each other."""

    def __init__(self) -> None:
        self.rosters = {ANN: Roster(lambda: 0.0), BEN: Roster(lambda: 0.0)}
        self.peers: dict[m.ParticipantId, OpenPeer] = {}

    def happens(self, who: m.ParticipantId, effects: list[Effect]) -> None:
        """Do what somebody wants, and what follows of it at the other end."""
        other = BEN if who == ANN else ANN
        for effect in effects:
            match effect:
                case OpenPeer():
                    self.peers[who] = effect
                    if effect.initiator:
                        offered = self.rosters[other].signaled(
                            who, effect.generation, OFFER
                        )
                        self.happens(other, offered)
                case Send(m.Signal(to, generation, body)) if to == other:
                    answer = self.rosters[other].signaled(who, generation, _word(body))
                    self.happens(other, answer)

    def enter(self, who: m.ParticipantId, answer: m.Joined, *, anew: bool) -> None:
        self.happens(who, self.rosters[who].enter(answer, anew=anew))

    def meet(self, who: m.ParticipantId, other: m.ParticipantId) -> None:
        """Somebody hears that another one came in."""
        self.happens(who, self.rosters[who].add(info(other)))

    def fail(self, who: m.ParticipantId) -> None:
        """Let somebody's end fail, mended as far as that is possible."""
        (other,) = {ANN, BEN} - {who}
        for state in ("connected", "failed", "failed"):
            generation = self.rosters[who].generations[other]
            event = PeerChanged(other, generation, state)
            self.happens(who, self.rosters[who].mending.changed(event))
        due = RenewalDue(other, self.rosters[who].generations[other])
        self.happens(who, self.rosters[who].mending.renewal_due(due))

    @property
    def roles(self) -> list[bool]:
        return sorted(each.initiator for each in self.peers.values())

    @property
    def generations(self) -> set[int]:
        return {each.generation for each in self.peers.values()}


def _word(body: dict[str, object]) -> m.PeerMessage:
    assert body == {"type": "renew"}, "all that a roster says by itself"
    return m.Renew()


def test_newcomer_offers_to_who_is_there() -> None:
    ends = Ends()
    ends.enter(ANN, joined(you=ANN), anew=False)
    ends.enter(BEN, joined(ANN, you=BEN), anew=False)
    ends.meet(ANN, BEN)
    assert (ends.roles, ends.generations) == ([False, True], {1})


def test_newcomer_of_whom_a_dying_server_told_nobody_still_gets_one_offer() -> None:
    ends = Ends()
    ends.enter(ANN, joined(you=ANN), anew=False)
    ends.enter(BEN, joined(ANN, you=BEN), anew=False)
    # Ann doesn't hear of it: the server is killed, and both come back to the next.
    ends.enter(BEN, joined(you=BEN, resumed=True), anew=True)
    ends.enter(ANN, joined(BEN, you=ANN, resumed=True), anew=True)
    ends.happens(BEN, ends.rosters[BEN].change(info(ANN)))
    assert (ends.roles, len(ends.generations)) == ([False, True], 1)


def test_who_was_given_up_and_comes_back_as_the_same_gets_an_offer() -> None:
    ends = Ends()
    ends.enter(ANN, joined(you=ANN), anew=False)
    ends.enter(BEN, joined(ANN, you=BEN), anew=False)
    ends.meet(ANN, BEN)
    # Ann is cut off for longer than the grace, and Ben hears that she is lost. Then
    # the server is started anew, which knows nothing of that.
    ends.happens(BEN, ends.rosters[BEN].remove(ANN))
    ends.enter(BEN, joined(you=BEN, resumed=True), anew=True)
    ends.enter(ANN, joined(BEN, you=ANN, resumed=True), anew=True)
    ends.meet(BEN, ANN)
    ends.fail(ANN)
    assert (ends.roles, len(ends.generations)) == ([False, True], 1)
