"""A PKCS #12 file that takes minutes to open, and hides it where nobody looks without opening it (RFC 7292)."""

import base64

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7

INTEGER, OCTETS, NULL, OBJECT, SEQUENCE, EXPLICIT, IMPLICIT = 0x02, 0x04, 0x05, 0x06, 0x30, 0xA0, 0x80
DATA = bytes.fromhex("2a864886f70d010701")
ENCRYPTED_DATA = bytes.fromhex("2a864886f70d010706")
SHROUDED_KEY = bytes.fromhex("2a864886f70d010c0a0102")
PBES2 = bytes.fromhex("2a864886f70d01050d")
PBKDF2 = bytes.fromhex("2a864886f70d01050c")
HMAC_SHA256 = bytes.fromhex("2a864886f70d0209")
AES_256_CBC = bytes.fromhex("60864801650304012a")
SALT, NONCE = b"saltsalt", bytes(16)
ROUNDS = 2_000_000_000


def dear_pfx(password: str = "dear", rounds: int = ROUNDS) -> str:
    """Return one in base64 whose outer parts take 2,048 rounds, and the key within them `rounds`."""
    key = _der(SEQUENCE, _pbes2(rounds), _der(OCTETS, bytes(32)))
    bag = _der(SEQUENCE, _der(OBJECT, SHROUDED_KEY), _der(EXPLICIT, key))
    hidden = _encrypted(_der(SEQUENCE, bag), password)
    content = _der(SEQUENCE, _der(OBJECT, DATA), _pbes2(2048), _der(IMPLICIT, hidden))
    outer = _der(SEQUENCE, _der(INTEGER, b"\0"), content)
    safe = _der(SEQUENCE, _der(SEQUENCE, _der(OBJECT, ENCRYPTED_DATA), _der(EXPLICIT, outer)))
    info = _der(SEQUENCE, _der(OBJECT, DATA), _der(EXPLICIT, _der(OCTETS, safe)))
    return base64.b64encode(_der(SEQUENCE, _der(INTEGER, b"\x03"), info)).decode()


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(size)]) + size + content


def _pbes2(rounds: int) -> bytes:
    prf = _der(SEQUENCE, _der(OBJECT, HMAC_SHA256), _der(NULL))
    derivation = _der(SEQUENCE, _der(OCTETS, SALT), _der(INTEGER, rounds.to_bytes(rounds.bit_length() // 8 + 1)), prf)
    scheme = _der(SEQUENCE, _der(OBJECT, AES_256_CBC), _der(OCTETS, NONCE))
    parameters = _der(SEQUENCE, _der(SEQUENCE, _der(OBJECT, PBKDF2), derivation), scheme)
    return _der(SEQUENCE, _der(OBJECT, PBES2), parameters)


def _encrypted(text: bytes, password: str) -> bytes:
    key = PBKDF2HMAC(SHA256(), 32, SALT, 2048).derive(password.encode())
    padder, encryptor = PKCS7(128).padder(), Cipher(AES(key), CBC(NONCE)).encryptor()
    padded = padder.update(text) + padder.finalize()
    return encryptor.update(padded) + encryptor.finalize()
