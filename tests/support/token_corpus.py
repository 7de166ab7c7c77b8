"""Tokens that must let nobody in, made from one that would.

`corpus` gives the metadata of calls by a name for what is wrong with them. Each is refused as
UNAUTHENTICATED by a server that takes `Good.token()`.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Metadata = tuple[tuple[str, str], ...]
_SHA256 = hashes.SHA256()
_STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Good:
    """What a good token is made of."""

    key: rsa.RSAPrivateKey
    key_id: str
    claims: dict[str, Any]
    other_tenant_id: str
    """Another tenant whose people may call."""

    @property
    def host(self) -> str:
        return str(self.claims["iss"]).split("/")[2]

    @property
    def header(self) -> dict[str, Any]:
        return {"typ": "JWT", "alg": "RS256", "kid": self.key_id}

    def token(self, **claims: Any) -> str:
        """Signed; None leaves a claim out."""
        return self.signed(self.header, self.claims | claims)

    def headed(self, **header: Any) -> str:
        """The same claims under another header; None leaves a field out."""
        return self.signed(self.header | header, self.claims)

    def signed(
        self,
        header: dict[str, Any] | bytes,
        claims: dict[str, Any] | bytes,
        key: rsa.RSAPrivateKey | None = None,
    ) -> str:
        """Whatever bytes, signed as a good token is, or by another key."""
        unsigned = f"{_part(header)}.{_part(claims)}"
        signature = (key or self.key).sign(unsigned.encode(), padding.PKCS1v15(), _SHA256)
        return f"{unsigned}.{_part(signature)}"


def _part(content: dict[str, Any] | bytes) -> str:
    if isinstance(content, dict):
        kept = {name: value for name, value in content.items() if value is not None}
        content = json.dumps(kept).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def corpus(good: Good) -> dict[str, Metadata]:
    """Everything that is refused, by what is wrong with it."""
    tokens = {
        **dict(_signed_otherwise(good)),
        **dict(_headed_otherwise(good)),
        **dict(_of_another_issuer(good)),
        **dict(_for_another_use(good)),
        **dict(_at_another_time(good)),
        **dict(_malformed(good)),
    }
    found = {name: (("authorization", f"Bearer {token}"),) for name, token in tokens.items()}
    bearer = ("authorization", f"Bearer {good.token()}")
    return {
        **found,
        "no token": (),
        "two tokens": (bearer, bearer),
        "not a bearer": (("authorization", f"Basic {good.token()}"),),
        "a bearer without a token": (("authorization", "Bearer "),),
        "a person for whom a person calls": (bearer, ("x-latchkey-person", good.token())),
        "only a person who was passed on": (("x-latchkey-person", good.token()),),
    }


def _signed_otherwise(good: Good) -> Iterator[tuple[str, str]]:
    for name in ("none", "None", "NONE", ""):
        yield f"alg {name!r}", f"{_part(good.header | {'alg': name})}.{_part(good.claims)}."
        yield f"alg {name!r}, signed", good.headed(alg=name)
    public = good.key.public_key()
    secrets = {
        "PEM": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "DER": public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    }
    for form, secret in secrets.items():
        unsigned = f"{_part(good.header | {'alg': 'HS256'})}.{_part(good.claims)}"
        mac = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
        yield f"HS256 with the public key as {form}", f"{unsigned}.{_part(mac)}"
    for name in ("RS512", "PS256", "ES256", "rs256"):
        yield f"alg {name}", good.headed(alg=name)
    yield "alg missing", good.headed(alg=None)
    yield "alg a list", good.headed(alg=["RS256"])
    yield "signed by a stranger", good.signed(good.header, good.claims, _STRANGER)
    header, claims, signature = good.token().split(".")
    yield "signature missing", f"{header}.{claims}"
    yield "signature empty", f"{header}.{claims}."
    yield "signature of other claims", f"{header}.{_part(good.claims | {'x': 1})}.{signature}"
    yield "signature cut", f"{header}.{claims}.{signature[:-8]}"


def _headed_otherwise(good: Good) -> Iterator[tuple[str, str]]:
    yield "crit unknown", good.headed(crit=["exp"], exp=1)
    yield "crit empty", good.headed(crit=[])
    yield "crit b64", good.headed(crit=["b64"], b64=False)
    for typ in ("at+jwt", "JWE", "jwt+x", 7, ["JWT"]):
        yield f"typ {typ}", good.headed(typ=typ)
    key_ids = {
        "missing": None,
        "empty": "",
        "a path": "../../../../dev/null",
        "a url": "https://attacker.example/keys",
        "very long": "k" * 4000,
        "a number": 1,
        "a list": [good.key_id],
        "unknown": "unknown",
        "with a space": f"{good.key_id} ",
        "SQL": "' OR 1=1 --",
        "with a nought": f"{good.key_id}\x00",
    }
    for name, key_id in key_ids.items():
        yield f"kid {name}", good.headed(kid=key_id)
    twice = json.dumps(good.header)[:-1] + f', "kid": "{good.key_id}"}}'
    yield "kid twice", good.signed(twice.encode(), good.claims)
    numbers = _STRANGER.public_key().public_numbers()
    jwk = {"kty": "RSA", "e": "AQAB", "n": _part(numbers.n.to_bytes(256, "big"))}
    for name, value in {
        "jku": "https://attacker.example/keys",
        "x5u": "https://attacker.example/certificate",
        "jwk": jwk,
        "x5c": ["MIIB"],
    }.items():
        for kid in (good.key_id, "mine"):
            header = good.header | {name: value, "kid": kid}
            yield (
                f"{name} of a stranger who signs as {kid}",
                good.signed(header, good.claims, _STRANGER),
            )


def _of_another_issuer(good: Good) -> Iterator[tuple[str, str]]:
    tenant, other, host = str(good.claims["tid"]), good.other_tenant_id, good.host
    stranger = "00000000-0000-4000-8000-000000000001"
    issuers = {
        "of version 1": f"https://sts.windows.net/{tenant}/",
        "without version": f"https://{host}/{tenant}",
        "with a slash": f"https://{host}/{tenant}/v2.0/",
        "over http": f"http://{host}/{tenant}/v2.0",
        "at another host": f"https://attacker.example/{tenant}/v2.0",
        "at a host that begins alike": f"https://{host}.attacker.example/{tenant}/v2.0",
        "for every tenant": f"https://{host}/common/v2.0",
        "in capitals": f"https://{host}/{tenant.upper()}/V2.0",
        "of another listed tenant": f"https://{host}/{other}/v2.0",
        "missing": None,
        "a list": [f"https://{host}/{tenant}/v2.0"],
    }
    for name, issuer in issuers.items():
        yield f"iss {name}", good.token(iss=issuer)
    yield "tid of another listed tenant", good.token(tid=other)
    yield "tid of a tenant that is not listed", good.token(tid=stranger)
    foreign = good.token(tid=stranger, iss=f"https://{host}/{stranger}/v2.0")
    yield "tid and iss of a tenant that is not listed", foreign
    for claim in ("tid", "oid"):
        for value in _any(None, "", "x", 7, [], {"a": 1}, f"{tenant}\n", f"{{{tenant}}}", True):
            yield f"{claim} {value!r}", good.token(**{claim: value})


def _for_another_use(good: Good) -> Iterator[tuple[str, str]]:
    graph = "00000003-0000-0000-c000-000000000000"
    audience, client = good.claims["aud"], good.claims["azp"]
    for value in _any(None, "", graph, f"{audience}/", [audience], [graph, audience], 7):
        yield f"aud {value!r}", good.token(aud=value)
    for value in _any(None, "", graph, [client], 7, f"{client},{graph}"):
        yield f"azp {value!r}", good.token(azp=value)
    yield "appid in place of azp", good.token(azp=None, appid=client)
    for value in _any("1.0", None, 2.0, 2, "2.0 ", ["2.0"]):
        yield f"ver {value!r}", good.token(ver=value)
    yield "an application's, by idtyp", good.token(idtyp="app")
    yield "an application's, by scp", good.token(scp=None)
    for value in _any("", 7, ["access_as_user"]):
        yield f"scp {value!r}", good.token(scp=value)
    for value in _any("Latchkey.Admin", {"Latchkey.Admin": True}, 7, True):
        yield f"roles {value!r}", good.token(roles=value)


def _at_another_time(good: Good) -> Iterator[tuple[str, str]]:
    now = int(time.time())
    yield "expired", good.token(exp=now - 31)
    yield "not yet valid", good.token(nbf=now + 120)
    yield "issued in the future", good.token(iat=now + 120)
    for claim in ("exp", "nbf", "iat"):
        for value in _any(None, "soon", str(now), [now], True, now + 0.5):
            yield f"{claim} {value!r}", good.token(**{claim: value})
    for text in ("NaN", "Infinity", "1e400", "-Infinity"):
        claims = json.dumps(good.claims | {"exp": 0}).replace('"exp": 0', f'"exp": {text}')
        yield f"exp {text}", good.signed(good.header, claims.encode())


def _malformed(good: Good) -> Iterator[tuple[str, str]]:
    token = good.token()
    header, claims, signature = token.split(".")
    yield "oversized", good.token(padding="x" * 8192)
    yield "a space in front", f" {token}"
    yield "a space within", f"{header}. {claims}.{signature}"
    yield "a tab within", f"{header}.{claims}\t.{signature}"
    yield "padded base64", f"{header}.{claims}.{signature}=="
    yield "base64 of the other alphabet", f"{header}.{claims}.{signature[:-1]}+"
    yield "base64 with bits left over", f"{header}.{claims}.{_next(signature)}"
    yield "four parts", f"{token}.{signature}"
    yield "five parts, as an encrypted one", f"{header}..{claims}.{signature}.{signature}"
    yield "no parts", "nonsense"
    yield "empty parts", ".."
    text = json.dumps(good.claims)
    for claim in ("oid", "aud", "roles"):
        twice = text[:-1] + f', "{claim}": {json.dumps(good.claims.get(claim, []))}}}'
        if claim in good.claims:
            yield f"{claim} twice", good.signed(good.header, twice.encode())
    for name, content in {
        "a list": b"[]",
        "a text": b'"x"',
        "nothing": b"",
        "no JSON": b"{",
        "two objects": b"{}{}",
        "no UTF-8": b"\xff\xfe",
        "UTF-16": text.encode("utf-16"),
        "very deep": b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}",
    }.items():
        yield f"claims {name}", good.signed(good.header, content)
        yield f"header {name}", good.signed(content, good.claims)


def _any(*values: Any) -> tuple[Any, ...]:
    return values


def _next(part: str) -> str:
    """The same bytes in base64 that is not canonical: 256 bytes leave four bits over."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]
