"""Succeeds when a server is healthy.

python -m libs.rpc.probe HOST:PORT                  in plaintext
python -m libs.rpc.probe HOST:PORT CA_FILE NAME     over TLS, by the name in its certificate
"""

import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def main() -> int:
    """Asks once, for two seconds at most."""
    with _channel(*sys.argv[1:]) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=2
            )
        except grpc.RpcError:
            return 1
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


def _channel(address: str, ca_file: str = "", name: str = "") -> grpc.Channel:
    if not ca_file:
        return grpc.insecure_channel(address)
    credentials = grpc.ssl_channel_credentials(Path(ca_file).read_bytes())
    return grpc.secure_channel(
        address, credentials, options=[("grpc.ssl_target_name_override", name)]
    )


if __name__ == "__main__":
    sys.exit(main())
