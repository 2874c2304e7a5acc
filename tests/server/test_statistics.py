"""Samples summed up, each for the one who told them."""

from dataclasses import replace

from protocol.messages import LinkSample, ParticipantId, RoomId
from server.statistics import Statistics
from server.store import Aftermath, LinkRecord, Participation, Spread

ANA, BO, EVA = (ParticipantId(each) for each in ("ana", "bo", "eva"))
ALL = (ANA, BO, EVA)
ROOM = RoomId("room")
SAMPLE = LinkSample(
    peer=BO,
    rtt=0.1,
    loss=0.5,
    up=1000.0,
    down=2000.0,
    freezes=1,
    width=1280,
    height=720,
    fps=30.0,
    connection="direct",
    transport="udp",
)
SUM = LinkRecord(
    participation=ANA,
    peer=BO,
    room=ROOM,
    ended_at=9.0,
    samples=1,
    round_trip=Spread(0.1, 0.1),
    loss=Spread(0.5, 0.5),
    up=Spread(1000.0, 1000.0),
    down=Spread(2000.0, 2000.0),
    frame_rate=Spread(30.0, 30.0),
    freezes=1,
    width=1280,
    height=720,
    connection="direct",
    transport="udp",
)


def test_who_told_nothing_leaves_nothing():
    assert Statistics().leave(ANA, ROOM, 9.0) == []


def test_one_sample_is_its_own_sum():
    statistics = Statistics()
    statistics.report(ANA, ALL, [SAMPLE])
    assert statistics.leave(ANA, ROOM, 9.0) == [SUM]
    assert statistics.leave(ANA, ROOM, 9.0) == []


def test_means_and_greatest_values_are_over_all_samples():
    statistics = Statistics()
    worse = replace(
        SAMPLE, rtt=0.25, loss=1.0, up=0.0, down=0.0, freezes=4, width=640, fps=0.0
    )
    statistics.report(ANA, ALL, [SAMPLE])
    statistics.report(ANA, ALL, [worse])
    statistics.report(ANA, ALL, [replace(worse, rtt=0.25, height=1080)])
    (link,) = statistics.leave(ANA, ROOM, 9.0)
    assert link == replace(
        SUM,
        samples=3,
        round_trip=Spread(0.6 / 3, 0.25),
        loss=Spread(2.5 / 3, 1.0),
        up=Spread(1000.0 / 3, 1000.0),
        down=Spread(2000.0 / 3, 2000.0),
        frame_rate=Spread(10.0, 30.0),
        freezes=9,
        height=1080,
    )


def test_each_end_tells_of_its_own_side_and_both_are_over_with_one():
    statistics = Statistics()
    statistics.report(ANA, ALL, [SAMPLE])
    statistics.report(BO, ALL, [replace(SAMPLE, peer=ANA, rtt=0.3)])
    statistics.report(EVA, ALL, [replace(SAMPLE, peer=ANA)])
    assert statistics.leave(BO, ROOM, 9.0) == [
        replace(SUM, participation=BO, peer=ANA, round_trip=Spread(0.3, 0.3)),
        SUM,
    ]
    assert statistics.leave(ANA, ROOM, 10.0) == [
        replace(SUM, participation=EVA, peer=ANA, ended_at=10.0)
    ]


def test_people_who_are_not_there_are_left_out():
    statistics = Statistics()
    for peer in ("nobody", ANA, EVA):
        statistics.report(ANA, (ANA, BO), [replace(SAMPLE, peer=peer)])
    assert statistics.leave(ANA, ROOM, 9.0) == []


def test_a_peer_who_is_named_twice_counts_once():
    statistics = Statistics()
    statistics.report(ANA, ALL, [SAMPLE, replace(SAMPLE, rtt=9.0)])
    assert statistics.leave(ANA, ROOM, 9.0) == [SUM]


def test_what_was_known_of_the_way_stays_known():
    statistics = Statistics()
    unknown = replace(SAMPLE, connection="unknown", transport="unknown")
    for sample in (unknown, SAMPLE, unknown):
        statistics.report(ANA, ALL, [sample])
    (link,) = statistics.leave(ANA, ROOM, 9.0)
    assert (link.connection, link.transport) == ("direct", "udp")


def test_how_media_goes_is_told_when_it_is_news():
    statistics = Statistics()
    unknown = replace(SAMPLE, connection="unknown")
    relayed = replace(SAMPLE, peer=EVA, connection="relay")
    reports = [[unknown], [SAMPLE], [SAMPLE], [SAMPLE, relayed], [relayed], [SAMPLE]]
    news = [statistics.report(ANA, ALL, samples) for samples in reports]
    assert news == ["", "direct", "", "relay", "", ""]


def test_a_relay_that_was_needed_once_stays_told():
    statistics = Statistics()
    assert statistics.report(ANA, ALL, [replace(SAMPLE, connection="relay")]) == "relay"
    statistics.leave(BO, ROOM, 9.0)
    assert statistics.report(ANA, (ANA, EVA), [replace(SAMPLE, peer=EVA)]) == ""


def test_numbers_stay_within_what_a_store_holds():
    statistics = Statistics()
    for _ in range(3):
        statistics.report(ANA, ALL, [replace(SAMPLE, freezes=2**53 - 1)])
    (link,) = statistics.leave(ANA, ROOM, 9.0)
    assert link.freezes == 2**53 - 1


def test_what_was_not_recorded_yet_is_news_once():
    statistics = Statistics()
    statistics.report(ANA, ALL, [SAMPLE])
    assert statistics.news(ANA, ROOM, 5.0) == [replace(SUM, ended_at=5.0)]
    assert statistics.news(ANA, ROOM, 6.0) == []
    statistics.report(ANA, ALL, [SAMPLE])
    (link,) = statistics.news(ANA, ROOM, 7.0)
    assert (link.samples, link.freezes) == (2, 2)


def test_a_restart_goes_on_with_what_was_recorded():
    before, after, whole = Statistics(), Statistics(), Statistics()
    relayed = replace(SAMPLE, rtt=0.3, fps=10.0, connection="relay")
    before.report(ANA, ALL, [relayed])
    stay = Participation(ANA, ROOM, "ana", "", 0.0, connection="relay")
    links = tuple(before.news(ANA, ROOM, 5.0))
    after.recall(Aftermath(stopped=(stay,), links=links))
    assert after.news(ANA, ROOM, 6.0) == []
    assert after.report(ANA, ALL, [SAMPLE]) == ""  # not direct: a relay was needed
    whole.report(ANA, ALL, [relayed])
    whole.report(ANA, ALL, [SAMPLE])
    assert after.leave(ANA, ROOM, 9.0) == whole.leave(ANA, ROOM, 9.0)
