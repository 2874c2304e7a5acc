"""Metrics: what is counted, who may see it, and the dashboard that shows it."""

import json
import re
from pathlib import Path

import pytest
from guest import House, make_settings, serving
from prometheus_client.parser import text_string_to_metric_families

from protocol import messages as m
from protocol.codes import GRACE
from protocol.statistics import LinkSample
from server.metrics import SAMPLE, Metrics

WITH_REDIS = {"tertulia_redis_lag_seconds"}  # alone; this server has none
DASHBOARD = Path(__file__).parent.parent.parent / "docs" / "grafana-dashboard.json"
TOKEN = "a token for those who scrape"


async def scrape(house: House) -> dict[str, float]:
    """Return every sample by its name and labels."""
    response = await house.http.get("/metrics")
    assert response.status_code == 200
    return samples(response.text)


def samples(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = (
                sample.value
            )
    return found


async def test_who_is_there_and_what_was_said_is_counted(house):
    ana, bo = await house.party("Ana", "Bo")
    await house.join("Eva", room="another")
    for number in range(3):
        await ana.say(m.Signal(bo.you, number, {"n": number}))
        await bo.hear()
    found = await scrape(house)
    assert found["tertulia_rooms"] == 2
    assert found["tertulia_participants"] == 3
    assert found["tertulia_connections"] == 3
    assert found["tertulia_joins_total"] == 3
    assert found["tertulia_relayed_messages_total"] == 3
    assert found["tertulia_relayed_bytes_total"] > 3 * 40
    assert found["tertulia_outbox_messages"] == 0
    assert found["tertulia_store_queue"] >= 0


async def test_comings_back_and_goings_are_counted_by_reason(house):
    ana, bo = await house.party("Ana", "Bo")
    ana.cut()
    await bo.hear()
    again, answer = await house.come_back(ana, "Ana")
    assert isinstance(answer, m.Resumed)
    await bo.hear()
    again.cut()
    await bo.hear()
    house.clock.advance(GRACE)
    await bo.hear()
    await bo.say(m.Leave())
    await bo.closing()
    found = await scrape(house)
    assert found["tertulia_resumes_total"] == 1
    assert found["tertulia_leaves_total{reason=lost}"] == 1
    assert found["tertulia_leaves_total{reason=left}"] == 1
    assert found["tertulia_rooms"] == 0


async def test_refusals_are_counted_by_code(house):
    house.clock.advance(GRACE)  # till then nobody is surely not here
    guest = await house.visit()
    await guest.say(m.Hello(1, "none", "Ana"))
    await guest.closing()
    ana = await house.join("Ana")
    await ana.say(m.Signal(m.ParticipantId("nobody"), 1, {}))
    await ana.hear()
    await ana.socket.send("?")
    await ana.hear()
    await house.http.get("/api/rooms/none")
    found = await scrape(house)
    assert found["tertulia_refusals_total{code=bad_token}"] == 1
    assert found["tertulia_refusals_total{code=no_such_peer}"] == 1
    assert found["tertulia_refusals_total{code=bad_message}"] == 1
    assert found["tertulia_refusals_total{code=room_not_found}"] == 1


async def test_some_relayed_messages_are_timed(house):
    ana, bo = await house.party("Ana", "Bo")
    for number in range(2 * SAMPLE):
        await ana.say(m.Signal(bo.you, number, {}))
        await bo.hear()
    found = await scrape(house)
    assert found["tertulia_relay_seconds_count"] == 2


async def test_no_label_names_a_room_or_a_person(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.Signal(bo.you, 1, {}))
    await bo.hear()
    text = (await house.http.get("/metrics")).text
    for private in (ana.you, bo.you, "the-room", "Ana"):
        assert private not in text


def test_values_that_nobody_foresaw_make_no_label_of_their_own():
    metrics = Metrics()
    metrics.left(m.RoomId("room"), m.ParticipantId("ana"), "a reason of today")
    metrics.refused("a code of today")
    value = metrics.registry.get_sample_value
    assert value("tertulia_leaves_total", {"reason": "other"}) == 1
    assert value("tertulia_refusals_total", {"code": "other"}) == 1


def test_links_are_summed_up_as_clients_report_them():
    metrics = Metrics()
    metrics.measured(LinkSample(m.ParticipantId("bo"), 0.03, 0.02, 800e3, 400e3))
    value = metrics.registry.get_sample_value
    name = "tertulia_link_bitrate_bits_per_second_sum"
    assert value(name, {"way": "up"}) == 800e3
    assert value(name, {"way": "down"}) == 400e3
    assert value("tertulia_link_loss_ratio_sum") == 0.02
    assert value("tertulia_link_round_trip_seconds_count") == 1


def test_two_servers_share_no_count():
    first, second = Metrics(), Metrics()
    first.refused("forbidden")
    labels = {"code": "forbidden"}
    assert first.registry.get_sample_value("tertulia_refusals_total", labels) == 1
    assert second.registry.get_sample_value("tertulia_refusals_total", labels) == 0


async def test_without_a_token_only_this_machine_may_look(house):
    assert (await house.http.get("/metrics")).status_code == 200
    # From a proxy here, which everybody's requests come through.
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        response = await house.http.get("/metrics", headers={name: "127.0.0.1"})
        assert response.status_code == 403


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer é"]
)
async def test_with_a_token_every_other_bearer_gets_the_same_answer(tmp_path, given):
    async with serving(make_settings(tmp_path, metrics_token=TOKEN)) as house:
        headers = {"Authorization": given.encode()} if given else {}
        response = await house.http.get("/metrics", headers=headers)
        bare = await house.http.get("/metrics")
        right = await house.http.get(
            "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
        )
    assert (response.status_code, bare.status_code) == (403, 403)
    assert response.content == bare.content
    assert right.status_code == 200


# -- the dashboard


def queried(dashboard: dict[str, object]) -> set[str]:
    """Return the names of ours in the dashboard's queries."""
    expressions = re.findall(r'"expr": "((?:[^"\\]|\\.)*)"', json.dumps(dashboard))
    return {
        name for each in expressions for name in re.findall(r"\b[a-z]+_[a-z_]+\b", each)
    } - {"histogram_quantile"}


async def test_the_dashboard_asks_only_for_what_there_is(house):
    dashboard = json.loads(DASHBOARD.read_text())
    found = {key.partition("{")[0] for key in await scrape(house)}
    names = queried(dashboard)
    assert len(names) > 10
    assert names - found == WITH_REDIS


def test_a_query_for_what_is_not_there_is_found():
    panel = {"targets": [{"expr": 'sum(rate(tertulia_typos_total{a="b"}[5m]))'}]}
    assert queried({"panels": [panel]}) == {"tertulia_typos_total"}
