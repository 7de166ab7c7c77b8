"""Certificates for development: an authority, one certificate a service, one for an operator.

    <folder>/ca.pem, ca-key.pem              the authority, kept while the folder is
    <folder>/<name>/certificate.pem, key.pem, ca.pem      made anew each time

Each name's folder has all that it needs and no secret of another: mount that, and nothing else.
Whoever has `ca-key.pem` is whoever they say.
"""

import ipaddress
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from libs.rpc.certificates import host_name, spiffe_id
from libs.rpc.identity import OPERATOR
from tools.dev import audit_keys
from tools.dev.issuer import SERVICES
from tools.dev.secret_files import pem, write_secret
from tools.entra_simulator.certificates import builder, common_name

TRUST_DOMAIN = "latchkey.localhost"
NAMES = (*SERVICES, OPERATOR)
_AUTHORITY_LIFETIME = timedelta(days=3650)
_LIFETIME = timedelta(days=90)
Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def make(
    folder: Path, *, trust_domain: str = TRUST_DOMAIN, names: Sequence[str] = NAMES
) -> list[Path]:
    """Makes the set; the folders of those who are named in it."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = _authority(folder)
    return [issue(folder, name, authority, trust_domain=trust_domain) for name in names]


def issue(folder: Path, name: str, authority: Pair, *, trust_domain: str) -> Path:
    """A fresh certificate for one name, in a folder of its own; for a service also, once, the key
    of its audit chain.

    The key comes first: who reads the files in between finds that they don't go together yet.
    """
    own = folder / name
    own.mkdir(exist_ok=True, mode=0o700)
    ca, ca_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        builder(common_name(name), ca.subject, key, _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        # Authorities of one name, as in a rotation, are told apart by this and by nothing else.
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(_names(name, trust_domain)), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.CLIENT_AUTH]
                if name == OPERATOR
                else [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
            ),
            critical=False,
        )
    )
    certificate = made.sign(ca_key, hashes.SHA256())
    write_secret(own / "key.pem", pem(key))
    write_secret(own / "certificate.pem", certificate.public_bytes(serialization.Encoding.PEM))
    write_secret(own / "ca.pem", ca.public_bytes(serialization.Encoding.PEM))
    if name != OPERATOR:
        audit_keys.make(own / "audit.pem")
    return own


def new_authority() -> Pair:
    """An authority that nobody believes yet."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = common_name("Latchkey development CA")
    made = builder(name, name, key, _AUTHORITY_LIFETIME).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return made.sign(key, hashes.SHA256()), key


def _authority(folder: Path) -> Pair:
    certificate_file, key_file = folder / "ca.pem", folder / "ca-key.pem"
    if not (certificate_file.exists() and key_file.exists()):
        certificate, key = new_authority()
        write_secret(key_file, pem(key))
        write_secret(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
        return certificate, key
    kept = serialization.load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(kept, ec.EllipticCurvePrivateKey)
    return x509.load_pem_x509_certificate(certificate_file.read_bytes()), kept


def _names(name: str, trust_domain: str) -> list[x509.GeneralName]:
    identity = x509.UniformResourceIdentifier(spiffe_id(trust_domain, name))
    if name == OPERATOR:
        return [identity]
    # The others check the first host; people call by whichever they reach it.
    return [
        identity,
        x509.DNSName(host_name(trust_domain, name)),
        x509.DNSName(name),
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
