"""What `wg show all dump` says, and when a tunnel counts as down."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from hub.sites import peer_file
from hub.sites.watch import SiteWatch
from hub.sites.wireguard import Peer, peers_of

NOW = datetime(2026, 3, 1, 14, 5, tzinfo=UTC)
# As wireguard-tools 1.0.20210914 prints it: an interface's own line has its private key.
DUMP = (
    "dm1-beach\tPRIVATE=\tPUBLIC=\t51821\toff\n"
    "dm1-beach\tSITE=\t(none)\t192.0.2.7:51820\t10.86.0.6/32\t1772373900\t1234\t567\t25\n"
    "wg0\tPRIVATE=\tPUBLIC=\t51820\toff\n"
    "wg0\tLAPTOP=\tPSK=\t(none)\t(none)\t0\t0\t0\toff\n"
    "wg0\tSIX=\tPSK=\t[2001:db8::7]:51820\t10.9.0.2/32\t1772373900\t9\t8\toff\n"
)


def test_peers_are_read_and_private_keys_are_not():
    beach, laptop, six = peers_of(DUMP + "torn\tline\n")
    at = datetime.fromtimestamp(1772373900, UTC)
    assert beach == Peer("dm1-beach", "SITE=", "192.0.2.7:51820", at, 1234, 567, 25)
    assert (laptop.endpoint, laptop.handshake_at, laptop.keepalive) == ("", None, 0)
    assert six.endpoint == "[2001:db8::7]:51820"
    assert "PRIVATE" not in repr([beach, laptop, six])


class World:
    """A watch whose clock and peer are the test's."""

    def __init__(self):
        self.now = NOW
        self.watch = SiteWatch(None, clock=lambda: self.now)

    def sees(self, seconds, handshake, received):
        self.now += timedelta(seconds=seconds)
        peer = Peer("dm1-beach", "SITE=", "192.0.2.7:1", handshake, received, 5, 25)
        self.watch.saw([peer], self.now)
        return self.watch.state("SITE=")


def test_a_tunnel_is_down_when_keepalives_do_not_come():
    world = World()
    assert world.watch.state("SITE=").said == "not known"
    assert world.sees(0, None, 0).said == "never up"
    # Handshakes come every two minutes; keepalives every 25 s show that it is there meanwhile.
    shaken = world.now + timedelta(seconds=10)
    assert world.sees(10, shaken, 92).said == "up"
    assert world.sees(100, shaken, 124).said == "up"
    heard = world.now
    assert world.sees(80, shaken, 124).said == "up"
    state = world.sees(11, shaken, 124)
    assert (state.said, state.down_since) == ("down", heard)
    assert world.sees(10, world.now + timedelta(seconds=9), 300).said == "up"


def test_a_hub_that_starts_waits_before_it_calls_a_tunnel_down():
    world = World()
    shaken = NOW - timedelta(seconds=120)
    assert world.sees(0, shaken, 50).said == "up"
    assert world.sees(91, shaken, 50).down_since == shaken
    long_ago = World()
    assert long_ago.sees(0, NOW - timedelta(hours=2), 50).down_since == NOW - timedelta(hours=2)
    # The interface is gone.
    long_ago.watch.saw([], NOW)
    assert long_ago.watch.state("SITE=").said == "not known"


def test_what_root_saw_is_read_while_it_is_fresh(tmp_path):
    file, peers = tmp_path / "run" / "peers.json", peers_of(DUMP)
    peer_file.write(peers, NOW, file)
    assert peer_file.read(NOW + timedelta(seconds=60), file) == peers
    assert peer_file.read(NOW + timedelta(seconds=120), file) is None
    assert file.stat().st_mode & 0o777 == 0o644
    os.chown(file, 12345, 12345)
    assert peer_file.read(NOW, file) is None
    file.write_text('{"at": 3}')
    assert peer_file.read(NOW, file) is None
    assert peer_file.read(NOW, tmp_path / "none") is None
