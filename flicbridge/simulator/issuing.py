"""Issues the certificates of a rehearsal: of its authority, and of its gateways on the loopback.

python -m flicbridge.simulator.issuing CA_FILE CHAIN_FILE
"""

import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flicbridge.simulator.certificate import HOST

AUTHORITY: Final = "flicbridge rehearsal"
# Far from every clock that a rehearsal may pretend: TLS itself looks at the real one.
FROM_AT: Final = datetime(2020, 1, 1, tzinfo=UTC)
LIFETIME: Final = timedelta(days=365 * 40)


def issue(ca_file: Path, chain: Path) -> None:
    """Write an authority, and a key with its certificate, as PEM. The chain is there whole, or not at all."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = _certificate(AUTHORITY, ca_key, signed_by=(AUTHORITY, ca_key))
    leaf = _certificate(HOST, key, signed_by=(AUTHORITY, ca_key))
    ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    draft = chain.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_bytes(_pem(key) + leaf.public_bytes(serialization.Encoding.PEM))
    draft.replace(chain)


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, *, signed_by: tuple[str, ec.EllipticCurvePrivateKey]
) -> x509.Certificate:
    """A certificate as strict as Python's own checks are. Source: RFC 5280, section 4.2."""
    issuer, issuer_key = signed_by
    is_ca = key is issuer_key
    builder = (
        x509.CertificateBuilder(_name(issuer), _name(name), key.public_key(), x509.random_serial_number())
        .not_valid_before(FROM_AT)
        .not_valid_after(FROM_AT + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(_usage(signs=is_ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if not is_ca:
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
        builder = builder.add_extension(address, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


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


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


if __name__ == "__main__":
    issue(*map(Path, sys.argv[1:]))
