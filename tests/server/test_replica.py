"""What a process keeps of a room for those who come from another one."""

from protocol.messages import ParticipantId
from server.cluster.command import Relay
from server.cluster.replica import MISSED, Replica

BO = ParticipantId("bo")


def signal(n: int) -> Relay:
    return Relay("a:1", "ana", n, "bo", 1, b'{"n":%d}' % n)


def heard(replica: Replica, at: float) -> list[int]:
    """Return the numbers of what Bo would be told again, at a time of Redis."""
    return [each.n for each in replica.missed(BO, at)]


def test_a_signal_is_kept_for_as_long_as_somebody_may_not_have_heard_it():
    replica = Replica()
    for n in range(1, 4):
        replica.remember(f"{n}000-0", signal(n))
    # Redis is an hour behind: how long it is since is what counts.
    replica.forget_old(3600.0)
    replica.forget_old(3600.0 + MISSED - 1.5)
    assert heard(replica, 3.0) == [2, 3]
    assert [id for id, _ in replica.latest()] == ["3000-0"]
    replica.remember("21000-0", signal(4))
    replica.forget_old(3600.0 + 18.0)
    assert heard(replica, 21.0) == [2, 3, 4]
    replica.forget_old(3600.0 + 18.0 + MISSED + 0.001)
    assert replica.latest() == []
    assert replica.size == 0
