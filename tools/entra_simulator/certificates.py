"""The simulator's own certificate authority and its server certificate.

The server's certificate names Microsoft's hosts too, so that a client which cannot be told
another address can be led here by a proxy and still check the certificate.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_HOSTS = (
    "localhost",
    "graph.microsoft.com",
    "login.microsoftonline.com",
    # The national clouds.
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "login.microsoftonline.us",
    "microsoftgraph.chinacloudapi.cn",
    "login.partner.microsoftonline.cn",
)
_LIFETIME = timedelta(days=365)
# A CA with less than this left is replaced at start, so that a running one does not expire.
_REPLACE_BEFORE = timedelta(days=7)


@dataclass(frozen=True)
class ServerCertificate:
    """The files a TLS server and its clients need."""

    ca_path: Path
    certificate_path: Path
    key_path: Path


def issue_server_certificate(directory: Path) -> ServerCertificate:
    """A new server certificate from the directory's CA, which is made when there is none."""
    ca_path = directory / "ca.pem"
    ca_key_path = directory / "ca-key.pem"
    ca = _read_ca(ca_path, ca_key_path)
    if ca is None:
        ca = _make_ca()
        write_private_key(ca_key_path, ca[1])
        ca_path.write_bytes(ca[0].public_bytes(serialization.Encoding.PEM))
    certificate, key = _issue(*ca)
    issued = ServerCertificate(ca_path, directory / "tls.pem", directory / "tls-key.pem")
    issued.certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    write_private_key(issued.key_path, key)
    return issued


def token_signing_key(directory: Path) -> rsa.RSAPrivateKey:
    """The key that signs access tokens, made at the first start."""
    path = directory / "token-key.pem"
    if path.exists():
        # Our own: to prove its primes again would take a tenth of a second.
        key = serialization.load_pem_private_key(
            path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(key, rsa.RSAPrivateKey)
        return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_private_key(path, key)
    return key


def _read_ca(
    ca_path: Path, key_path: Path
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    if not (ca_path.exists() and key_path.exists()):
        return None
    certificate = x509.load_pem_x509_certificate(ca_path.read_bytes())
    if certificate.not_valid_after_utc < datetime.now(UTC) + _REPLACE_BEFORE:
        return None
    key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return certificate, key


def _make_ca() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = common_name("Entra simulator CA")
    made = (
        builder(name, name, key, _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return made.sign(key, hashes.SHA256()), key


def _issue(
    ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(host) for host in _HOSTS]
    loopback = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
    made = (
        builder(common_name("localhost"), ca.subject, key, _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([*names, loopback]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
            critical=False,
        )
    )
    return made.sign(ca_key, hashes.SHA256()), key


def builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    """What every certificate of a development set has."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def common_name(name: str) -> x509.Name:
    """A subject that is called so."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _key_usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def write_private_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(pem)
