"""The password proof, where a number happens to begin with a zero byte."""

from __future__ import annotations

import pytest
from aiohomekit.crypto.srp import SrpClient
from pyhap import hap_handler

from hub.homekit.srp import verifier

PIN = "031-45-154"
SALT = bytes(range(1, 17))
# Both secrets start here; the offsets below are the first with the zero byte in question.
START = 1 << 127


def proofs(b: int):
    """Both sides with the server's secret b."""
    server = verifier(PIN.encode(), s=SALT, b=b)
    client = SrpClient("Pair-Setup", PIN)
    client.a, client.A = START, pow(client.g, START, client.n)
    client.A_b = client.A.to_bytes(384, "big")
    client.set_salt(bytearray(server.get_challenge()[0]))
    client.set_server_public_key(hap_handler.long_to_bytes(server.get_challenge()[1]))
    server.set_A(bytes(client.get_public_key_bytes()))
    return server, client


@pytest.mark.parametrize(("which", "offset"), [("Bb", 130), ("Sb", 69), ("Kb", 111)])
def test_a_leading_zero_byte_is_kept(which, offset):
    server, client = proofs(START + offset)
    assert getattr(server, which)[0] == 0
    proof = server.verify(client.get_proof_bytes())
    assert proof is not None, "the right code is taken"
    assert client.verify_servers_proof_bytes(proof)
    key = hap_handler.long_to_bytes(server.get_session_key())
    assert key == client.get_session_key_bytes()


def test_a_wrong_code_is_refused():
    server, _ = proofs(START)
    stranger = SrpClient("Pair-Setup", "111-22-334")
    stranger.set_salt(bytearray(SALT))
    stranger.set_server_public_key(server.Bb)
    server.set_A(bytes(stranger.get_public_key_bytes()))
    assert server.verify(stranger.get_proof_bytes()) is None


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_public_key_that_makes_the_code_needless_is_refused(times):
    server, client = proofs(START)
    public = (times * client.n).to_bytes(385, "big")
    server.set_A(public)
    # Zero to whatever power is zero: without the check this proof needs no code.
    assert server.S == 0
    assert server.verify(server.M) is None
    assert not server.proved
