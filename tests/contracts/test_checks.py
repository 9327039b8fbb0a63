from __future__ import annotations

import struct

import pytest

from contracts import flash_map as flashmap
from contracts import image
from contracts.errors import (
    ChecksumError,
    ContractError,
    DormouseError,
    DowngradeError,
    FlashSizeError,
    NotAnImageError,
    NotOtaBuildError,
    TrailerError,
    VersionError,
    WrongBoardError,
    WrongKeyError,
)
from contracts.ota import protocol
from contracts.ota.checks import check_image, check_stream
from host import keys
from host.errors import HostError
from tests.contracts.known import known_key

KEY = known_key()
MAP = flashmap.parse("app, app, ota_0, 0x3c000, 0x99000,\nvfs, data, littlefs, 0xd5000, 0x2b000,")
PLAIN = image.build_application(b"text" * 1000)
SIGNED = image.stamp(PLAIN, "1.2.3", "nodemcu", KEY)
POINTERS = struct.pack("<100I", *range(0x40210000, 0x40210000 + 400, 4))
FOR_ZERO = image.build_application(b"", [(0x40100000, POINTERS), (0x3FFE8000, b"")])


def test_a_good_image_passes() -> None:
    assert check_image(SIGNED, MAP, board="nodemcu", running="1.2.3", modulus=KEY.modulus) == []
    assert check_image(SIGNED, MAP, board="nodemcu", running="1.2.2") == []
    assert check_image(SIGNED, MAP, board="nodemcu", running="1.3.0", allow_downgrade=True) == []
    assert check_image(image.stamp(PLAIN, "1.2.3"), MAP, board="any", running="1.0.0") == []


def test_what_could_not_be_checked_is_said() -> None:
    assert [note.split(":")[0] for note in check_image(PLAIN, MAP)] == ["the image has no trailer"]
    assert len(check_image(SIGNED, MAP)) == 2


def test_a_slot_is_used_to_its_last_byte() -> None:
    room = MAP.app.size - 0x9000 - 16
    assert check_image(image.build_application(bytes(room)), MAP)
    with pytest.raises(FlashSizeError, match="1 more than its slot"):
        check_image(image.build_application(bytes(room + 1)), MAP)


@pytest.mark.parametrize(
    ("data", "told", "error"),
    [
        (b"hello, world", {}, NotAnImageError),
        (FOR_ZERO, {}, NotOtaBuildError),
        (PLAIN[:-1] + b"!", {}, ChecksumError),
        (image.build_application(b"", flash_size=4 << 20), {}, FlashSizeError),
        (SIGNED, {"board": "sonoff"}, WrongBoardError),
        (SIGNED, {"running": "1.2.4"}, DowngradeError),
        (SIGNED, {"running": "soon"}, VersionError),
        (SIGNED[:-1] + b"\0", {"modulus": KEY.modulus}, TrailerError),
    ],
)
def test_what_must_not_be_sent(
    data: bytes, told: dict[str, str], error: type[DormouseError]
) -> None:
    with pytest.raises(error) as caught:
        check_image(data, MAP, **told)
    assert "\n" not in str(caught.value)


def test_every_kind_of_refusal_has_a_status_of_its_own() -> None:
    kinds = [DormouseError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    ours = [
        k
        for k in kinds
        if k.__module__ in {"contracts.errors", "host.errors", "contracts.ota.errors"}
    ]
    bases = {DormouseError, ContractError, HostError}
    statuses = [kind.exit_status for kind in ours if kind not in bases]
    assert len(statuses) == len(set(statuses))
    assert min(statuses) > 2  # 1 and 2 are everyone's


def test_whose_canned_update_it_is() -> None:
    stream = protocol.build(SIGNED, KEY)
    check_stream(stream, KEY.modulus)
    forged = stream.data[3]._replace(raw=stream.data[3].raw[:-1] + b"\0")
    spoilt = protocol.SignedStream((*stream.data[:3], forged, *stream.data[4:]), stream.end)
    with pytest.raises(WrongKeyError):
        check_stream(spoilt, KEY.modulus)
    with pytest.raises(WrongKeyError):
        check_stream(stream, bytes(255) + b"\1")


def test_small_keys_sign_and_check(tmp_path) -> None:
    for bits in (512, 2048):
        key = keys.new(tmp_path / f"{bits}.pem", bits)
        data = image.stamp(PLAIN, "1.0.0", "", key)
        assert len(check_image(data, MAP, modulus=key.modulus)) == 2
