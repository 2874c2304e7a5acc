"""What the connection test of a page says, once it has looked at everything."""

from playwright.sync_api import expect

from client_py.testing import Participant

WITHIN = 30_000  # milliseconds: a relay that is away takes its time


def verdict(person: Participant, within: int = WITHIN) -> str | None:
    """Wait until it ends; return what it says of calls."""
    dialog = person.control("checkup")
    expect(dialog).to_be_visible()
    expect(dialog).not_to_have_attribute("data-tone", "running", timeout=within)
    return dialog.get_attribute("data-verdict")


def outcomes(person: Participant) -> dict[str | None, str | None]:
    """Return how each item went."""
    rows = person.control("checks").locator("li")
    return {
        row.get_attribute("data-check"): row.get_attribute("data-outcome")
        for row in rows.all()
    }
