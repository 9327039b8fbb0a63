"""The checksum of Sensirion, which others use too."""


def sensirion_crc(data: bytes) -> int:
    """Sensirion's CRC (x^8 + x^5 + x^4 + 1 from FFh): 92h over BE EFh, as its data sheets have."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31 if crc & 0x80 else crc << 1) & 0xFF
    return crc
