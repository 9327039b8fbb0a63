"""yaota8266's config.h: the settings that a bootloader is built with, the public key among them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SECURITY_COUNTER", "SIGNED_ONLY", "UNSIGNED", "Config", "config_h"]


UNSIGNED = (
    "without REQUIRE_SIGNATURE the bootloader starts any application that is whole, signed or not"
)
"""What is said of a bootloader that does not insist on signatures, and of a stock one."""
SIGNED_ONLY = b"dormouse starts signed applications only;"
"""Stands in the OTA server's text where its bootloader insists on signatures."""
SECURITY_COUNTER = b"dormouse security counter;"
"""Stands there where its bootloader looks at the security counter (docs/images.md)."""


@dataclass(frozen=True)
class Config:
    """The settings of yaota8266's config.h, with its defaults; times in milliseconds.

    `require_signature` is ours: applications without a signed trailer are not started. None writes
    the file for a stock yaota8266, which has no such setting.
    """

    main_app_offset: int = 0x3C000
    baud_rate: int = 115200
    pkt_wait_ms: int = 10000
    idle_reboot_ms: int = 60000
    gpio_mask: int = 0xF035
    gpio_wait_ms: int = 3000
    require_signature: bool | None = None


def config_h(modulus: bytes, config: Config | None = None) -> str:
    """The text of config.h; `modulus` big-endian.

    The MODULUS line has the form that yaota8266's own verify looks for, and its generated code
    takes: lower-case escapes, no space between.
    """
    config = config or Config()
    escapes = "".join(f"\\x{byte:02x}" for byte in modulus)
    settings = [
        ("Where the application begins in flash.", f"MAIN_APP_OFFSET {config.main_app_offset:#x}"),
        ("Serial output; 0 leaves the ROM's 74880.", f"BAUD_RATE {config.baud_rate}"),
        (
            f"The key that updates are signed with: {len(modulus) * 8} bits, exponent 3.",
            f'MODULUS "{escapes}"',
        ),
        (
            "No packet for so long: reception starts over from the beginning.",
            f"PKT_WAIT_MS {config.pkt_wait_ms}",
        ),
        (
            "No first packet for so long: restart into the application.",
            f"IDLE_REBOOT_MS {config.idle_reboot_ms}",
        ),
        (
            "Pins whose change at power-on enters OTA mode; 0 enters it always.",
            f"GPIO_MASK {config.gpio_mask:#x}",
        ),
        ("For how long those pins are watched.", f"GPIO_WAIT_MS {config.gpio_wait_ms}"),
    ]
    if config.require_signature is not None:
        settings.append(
            (
                "1: an application without a signed trailer is not started.",
                f"REQUIRE_SIGNATURE {config.require_signature:d}",
            )
        )
    return "\n".join(f"// {why}\n#define {what}\n" for why, what in settings)
