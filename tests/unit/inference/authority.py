"""A certificate authority for tests; only clients that get its bundle trust it."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority of tests")])


class Authority:
    """Keeps its files in a folder; bundle is the one by which it is trusted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = generate_private_key(SECP256R1())
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        usage = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        own = self._signed(
            _NAME,
            self._key.public_key(),
            x509.BasicConstraints(ca=True, path_length=None),
            x509.KeyUsage(key_cert_sign=True, **usage),
            self._identifier,
        )
        self.bundle = folder / "authority.pem"
        self.bundle.write_bytes(own)

    def server(self, host: str) -> ssl.SSLContext:
        """What a server speaks TLS by as a host."""
        key = generate_private_key(SECP256R1())
        certificate = self._signed(
            x509.Name([]),
            key.public_key(),
            x509.SubjectAlternativeName([x509.DNSName(host)]),
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier),
        )
        chain = self._folder / f"{host}.pem"
        chain.write_bytes(certificate + _encoded(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _signed(
        self, subject: x509.Name, key: EllipticCurvePublicKey, *extensions: x509.ExtensionType
    ) -> bytes:
        now, day = datetime.now(UTC), timedelta(days=1)
        builder = x509.CertificateBuilder(
            _NAME, subject, key, x509.random_serial_number(), now - day, now + day
        )
        for extension in extensions:
            critical = not isinstance(
                extension, x509.SubjectKeyIdentifier | x509.AuthorityKeyIdentifier
            )
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)


def _encoded(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
