"""What a gRPC channel of TLS is opened with."""

from __future__ import annotations

import grpc

from sima_hand_client.credentials import Credentials


def channel_credentials(credentials: Credentials) -> grpc.ChannelCredentials:
    """Return whom the channel trusts, and what it shows; an unreadable file raises OSError."""
    pair = credentials.client_certificate
    return grpc.ssl_channel_credentials(
        root_certificates=None if credentials.ca_file is None else credentials.ca_file.read_bytes(),
        private_key=None if pair is None else pair.key.read_bytes(),
        certificate_chain=None if pair is None else pair.certificate.read_bytes(),
    )
