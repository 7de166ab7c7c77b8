"""Certificates between services: who is who, in files that somebody else renews.

A service's certificate names it twice. The URI `spiffe://<trust domain>/latchkey/<service>` is what
a server reads of its client. The DNS name `<service>.<trust domain>` is what a client checks of its
server, whatever address that has: gRPC for Python compares names of hosts and no URIs.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from libs.domain.errors import Unauthenticated

# How often the files are looked at, at most.
LOOK_SECONDS = 5.0
_log = structlog.get_logger(__name__)
_FORMS = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def spiffe_id(trust_domain: str, service: str) -> str:
    """The URI in a service's certificate."""
    return f"spiffe://{trust_domain}/latchkey/{service}"


def host_name(trust_domain: str, service: str) -> str:
    """The DNS name in a service's certificate."""
    return f"{service}.{trust_domain}"


def service_of(spiffe_ids: "list[str]", trust_domain: str) -> str:
    """The name of whoever showed a certificate with these ids.

    Raises:
        Unauthenticated: it is not one id of the trust domain.
    """
    pattern = re.escape(spiffe_id(trust_domain, "")) + "([a-z][a-z0-9-]{0,62})"
    found = re.fullmatch(pattern, spiffe_ids[0], re.ASCII) if len(spiffe_ids) == 1 else None
    if found is None:
        raise Unauthenticated(f"the certificate names no service of {trust_domain}")
    return found[1]


@dataclass(frozen=True, slots=True)
class Material:
    """What is in the files: each is PEM."""

    certificate: bytes
    key: bytes
    authorities: bytes

    def names(self) -> x509.SubjectAlternativeName:
        """The certificate's names, once everything goes together.

        Raises:
            ValueError: it does not.
        """
        try:
            leaf, *_ = x509.load_pem_x509_certificates(self.certificate)
            key = serialization.load_pem_private_key(self.key, None)
            x509.load_pem_x509_certificates(self.authorities)
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound) as error:
            raise ValueError(str(error)) from error
        if key.public_key().public_bytes(*_FORMS) != leaf.public_key().public_bytes(*_FORMS):
            raise ValueError("the key is not that of the certificate")
        return names


class Certificates:
    """One service's certificate, its key, and the authorities that it believes."""

    def __init__(
        self,
        service: str,
        *,
        trust_domain: str,
        certificate_file: Path,
        key_file: Path,
        ca_file: Path,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads the files.

        Raises:
            OSError: one can't be read.
            ValueError: they don't go together, or the certificate is not this service's.
        """
        self.service = service
        self.trust_domain = trust_domain
        self._files = (certificate_file, key_file, ca_file)
        self._now = now
        self._looked_at = now()
        self._refused: Material | None = None
        self._material = self._read()
        self._check(self._material)

    def current(self) -> Material:
        """What is in the files now; the same object while nothing has changed.

        Files that can't be read or don't go together, as while they are replaced one by one, leave
        it as it was.
        """
        if self._now() - self._looked_at < LOOK_SECONDS:
            return self._material
        self._looked_at = self._now()
        try:
            found = self._read()
            if found not in (self._material, self._refused):
                self._refused = found
                self._check(found)
                self._material = found
                _log.info("certificate_renewed", file=str(self._files[0]))
        except (OSError, ValueError) as error:
            _log.error("certificate_unreadable", file=str(self._files[0]), problem=repr(error))
        return self._material

    def for_server(self, *, ask: bool) -> grpc.ServerCredentials:
        """Credentials that follow the files. `ask`: only clients with a certificate come in."""
        last = self.current()

        def configuration(material: Material) -> grpc.ServerCertificateConfiguration:
            return grpc.ssl_server_certificate_configuration(
                [(material.key, material.certificate)], material.authorities if ask else None
            )

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal last
            material = self.current()
            if material is last:
                return None
            last = material
            return configuration(material)

        # None says that nothing has changed, which the stubs of types don't know.
        fetch = cast(Callable[[], grpc.ServerCertificateConfiguration], renewed)
        return grpc.dynamic_ssl_server_credentials(
            configuration(last), fetch, require_client_authentication=ask
        )

    def _read(self) -> Material:
        return Material(*(file.read_bytes() for file in self._files))

    def _check(self, material: Material) -> None:
        names = material.names()
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        if (wanted := spiffe_id(self.trust_domain, self.service)) not in uris:
            raise ValueError(f"the certificate is not for {wanted}")
        if (wanted := host_name(self.trust_domain, self.service)) not in names.get_values_for_type(
            x509.DNSName
        ):
            raise ValueError(f"the certificate is not for the host {wanted}")
