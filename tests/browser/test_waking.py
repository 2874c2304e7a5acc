"""A network or a page that comes back is a reason to look at once."""

import pytest

_PINGS = """
window.pings = 0;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (text) {
  if (String(text).includes('"type":"ping"')) window.pings += 1;
  return send.call(this, text);
};
"""


@pytest.mark.parametrize(
    "sign",
    [
        "window.dispatchEvent(new Event('online'))",
        "window.dispatchEvent(new Event('pageshow'))",
        "document.dispatchEvent(new Event('visibilitychange'))",
    ],
)
def test_a_sign_of_life_makes_the_page_look_whether_the_socket_lives(participant, sign):
    ada = participant("ada", scripts=[_PINGS])
    ada.expect_phase("joined")
    # Three in a row can't be its heartbeat, which beats every ten seconds.
    for _ in range(3):
        before = ada.page.evaluate(f"() => {{ {sign}; return window.pings; }}")
        ada.page.wait_for_function(
            "before => window.pings > before", arg=before, timeout=2000
        )
