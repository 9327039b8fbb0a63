"""A key that everyone can know, for tests whose bytes must be the same on every machine."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa

from contracts.signatures import Key

P = (3 << 254) + 119
Q = (3 << 254) + (1 << 200) + 223


def known_key() -> Key:
    """512 bits, exponent 3, from two fixed primes."""
    d = pow(3, -1, (P - 1) * (Q - 1))
    public = rsa.RSAPublicNumbers(3, P * Q)
    return Key(
        rsa.RSAPrivateNumbers(
            P, Q, d, d % (P - 1), d % (Q - 1), pow(Q, -1, P), public
        ).private_key()
    )
