"""ICE servers and their credentials."""

import base64
import hashlib
import hmac

from protocol.messages import IceServer, ParticipantId
from server.ice import LIFE, ice_servers

ANA = ParticipantId("ana")


def test_stun_needs_no_credentials():
    servers = ice_servers(("stun:a.example", "stuns:b.example"), "", ANA, 1000)
    assert servers == (IceServer(("stun:a.example", "stuns:b.example")),)


def test_turn_credentials_name_their_end_and_their_owner():
    urls = ("turn:t.example", "stun:s.example", "turns:t.example?transport=tcp")
    stun, turn = ice_servers(urls, "north", ANA, 1000.9)
    assert stun.urls == ("stun:s.example",)
    assert turn.urls == ("turn:t.example", "turns:t.example?transport=tcp")
    assert turn.username == f"{1000 + LIFE}:ana"
    mac = hmac.new(b"north", turn.username.encode(), hashlib.sha1).digest()
    assert turn.credential == base64.b64encode(mac).decode()


def test_without_urls_there_are_none():
    assert ice_servers((), "", ANA, 1000) == ()
