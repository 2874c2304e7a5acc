"""The rig before anything is measured with it: does it do what it is told?"""

import os
import signal
import subprocess
import sys
import time
import warnings

import pytest

from tests.network.namespace import Namespace, missing, remove_leftovers
from tests.network.probe import echo, mapped, trips
from tests.network.site import RELAY, SECOND, SERVER, Line, Nat, Wall


@pytest.mark.filterwarnings("default::UserWarning")
def test_machine_has_what_the_rig_needs():
    lacks = missing()
    told = f"NO NETWORK TEST RUNS HERE without {', '.join(lacks)}"
    if os.geteuid() == 0:
        # What can be installed has to be; a kernel nobody can install. Nobody reads
        # what CI is warned of, so where it may build the rig, it must.
        installable = [each for each in lacks if "(for " in each]
        assert not (lacks if "CI" in os.environ else installable), told
    if lacks:
        warnings.warn(told, UserWarning, stacklevel=1)


def test_router_without_nat_shows_the_host(rig):
    site = rig.sites[0]
    site.become(Nat.NONE)
    own, *seen = mapped(site.host, RELAY, SECOND)
    assert seen == [(site.address, own[1])] * 2


def test_preserving_router_shows_everybody_the_same_port(rig):
    site = rig.sites[0]
    site.become(Nat.PRESERVING)
    own, *seen = mapped(site.host, RELAY, SECOND)
    assert seen == [(site.outside, own[1])] * 2


def test_symmetric_router_shows_everybody_another_port(rig):
    site = rig.sites[0]
    site.become(Nat.SYMMETRIC)
    own, one, other = mapped(site.host, RELAY, SECOND)
    assert {one[0], other[0]} == {site.outside}
    assert len({own[1], one[1], other[1]}) == 3


@pytest.mark.parametrize("wall", [Wall.NO_UDP, Wall.ONLY_443])
def test_wall_lets_no_datagram_out(rig, wall):
    site = rig.sites[0]
    site.become(Nat.PRESERVING, wall)
    assert mapped(site.host, RELAY)[1:] == [None]


def test_hidden_host_is_not_reached_from_outside(rig):
    here, there, *_ = rig.sites
    here.become(Nat.PRESERVING)
    there.become(Nat.PRESERVING)
    with echo(there.host, there.address) as answering:
        assert trips(here.host, answering.address, count=3) == []
        assert answering.came == []
    there.become(Nat.NONE)
    with echo(there.host, there.address) as answering:
        assert len(trips(here.host, answering.address, count=3)) == 3


def test_lossy_line_loses_the_share_it_says(rig):
    site = rig.sites[0]
    site.become(Nat.PRESERVING, line=Line(loss=0.1))
    sent = 2000
    with echo(rig.public.namespace, SERVER) as answering:
        back = len(trips(site.host, answering.address, count=sent, pause=0.0003))
        came = len(answering.came)
    assert site.dropped() == sent - back
    # Five deviations of a binomial of 2000 at 10 %: false once in a million runs.
    assert abs((sent - came) / sent - 0.1) < 5 * (0.1 * 0.9 / sent) ** 0.5


def test_narrow_line_carries_the_rate_it_says(rig):
    site = rig.sites[0]
    site.become(Nat.PRESERVING, line=Line(rate=1000))
    burst = 8192
    with echo(rig.public.namespace, SERVER) as answering:
        trips(site.host, answering.address, count=100, size=1000)
        came = answering.came
    carried = sum(size + 42 for _, size in came)  # with UDP's, IP's, Ethernet's headers
    rate = 8 * (carried - burst) / (came[-1][0] - came[0][0]) / 1000
    assert rate == pytest.approx(1000, rel=0.1)


def test_slow_line_takes_the_time_it_says(rig):
    site = rig.sites[0]
    site.become(Nat.PRESERVING, line=Line(delay=0.05, jitter=0.04))
    with echo(rig.public.namespace, SERVER) as answering:
        taken = sorted(trips(site.host, answering.address, count=200, pause=0.002))
        own, seen = mapped(site.host, RELAY)
    assert len(taken) == 200
    assert taken[0] >= 0.05
    assert taken[100] == pytest.approx(0.07, abs=0.015)
    assert taken[190] > 0.08
    assert seen == (site.outside, own[1]), "what is delayed is still translated"


def test_what_a_dead_run_left_is_removed():
    left = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, time\n"
            "from tests.network.namespace import Namespace\n"
            "made = Namespace('left')\n"
            "made.inside(lambda: subprocess.Popen(['sleep', '60']))\n"
            "print(made.name, flush=True)\n"
            "time.sleep(60)\n",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    name = left.stdout.readline().strip()
    assert name not in remove_leftovers(), "its run is alive"
    os.kill(left.pid, signal.SIGKILL)
    left.wait()
    left.stdout.close()
    assert name in remove_leftovers()
    assert name not in remove_leftovers()


def test_namespace_is_gone_with_all_that_ran_in_it():
    made = Namespace("short")
    sleeping = made.inside(lambda: subprocess.Popen(["sleep", "60"]))
    started = time.monotonic()
    made.remove()
    assert sleeping.wait(10) == -signal.SIGKILL
    assert time.monotonic() - started < 10
    assert not made.path.exists()
