from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import pytest

from hub.mqtt import silent_clients
from hub.mqtt.silent_clients import SilentClients
from tests.support.broker import until

# A program that accepts whoever comes, and answers whoever says all of it.
BROKER = """
import socket, sys, threading
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
def serve(one):
    said = b""
    while len(said) < 30:
        piece = one.recv(100)
        if not piece:
            return one.close()
        said += piece
    one.sendall(b"...." if said[:1] == b"x" else b"." * 9_000_000)
    one.recv(100)
while True:
    threading.Thread(target=serve, args=[listening.accept()[0]], daemon=True).start()
"""
CONNECT = b"x" * 30


@pytest.fixture
def broker():
    with subprocess.Popen([sys.executable, "-c", BROKER], stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_the_silent_are_ended_where_it_is_crowded(broker):
    port = int(broker.stdout.readline())
    said = [b"", b"x", CONNECT[:-1], CONNECT]
    peers = [await asyncio.open_connection("127.0.0.1", port) for _ in said]
    for (_, writer), words in zip(peers, said, strict=True):
        writer.write(words)
    assert await peers[3][0].readexactly(4) == b"...."
    clock = Clock()

    roomy = SilentClients("test", lambda: broker.pid, 1000, clock=clock)
    crowded = SilentClients("test", lambda: broker.pid, 10, clock=clock)
    for clock.now in (0.0, 100.0):
        roomy.look(broker.pid)
    assert roomy.ended == 0

    for clock.now in (100.0, 100.0 + silent_clients.SILENT_S):
        crowded.look(broker.pid)
    # Without a word, or one letter: those. 29 bytes may be a CONNECT that is yet to be read.
    assert crowded.ended == 2
    assert await peers[0][0].read() == b""
    assert await peers[1][0].read() == b""
    clock.now = 100.0 + silent_clients.UNANSWERED_S
    crowded.look(broker.pid)
    assert crowded.ended == 3
    assert await peers[2][0].read() == b""
    assert not peers[3][0].at_eof()
    for _, writer in peers:
        writer.transport.abort()


# Looks at a broker's connections where the system forbids it, as Docker's seccomp profile does:
# pidfd_getfd (438) fails with EPERM (seccomp(2), linux/filter.h).
FORBIDDEN = """
import asyncio, ctypes, errno, logging, struct, sys
from hub.doctor.parts import examine_silent
from hub.mqtt.silent_clients import SilentClients
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 438), (0x06, 0, 0, 0x50000 | errno.EPERM),
         (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
zero = [ctypes.c_ulong(0)] * 2
assert libc.prctl(38, ctypes.c_ulong(1), *zero, ctypes.c_ulong(0)) == 0  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, ctypes.c_ulong(2), program, *zero) == 0  # PR_SET_SECCOMP
logging.basicConfig(level=logging.WARNING, stream=sys.stdout)
clients = SilentClients("test", lambda: int(sys.argv[1]), 4)
asyncio.run(clients.watch())
print(examine_silent(clients.forbidden))
"""


async def test_where_the_system_forbids_it_that_is_told(broker):
    port = int(broker.stdout.readline())
    with socket.create_connection(("127.0.0.1", port)):
        looking = await asyncio.create_subprocess_exec(
            sys.executable, "-c", FORBIDDEN, str(broker.pid), stdout=subprocess.PIPE
        )
        said, _ = await looking.communicate()
    assert looking.returncode == 0
    assert b"silent clients of mosquitto stay for 90 s" in said
    assert b"Operation not permitted" in said
    told = said.splitlines()[-1]
    assert b"Verdict.NOTE" in told
    assert b"cap_add: [SYS_PTRACE]" in told


async def test_a_broker_that_is_down_or_has_just_ended_is_waited_for(broker, monkeypatch):
    monkeypatch.setattr(silent_clients, "CALM_S", 0.01)
    pids: list[int | None] = [None, 2**22 - 1]
    asked = 0

    def pid() -> int | None:
        nonlocal asked
        asked += 1
        return pids[asked % 2]

    watching = asyncio.create_task(SilentClients("test", pid, 10).watch())
    async with asyncio.timeout(20):
        while asked < 6:
            await asyncio.sleep(0.01)
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_who_does_not_read_is_ended_and_who_reads_slowly_is_not(broker):
    port = int(broker.stdout.readline())
    _, deaf = await asyncio.open_connection("127.0.0.1", port)
    reader, slow = await asyncio.open_connection("127.0.0.1", port)
    for writer in (deaf, slow):
        writer.write(b"f" * 30)
    clock = Clock()
    clients = SilentClients("test", lambda: broker.pid, 1000, clock=clock)
    # Until the pipe is full: then the broker has more than the kernel takes.
    await until(lambda: len(seen(clients, broker, clock)) == 2)
    await reader.readexactly(9_000_000)
    await until(lambda: len(seen(clients, broker, clock)) == 1)
    clock.now += silent_clients.UNREAD_S
    clients.look(broker.pid)
    assert clients.ended == 1
    clock.now += silent_clients.UNREAD_S
    clients.look(broker.pid)
    assert clients.ended == 1
    assert not slow.is_closing()
    for writer in (deaf, slow):
        writer.transport.abort()


def seen(clients, broker, clock) -> dict[int, float]:
    """Whose connections were not read to the end at a look just now."""
    clients._looked_at = clock.now - silent_clients.UNREAD_EVERY_S
    clients.look(broker.pid)
    return clients._unread
