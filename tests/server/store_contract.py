"""What every store promises. A test class per engine inherits it."""

from dataclasses import replace

from protocol.messages import RoomId
from server.store import Participation, RoomRecord, Store, open_store

ROOM = RoomId("abcd-efgh-jkmn")
RECORD = RoomRecord(ROOM, "Lunes", "ana", 1000.5)


def stay(number: int, room: RoomId = ROOM) -> Participation:
    return Participation(f"p{number}", room, "ana", "test/1", 1000.0 + number)


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

    async def test_an_ended_room_is_not_found(self, store: Store) -> None:
        await store.add_room(RECORD)
        await store.end_room(ROOM, 2000.0)
        assert await store.room(ROOM) is None

    async def test_an_ended_room_can_not_be_added_again(self, store: Store) -> None:
        await store.add_room(RECORD)
        await store.end_room(ROOM, 2000.0)
        await store.add_room(RECORD)
        assert await store.room(ROOM) is None

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

    async def test_any_text_is_kept_as_it_is(self, store: Store) -> None:
        name = "'; DROP TABLE room; -- \u202e \U0001f600 {$gt: ''}"
        await store.add_room(RoomRecord(ROOM, name, "ana", 0.0))
        found = await store.room(ROOM)
        assert found is not None
        assert found.name == name
