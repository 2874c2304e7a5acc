"""What people do, by the names in index.html: gesture → event.

One listener for each type of DOM event; ``data-action``, ``data-change`` and
``data-submit`` name an entry of a table. Nothing here decides anything: a gesture
becomes an event of the session, or a change of what this page shows.
"""

import time
from collections.abc import Callable
from typing import Any

from js import AudioContext, document, location, navigator

from client_py.browser.checkup import CheckupDialog
from client_py.browser.dom import Listeners, by_id, set_text
from client_py.browser.view import Panel, View, invite_link
from client_py.core import event as e
from client_py.core.address import room_link, secret_of
from client_py.core.conference import Conference
from client_py.core.slot import Slot
from client_py.core.state import CaptureQuality, SourceState
from protocol import messages as m

_ON = (SourceState.LIVE, SourceState.STARTING)
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
_EVERYWHERE = ("toggle-mic", "toggle-camera", "show-shortcuts")
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
            "reload": lambda _: location.reload(),
            "retry-media": lambda _: self._retry_media(),
            "play-audio": lambda _: post(e.AllowPlayback()),
            "test-speaker": lambda _: self._test_speaker(),
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

    def perform(self, name: str) -> None:
        """Do what was asked for before Python was there."""
        if name in self._submits:
            self._submits[name](None)
        elif name in self._clicks:
            self._clicks[name](None)

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
            if name and (self._in_call or name in _EVERYWHERE):
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

    def _toggle(self, slot: Slot) -> None:
        on = self._conference.snapshot.source(slot).state in _ON
        self._conference.post(e.TurnOff(slot) if on else e.TurnOn(slot))

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
            if snapshot.source(slot).state is SourceState.FAILED:
                self._conference.post(e.TurnOn(slot))

    def _copy_link(self) -> None:
        snapshot = self._conference.snapshot
        link = invite_link(snapshot.room, snapshot.secret)
        navigator.clipboard.writeText(link)
        self._view.toasts.show("Invite link copied")

    def _test_speaker(self) -> None:
        """Two soft notes through the chosen output."""
        context = AudioContext.new()
        output = self._conference.snapshot.output
        if output and hasattr(context, "setSinkId"):
            context.setSinkId(output)
        for number, pitch in enumerate((523.25, 659.25)):
            note, loudness = context.createOscillator(), context.createGain()
            begin = context.currentTime + 0.25 * number
            note.frequency.value = pitch
            loudness.gain.setValueAtTime(0.0001, begin)
            loudness.gain.exponentialRampToValueAtTime(0.2, begin + 0.03)
            loudness.gain.exponentialRampToValueAtTime(0.0001, begin + 0.6)
            note.connect(loudness)
            loudness.connect(context.destination)
            note.start(begin)
            note.stop(begin + 0.65)


def _whose(element: Any) -> m.ParticipantId:
    """Return whose row, tile or toast an element is in."""
    owner = element.closest("[data-participant]")
    return m.ParticipantId(str(owner.dataset.participant))


def room_of(text: str) -> str:
    """Return the room that an invite link or a room name means, ``""`` for none."""
    name = text.strip().split("#")[0].split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    known = name and all(each.isalnum() or each in "-_" for each in name)
    return name if known and len(name) <= 64 else ""
