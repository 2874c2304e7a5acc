"""What people do, by the names in index.html: gesture → event.

One listener for each type of DOM event; ``data-action``, ``data-change`` and
``data-submit`` name an entry of a table. Nothing here decides anything: a gesture
becomes an event of the session, or a change of what this page shows.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from js import document, location, navigator
from pyodide.ffi import JsException

from client_py.browser.checkup import CheckupDialog
from client_py.browser.chime import chime
from client_py.browser.dom import Listeners, by_id, set_text
from client_py.browser.view import Panel, View, invite_link
from client_py.core import event as e
from client_py.core.address import room_link, room_of, secret_of
from client_py.core.conference import Conference
from client_py.core.slot import Slot
from client_py.core.state import CaptureQuality, Phase, SourceState
from protocol import messages as m

_KEYS = {
    "m": "toggle-mic",
    "v": "toggle-camera",
    "s": "share-screen",
    "h": "raise-hand",
    "c": "toggle-chat",
    "p": "toggle-people",
    "n": "toggle-links",
    ",": "toggle-settings",
    "?": "show-shortcuts",
}
#: Which attribute names what a gesture does, by the type of its event.
_NAMED = {"click": "action", "change": "change", "submit": "submit"}
_SOURCES = {"toggle-mic": Slot.MICROPHONE, "toggle-camera": Slot.CAMERA}
_TYPING = "input, textarea, select, dialog"


class Actions:
    """The tables, and the listeners that look things up in them."""

    def __init__(
        self, conference: Conference, view: View, checkup: CheckupDialog
    ) -> None:
        self._conference = conference
        self._view = view
        self._listeners = Listeners()
        post = conference.post
        self._clicks: dict[str, Callable[[Any], None]] = {
            "create-room": lambda _: post(e.CreateRoom(e2ee=view.lobby.encrypts)),
            "toggle-mic": lambda _: self._toggle(Slot.MICROPHONE),
            "toggle-camera": lambda _: self._toggle(Slot.CAMERA),
            "share-screen": lambda _: self._toggle(Slot.SCREEN),
            "raise-hand": lambda _: post(e.RaiseHand(not conference.snapshot.hand)),
            "react": self._react,
            "leave": lambda _: post(e.Leave()),
            "rejoin": lambda _: self._join(None),
            "retry-media": lambda _: self._retry_media(),
            "play-audio": lambda _: post(e.AllowPlayback()),
            "test-speaker": lambda _: self._test_speaker(),
            "pick-speaker": lambda _: post(e.PickOutput()),
            "copy-link": lambda _: self._copy_link(),
            "toggle-chat": lambda _: view.toggle_panel(Panel.CHAT),
            "toggle-people": lambda _: view.toggle_panel(Panel.PEOPLE),
            "toggle-settings": lambda _: view.toggle_panel(Panel.SETTINGS),
            "toggle-links": lambda _: view.toggle_panel(Panel.LINKS),
            "show-link": lambda element: view.show_link(_whose(element)),
            "close-panel": lambda _: view.close_panel(),
            "pin": view.grid.pin,
            "hide-video": lambda element: self._hide(_whose(element)),
            "dismiss-toast": view.toasts.dismiss,
            "verify": lambda element: view.verification.open(
                _whose(element), conference.snapshot
            ),
            "codes-match": lambda _: self._compare(same=True),
            "codes-differ": lambda _: self._compare(same=False),
            "show-new-code": lambda _: view.verification.look_again(
                conference.snapshot
            ),
            "accept-device": lambda _: self._accept_device(),
            "host-menu": view.hosting.open_menu,
            "host-mute": lambda _: self._moderate(m.Mute(view.hosting.target)),
            "host-stop-share": lambda _: self._moderate(
                m.StopShare(view.hosting.target)
            ),
            "host-hand-over": lambda _: self._moderate(m.HandOver(view.hosting.target)),
            "host-remove": lambda _: self._moderate(m.Remove(view.hosting.target)),
            "host-ban": lambda _: self._moderate(m.Ban(view.hosting.target)),
            "admit": lambda element: self._moderate(m.Admit(_whose(element))),
            "refuse": lambda element: self._moderate(m.Refuse(_whose(element))),
            "toggle-lock": lambda _: self._moderate(
                m.Lock(not conference.snapshot.door.locked)
            ),
            "toggle-waiting-room": lambda _: self._moderate(
                m.SetWaitingRoom(not conference.snapshot.door.waiting_room)
            ),
            "end-for-all": lambda _: self._moderate(m.EndForAll()),
            "show-shortcuts": lambda _: by_id("shortcuts").showModal(),
            "test-connection": lambda _: checkup.open(),
            "check-again": lambda _: checkup.run(),
        }
        self._changes: dict[str, Callable[[str], None]] = {
            "choose-microphone": lambda v: post(e.ChooseDevice(Slot.MICROPHONE, v)),
            "choose-camera": lambda v: post(e.ChooseDevice(Slot.CAMERA, v)),
            "choose-speaker": lambda v: post(e.ChooseOutput(v)),
            "choose-quality": lambda v: post(e.ChooseQuality(CaptureQuality(v))),
        }
        self._submits: dict[str, Callable[[Any], None]] = {
            "join": self._join,
            "open-link": self._open_link,
            "chat-send": self._say,
        }

    def listen(self) -> None:
        """Take gestures from now on."""
        self._listeners.add(document, "click", self._got_click)
        self._listeners.add(document, "change", self._got_change)
        self._listeners.add(document, "submit", self._got_submit)
        self._listeners.add(document, "input", self._got_input)
        self._listeners.add(document, "keydown", self._got_key)

    def perform(self, kind: str, element: Any, value: str) -> None:
        """Do what was asked for before Python was there.

        ``value`` is what was chosen, or what a toggle was to show.
        """
        name = str(element.getAttribute(f"data-{_NAMED[kind]}"))
        if kind == "change" and name in self._changes:
            self._changes[name](value)
        elif kind == "submit" and name in self._submits:
            self._submits[name](element)
        elif kind == "click" and name in _SOURCES:
            self._turn(_SOURCES[name], on=value == "true")
        elif kind == "click" and name in self._clicks:
            self._clicks[name](element)

    # -- DOM events

    def _got_click(self, event: Any) -> None:
        element = event.target.closest("[data-action]")
        if element and element.dataset.action in self._clicks:
            self._clicks[element.dataset.action](element)
            for menu in ("more-menu", "reaction-picker", "host-menu"):
                if menu != element.dataset.action:  # it was opened just now
                    by_id(menu).hidePopover()

    def _got_change(self, event: Any) -> None:
        name = event.target.getAttribute("data-change")
        if name and name in self._changes:
            self._changes[name](str(event.target.value))

    def _got_submit(self, event: Any) -> None:
        name = event.target.getAttribute("data-submit")
        if name and name in self._submits:
            event.preventDefault()
            self._submits[name](event.target)

    def _got_input(self, event: Any) -> None:
        if event.target.id == "display-name":
            self._view.lobby.show_name()
            set_text(by_id("name-problem"), "")

    def _got_key(self, event: Any) -> None:
        target = event.target
        if target.id == "chat-input":
            self._got_chat_key(event)
            return
        if event.ctrlKey or event.metaKey or event.altKey or event.repeat:
            return
        if target.closest and target.closest(_TYPING):
            return
        key = str(event.key)
        if key == "Escape":
            if not target.closest or not target.closest("[popover]"):
                self._view.close_panel()  # a menu closes by itself, and alone
        elif key.lower() == "r" and self._in_call:
            by_id("reaction-picker").togglePopover()
        else:
            name = _KEYS.get(key.lower())
            if name and self._counts(name):
                event.preventDefault()
                self._clicks[name](None)

    def _got_chat_key(self, event: Any) -> None:
        if event.key == "Enter" and not event.shiftKey and not event.isComposing:
            event.preventDefault()
            self._say(None)
        elif event.key == "Escape":
            self._view.close_panel()

    # -- gestures

    @property
    def _in_call(self) -> bool:
        return bool(self._conference.snapshot.participants)

    def _counts(self, name: str) -> bool:
        """Tell whether a key does something on this screen: nothing opens unseen."""
        snapshot = self._conference.snapshot
        before = snapshot.phase in (Phase.LOBBY, Phase.JOINING) and snapshot.room
        seen = name in _SOURCES and bool(before)
        return self._in_call or seen or name == "show-shortcuts"

    def _toggle(self, slot: Slot) -> None:
        self._turn(slot, on=not self._conference.snapshot.source(slot).state.on)

    def _turn(self, slot: Slot, *, on: bool) -> None:
        self._conference.post(e.TurnOn(slot) if on else e.TurnOff(slot))

    def _react(self, element: Any) -> None:
        self._conference.post(e.ShowReaction(str(element.dataset.emoji)))

    def _join(self, _: Any) -> None:
        lobby = self._view.lobby
        self._conference.post(e.Join(lobby.name, lobby.passcode))

    def _moderate(self, message: m.HostMessage) -> None:
        self._conference.post(e.Moderate(message))

    def _hide(self, who: m.ParticipantId) -> None:
        people = self._conference.snapshot.participants
        hidden = any(each.hidden for each in people if each.id == who)
        self._conference.post(e.HideVideo(who, not hidden))

    def _compare(self, *, same: bool) -> None:
        dialog = self._view.verification
        self._conference.post(e.CompareCodes(dialog.target, same, dialog.code))
        dialog.answer(self._conference.snapshot, same=same)

    def _accept_device(self) -> None:
        dialog = self._view.verification
        self._conference.post(e.AcceptDevice(dialog.target, dialog.code))

    def _open_link(self, _: Any) -> None:
        room = room_of(str(by_id("invite-input").value))
        problem = "" if room else "That doesn’t look like an invite link or a room name"
        set_text(by_id("invite-problem"), problem)
        if room:
            secret = secret_of(str(by_id("invite-input").value).strip())
            location.assign(room_link("", room, secret))

    def _say(self, _: Any) -> None:
        field = by_id("chat-input")
        self._conference.post(e.Say(str(field.value), time.time()))
        field.value = ""

    def _retry_media(self) -> None:
        snapshot = self._conference.snapshot
        for slot in (Slot.MICROPHONE, Slot.CAMERA):
            state = snapshot.source(slot).state
            if state in (SourceState.FAILED, SourceState.SILENT):
                self._conference.post(e.TurnOn(slot))

    def _copy_link(self) -> None:
        snapshot = self._conference.snapshot
        link = invite_link(snapshot.room, snapshot.secret)
        self._copying = asyncio.ensure_future(self._copy(link))

    async def _copy(self, link: str) -> None:
        try:
            await navigator.clipboard.writeText(link)
        except (JsException, AttributeError):  # a policy, or no gesture that counts
            self._view.tell_uncopied()
        else:
            self._view.tell_copied()

    def _test_speaker(self) -> None:
        output = self._conference.snapshot.output
        refused = e.OutputFailed(output)
        chime(output, lambda: self._conference.post(refused))


def _whose(element: Any) -> m.ParticipantId:
    """Return whose row, tile or toast an element is in."""
    owner = element.closest("[data-participant]")
    return m.ParticipantId(str(owner.dataset.participant))
