"""Everybody sees and hears everybody, whatever they run on."""

from client_py.testing import expect_mesh_complete


def test_three_tabs_see_and_hear_each_other(participants):
    people = participants("ada", "bob", "carol")
    expect_mesh_complete(*people, frames=30)


def test_a_tab_of_firefox_joins_one_of_chromium(participants):
    ada, bob = participants("ada", firefox="bob")
    expect_mesh_complete(ada, bob, frames=30)


def test_a_tab_of_chromium_joins_one_of_firefox(participants, participant):
    ada = participant("ada", engine="firefox")
    bob = participant("bob")
    expect_mesh_complete(ada, bob, frames=30)


def test_somebody_headless_joins_a_tab(participants):
    ada, bob = participants("ada", headless="bob")
    expect_mesh_complete(ada, bob, frames=30)


def test_a_tab_joins_somebody_headless(headless, participant):
    ada, bob = headless("ada"), participant("bob")
    expect_mesh_complete(ada, bob, frames=30)
