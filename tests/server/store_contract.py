"""What every store promises. A test class per engine inherits it."""

from dataclasses import replace

from protocol.messages import RoomId
from server.store import (
    STOPPED,
    Aftermath,
    LinkRecord,
    Page,
    Participation,
    Pruned,
    RoomRecord,
    Spread,
    Store,
    open_store,
)

ROOM = RoomId("abcd-efgh-jkmn")
RECORD = RoomRecord(ROOM, "Lunes", "ana", 1000.5)


def stay(number: int, room: RoomId = ROOM) -> Participation:
    return Participation(f"p{number}", room, "ana", "test/1", 1000.0 + number)


def link(number: int, peer: str = "p9", room: RoomId = ROOM) -> LinkRecord:
    return LinkRecord(
        participation=f"p{number}",
        peer=peer,
        room=room,
        ended_at=2000.5,
        samples=3,
        round_trip=Spread(0.05, 0.25),
        loss=Spread(0.01, 0.5),
        up=Spread(700_000.5, 900_000.0),
        down=Spread(600_000.0, 800_000.0),
        frame_rate=Spread(24.5, 30.0),
        freezes=2,
        width=1280,
        height=720,
        connection="relay",
        transport="tls",
    )


async def stays_of(store: Store, room: RoomId = ROOM) -> list[str]:
    return [each.id for each in await store.participations(room)]


