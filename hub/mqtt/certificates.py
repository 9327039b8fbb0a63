"""The hub's own certificate authority, and the TLS listener's certificate."""

from __future__ import annotations

import ipaddress
import logging
import os
import shutil
import socket
import stat
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.mqtt.account_files import replace_private
from hub.runtime.child import Account as Owner

__all__ = ["Authority", "local_names"]

log = logging.getLogger(__name__)

# A Pi without a battery starts in 1970: certificates are valid from a fixed day on, and until a
# day counted from no earlier than that.
_FROM = datetime(2026, 1, 1, tzinfo=UTC)
_AUTHORITY_DAYS = 20 * 366
_SERVER_DAYS = 800  # Apple's and others' bound is 825
_RENEW_DAYS = 60
_UNFIT = (
    OSError, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound
)  # fmt: skip


class Authority:
    """Makes and keeps, in `folder`: `ca.key` (0600) and `ca.crt`, which people's tools trust."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "ca.crt"
        self._key = folder / "ca.key"

    def ensure(self) -> None:
        """Make the authority if there is none; a damaged one is set aside, and told.

        Raises OSError for one that may be whole but cannot be read.
        """
        if self._is_whole():
            return
        self._key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = [_set_aside(path) for path in (self._key, self.certificate) if path.exists()]
        if aside:
            log.error(
                "the authority in %s is damaged: set aside as %s, and made anew. Tools that "
                "connect with TLS have to trust the new %s; devices need nothing",
                self._key.parent,
                " and ".join(path.name for path in aside),
                self.certificate,
            )
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Dormouse authority of {socket.gethostname()}")
        certificate = (
            _builder(name, name, key.public_key(), _AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, SHA256())
        )
        replace_private(self._key, [_pem(key)], None)
        self.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        self.certificate.chmod(0o644)

    def _is_whole(self) -> bool:
        try:
            key = load_pem_private_key(self._key.read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return False
        except OSError:
            raise  # who may use it, or the disk: the key is still there
        except _UNFIT:
            return False
        return isinstance(key, ec.EllipticCurvePrivateKey) and _belong(certificate, key)

    def issue(
        self, certificate: Path, key: Path, names: Sequence[str], owner: Owner | None
    ) -> bool:
        """Write a server certificate and its key (0600); False when the one there is still good.

        Good: ours, for these names, valid for 60 days more, with the key that belongs to it.
        """
        self.ensure()
        authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        if _is_good(certificate, key, authority, names) and _is_private(key, owner):
            return False
        signer = load_pem_private_key(self._key.read_bytes(), None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self._key} is not the key that we made")
        server = ec.generate_private_key(ec.SECP256R1())
        made = (
            _builder(_name(names[0]), authority.subject, server.public_key(), _SERVER_DAYS)
            .add_extension(_alternatives(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
            )
            .sign(signer, SHA256())
        )
        replace_private(key, [_pem(server)], owner)
        replace_private(certificate, [made.public_bytes(Encoding.PEM).decode()], owner)
        return True


def local_names(host: str) -> list[str]:
    """What tools may call this machine: its name, `<name>.local`, its addresses."""
    name = socket.gethostname().split(".")[0].lower()
    names = [name, f"{name}.local", "localhost", "127.0.0.1", "::1"]
    if host not in {"", "0.0.0.0", "::"}:
        names.append(host)
    else:
        names += sorted({entry[4][0] for entry in _addresses(socket.gethostname())})
    return list(dict.fromkeys(names))


def _addresses(name: str) -> list[tuple[int, int, int, str, tuple[str, ...]]]:
    try:
        return socket.getaddrinfo(name, None)  # type: ignore[return-value]  # numbers, if no IPv6
    except OSError:
        return []


def _is_good(path: Path, key: Path, authority: x509.Certificate, names: Sequence[str]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        if not _belong(certificate, load_pem_private_key(key.read_bytes(), None)):
            return False
        certificate.verify_directly_issued_by(authority)
        alternatives = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except _UNFIT:  # a new one is made
        return False
    left = certificate.not_valid_after_utc - _now()
    return alternatives == _alternatives(names) and left > timedelta(days=_RENEW_DAYS)


def _belong(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    return certificate.public_key() == key.public_key()


def _is_private(key: Path, owner: Owner | None) -> bool:
    """Whether the broker's user, and nobody else, may read it."""
    found = key.stat()
    wanted = owner.pw_uid if owner is not None else os.geteuid()
    return found.st_uid == wanted and stat.S_IMODE(found.st_mode) == 0o600


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged")
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside)
    path.replace(aside)
    return aside


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_now() + timedelta(days=days))
    )


def _now() -> datetime:
    return max(datetime.now(UTC), _FROM)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_alternative(name) for name in names])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