class StoreContract:
    """Needs the fixtures ``url``, of an empty store, and ``store``, started there."""

    async def test_what_was_written_is_there_after_a_restart(self, url: str) -> None:
        for _ in range(2):
            store = open_store(url)
            await store.start()
            await store.add_room(RECORD)
            await store.close()
        store = open_store(url)
        await store.start()
        assert await store.room(ROOM) == RECORD
        await store.close()

    async def test_a_room_is_found_as_it_was_added(self, store: Store) -> None:
        await store.add_room(RECORD)
        assert await store.room(ROOM) == RECORD

    async def test_a_room_nobody_added_is_not_found(self, store: Store) -> None:
        assert await store.room(ROOM) is None

    async def test_adding_a_room_again_changes_nothing(self, store: Store) -> None:
        await store.add_room(RECORD)
        await store.add_room(RoomRecord(ROOM, "Martes", "bo", 2000.0))
        assert await store.room(ROOM) == RECORD

    async def test_a_room_is_as_it_was_changed_last(self, store: Store) -> None:
        await store.add_room(RECORD)
        changed = replace(
            RECORD,
            name="Martes",
            persistent=False,
            passcode="salt$hash",
            locked=True,
            waiting_room=True,
            banned=("bo", "o'eva \u202e"),
            capacity=3,
        )
        await store.change_room(replace(changed, banned=("gus",)))
        await store.change_room(changed)
        assert await store.room(ROOM) == changed

    async def test_every_field_is_kept_from_the_first(self, store: Store) -> None:
        room = replace(RECORD, persistent=False, passcode="x", locked=True)
        room = replace(
            room, waiting_room=True, banned=("bo", "eva"), capacity=2, e2ee=False
        )
        await store.add_room(room)
        assert await store.room(ROOM) == room

    async def test_who_made_a_room_and_when_never_changes(self, store: Store) -> None:
        await store.add_room(RECORD)
        await store.change_room(replace(RECORD, creator="bo", created_at=5.0))
        assert await store.room(ROOM) == RECORD

    async def test_one_room_is_changed_and_no_other(self, store: Store) -> None:
        await store.add_room(RECORD)
        await store.change_room(replace(RECORD, id=RoomId("another"), locked=True))
        assert await store.room(ROOM) == RECORD
        assert await store.room(RoomId("another")) is None

    async def test_an_ended_room_is_not_brought_back(self, store: Store) -> None:
        await store.add_room(RECORD)
        await store.end_room(ROOM, 2000.0)
        await store.change_room(RECORD)
        assert await store.room(ROOM) is None

    async def test_several_rooms_are_found_at_once(self, store: Store) -> None:
        others = [replace(RECORD, id=RoomId(each)) for each in ("one", "ended")]
        for each in (RECORD, *others):
            await store.add_room(each)
        await store.end_room(others[1].id, 1060.0)
        asked = [ROOM, others[0].id, others[1].id, RoomId("another"), ROOM]
        found = await store.rooms(asked)
        assert sorted(found, key=lambda each: each.id) == sorted(
            (RECORD, others[0]), key=lambda each: each.id
        )
        assert await store.rooms([]) == []

    async def test_an_ended_room_is_not_found(self, store: Store) -> None:
        await store.add_room(RECORD)
        await store.end_room(ROOM, 2000.0)
        assert await store.room(ROOM) is None

    async def test_an_ended_room_is_found_among_the_past_ones(
        self, store: Store
    ) -> None:
        await store.add_room(RECORD)
        assert await store.past_room(ROOM) == RECORD
        await store.end_room(ROOM, 2000.0)
        assert await store.past_room(ROOM) == RECORD
        assert await store.past_room(RoomId("another")) is None

    async def test_an_ended_room_can_not_be_added_again(self, store: Store) -> None:
        await store.add_room(RECORD)
        await store.end_room(ROOM, 2000.0)
        await store.add_room(RECORD)
        assert await store.room(ROOM) is None

    async def test_a_change_that_comes_late_changes_nothing(self, store: Store) -> None:
        await store.add_room(RECORD)
        newer = replace(RECORD, locked=True, name="new", version=2)
        await store.change_room(newer)
        await store.change_room(replace(RECORD, locked=True, version=1))
        assert await store.room(ROOM) == newer
        await store.change_room(newer)
        assert await store.room(ROOM) == newer

    async def test_an_ended_room_knows_the_hosts_of_its_end(self, store: Store) -> None:
        await store.add_room(RECORD)
        await store.end_room(ROOM, 2000.0, ("ana", "bo"))
        await store.end_room(ROOM, 2001.0, ("eva",))
        assert await store.past_room(ROOM) == replace(RECORD, hosts=("ana", "bo"))

    async def test_those_who_come_together_are_recorded_in_their_order(
        self, store: Store
    ) -> None:
        await store.came(stay(1))
        await store.came(stay(3), stay(1), stay(2))
        assert await store.participations(ROOM) == [stay(1), stay(3), stay(2)]

    async def test_participations_come_in_their_order(self, store: Store) -> None:
        for number in (3, 1, 2):
            await store.came(stay(number))
        await store.came(stay(4, RoomId("another")))
        assert await store.participations(ROOM) == [stay(3), stay(1), stay(2)]

    async def test_who_went_is_recorded_with_when_and_why(self, store: Store) -> None:
        await store.came(stay(1))
        await store.went("p1", 1060.5, "lost")
        (found,) = await store.participations(ROOM)
        assert (found.left_at, found.reason) == (1060.5, "lost")

    async def test_the_first_word_on_who_went_counts(self, store: Store) -> None:
        await store.came(stay(1))
        await store.went("p1", 1060.0, "left")
        await store.went("p1", 1070.0, "lost")
        (found,) = await store.participations(ROOM)
        assert (found.left_at, found.reason) == (1060.0, "left")

    async def test_writing_again_changes_nothing(self, store: Store) -> None:
        await store.came(stay(1))
        await store.went("p1", 1060.0, "left")
        await store.came(stay(1))
        (found,) = await store.participations(ROOM)
        assert found.reason == "left"

    async def test_what_is_open_is_ended_and_the_rest_is_left(
        self, store: Store
    ) -> None:
        for number in (1, 2, 3):
            await store.came(stay(number))
        await store.went("p2", 1060.0, "left")
        assert await store.end_open(1070.0, "server_stopped") == 2
        reasons = [each.reason for each in await store.participations(ROOM)]
        assert reasons == ["server_stopped", "left", "server_stopped"]

    async def test_who_returned_is_in_again_since_they_came(self, store: Store) -> None:
        for number in (1, 2):
            await store.came(stay(number))
        await store.reached("p1", "relay")
        await store.end_open(1070.0, "server_stopped")
        for _ in range(2):  # again changes nothing
            await store.returned(replace(stay(1), joined_at=1075.0))
        stopped = replace(stay(2), left_at=1070.0, reason="server_stopped")
        back = replace(stay(1), connection="relay")
        assert await store.participations(ROOM) == [back, stopped]
        await store.went("p1", 1080.0, "left")
        assert (await store.participations(ROOM))[0].reason == "left"

    async def test_who_returned_and_was_never_recorded_is_added(
        self, store: Store
    ) -> None:
        await store.came(stay(1))
        await store.returned(stay(2))
        await store.returned(stay(2))
        assert await store.participations(ROOM) == [stay(1), stay(2)]

    async def test_what_ended_is_left_to_the_next_process(self, store: Store) -> None:
        reasons = ("left", "removed", "lost", STOPPED)
        for number, reason in enumerate(reasons):
            await store.came(replace(stay(number), subject=f"s{number}"))
            await store.went(f"p{number}", 1060.0 + number, reason)
        await store.came(stay(9))
        stopped = replace(stay(3), subject="s3", left_at=1063.0, reason=STOPPED)
        assert await store.aftermath(1061.0) == Aftermath(
            (stopped,), frozenset({"p1", "p2"}), frozenset({(ROOM, "s1")})
        )

    async def test_whether_somebody_is_host_is_kept_with_the_stay(
        self, store: Store
    ) -> None:
        await store.came(replace(stay(1), host=True), stay(2), stay(3))
        await store.hosted("p1", False)
        await store.hosted("p2", True)
        await store.returned(replace(stay(3), host=True))
        assert await store.participations(ROOM) == [
            stay(1),
            replace(stay(2), host=True),
            replace(stay(3), host=True),
        ]

    async def test_any_text_is_kept_as_it_is(self, store: Store) -> None:
        name = "'; DROP TABLE room; -- \u202e \U0001f600 {$gt: ''}"
        await store.add_room(RoomRecord(ROOM, name, "ana", 0.0))
        found = await store.room(ROOM)
        assert found is not None
        assert found.name == name

    async def test_who_went_before_they_came_is_gone_all_the_same(
        self, store: Store
    ) -> None:
        await store.went("p1", 1060.5, "lost")
        await store.went("p1", 1070.0, "left")
        assert await store.participations(ROOM) == []
        for _ in range(2):
            await store.came(stay(1), stay(2))
        gone = replace(stay(1), left_at=1060.5, reason="lost")
        assert sorted(await store.participations(ROOM), key=lambda s: s.id) == [
            gone,
            stay(2),
        ]
        assert await store.end_open(1080.0, "server_stopped") == 1

    async def test_who_went_and_is_back_before_they_came_is_there(
        self, store: Store
    ) -> None:
        await store.went("p1", 1060.5, "server_stopped")
        await store.returned(stay(1))
        assert await store.participations(ROOM) == [stay(1)]

    async def test_of_open_stays_those_that_go_on_are_kept(self, store: Store) -> None:
        await store.came(*(stay(number) for number in range(1, 5)))
        assert await store.end_open(1003.0, "server_stopped", {"p2"}) == 2
        over = {each.id: each.left_at for each in await store.participations(ROOM)}
        assert over == {"p1": 1003.0, "p2": None, "p3": 1003.0, "p4": None}

    async def test_how_media_went_is_kept_with_the_stay(self, store: Store) -> None:
        for number in (1, 2):
            await store.came(stay(number))
        await store.reached("p1", "direct")
        await store.reached("p1", "relay")
        await store.went("p1", 1060.0, "left")
        left = replace(stay(1), left_at=1060.0, reason="left", connection="relay")
        assert await store.participations(ROOM) == [left, stay(2)]

    async def test_a_link_is_found_as_it_was_measured(self, store: Store) -> None:
        await store.measured(link(1))
        await store.measured(link(1, room=RoomId("another"), peer="p7"))
        assert await store.links(ROOM) == [link(1)]

    async def test_the_word_of_most_samples_on_a_link_counts(
        self, store: Store
    ) -> None:
        later = replace(link(1), samples=99, freezes=9, loss=Spread(0.25, 1.0))
        for each in (link(1), later, link(1), replace(later, freezes=1)):
            await store.measured(each)
        assert await store.links(ROOM) == [later]

    async def test_links_of_stays_that_may_go_on_are_left_to_the_next_process(
        self, store: Store
    ) -> None:
        for number, reason in enumerate(("left", STOPPED)):
            await store.came(stay(number))
            await store.measured(link(number))
            await store.went(f"p{number}", 1060.0, reason)
        assert (await store.aftermath(1000.0)).links == (link(1),)

    async def test_links_are_found_by_whose_they_are(self, store: Store) -> None:
        for number in (3, 1, 2):
            for peer in ("p8", "p7"):
                await store.measured(link(number, peer))
        assert await store.links(ROOM, ["p3", "p1", "p5"]) == [
            link(1, "p7"),
            link(1, "p8"),
            link(3, "p7"),
            link(3, "p8"),
        ]
        assert await store.links(ROOM, []) == []

    async def test_pages_hold_every_stay_once_and_in_order(self, store: Store) -> None:
        for number in (5, 2, 4, 1, 3):
            await store.came(stay(number))
            await store.came(stay(number + 10, RoomId("another")))
        pages, after = [], 0
        while not pages or after:
            page = await store.page(ROOM, after, 2)
            pages.append([each.id for each in page.stays])
            after = page.after
        assert pages == [["p5", "p2"], ["p4", "p1"], ["p3"]]

    async def test_a_page_that_holds_all_leads_nowhere(self, store: Store) -> None:
        assert await store.page(ROOM, 0, 2) == Page((), 0)
        await store.came(stay(1))
        await store.came(stay(2))
        assert await store.page(ROOM, 0, 2) == Page((stay(1), stay(2)), 0)

    async def test_old_stays_go_with_their_links_and_new_ones_stay(
        self, store: Store
    ) -> None:
        for number in range(4):
            await store.came(stay(number))
            await store.measured(link(number))
        for number in range(3):
            await store.went(f"p{number}", 2000.0 + number, "left")
        assert await store.prune(2001.5, 100) == Pruned(2, 2, 0, more=False)
        assert await stays_of(store) == ["p2", "p3"]
        assert await store.links(ROOM) == [link(2), link(3)]
        assert await store.prune(2001.5, 100) == Pruned(0, 0, 0, more=False)

    async def test_who_is_still_in_is_never_pruned(self, store: Store) -> None:
        await store.came(stay(1))
        assert await store.prune(1e12, 100) == Pruned(0, 0, 0, more=False)
        assert await stays_of(store) == ["p1"]

    async def test_ended_and_unused_rooms_go_and_others_stay(
        self, store: Store
    ) -> None:
        ended, unused, used, young = (
            replace(RECORD, id=RoomId(name), created_at=at)
            for name, at in (("ended", 1), ("unused", 2), ("used", 3), ("young", 4000))
        )
        for room in (ended, unused, used, young):
            await store.add_room(room)
        await store.came(stay(1, used.id))
        await store.end_room(ended.id, 2000.0)
        assert await store.prune(1999.0, 100) == Pruned(0, 0, 1, more=False)
        assert await store.prune(2001.0, 100) == Pruned(0, 0, 1, more=False)
        found = [await store.room(each.id) for each in (ended, unused, used, young)]
        assert found == [None, None, used, young]
        await store.add_room(ended)  # nothing of it is left
        assert await store.room(ended.id) == ended

    async def test_a_room_that_was_used_once_stays_without_its_stays(
        self, store: Store
    ) -> None:
        await store.add_room(RECORD)
        await store.came(stay(1))
        await store.went("p1", 1500.0, "left")
        assert await store.prune(3000.0, 100) == Pruned(1, 0, 0, more=False)
        assert await store.prune(3000.0, 100) == Pruned(0, 0, 0, more=False)
        assert await store.room(ROOM) == RECORD

    async def test_pruning_goes_on_in_batches(self, store: Store) -> None:
        for number in range(5):
            await store.add_room(replace(RECORD, id=RoomId(f"room-{number}")))
            await store.came(stay(number))
            await store.went(f"p{number}", 1500.0, "left")
        batches = [await store.prune(3000.0, 2) for _ in range(3)]
        assert batches == [
            Pruned(2, 0, 2, more=True),
            Pruned(2, 0, 2, more=True),
            Pruned(1, 0, 1, more=False),
        ]
        assert await stays_of(store) == []
