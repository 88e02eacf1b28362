"""Who can reach this gateway, and whether that is what its operator said."""

from __future__ import annotations

import ipaddress
import logging

from service.keys.ring import KeyRing, Keys, NoKeys
from service.settings import Settings

log = logging.getLogger("simahand")


def keys_of(settings: Settings) -> Keys:
    """Return who may ask.

    Raises:
        ValueError: Other machines could ask without a key, and nobody said that they may; or the file of keys
            cannot be used. The message names the setting.
    """
    if settings.keys_file is not None:
        if not (is_loopback(settings.host) or settings.tls_certificate):
            log.warning("keys and pictures come in the clear: SIMAHAND_TLS_CERTIFICATE is not set")
        return KeyRing(settings.keys_file)
    # Of whom a certificate is asked needs no key.
    if not (is_loopback(settings.host) or settings.allow_anyone or settings.tls_client_ca):
        raise ValueError(
            f"SIMAHAND_HOST={settings.host} lets other machines in, and no key is asked for: name a file of "
            "keys in SIMAHAND_KEYS_FILE (`python -m service.keys --file keys.json new NAME` makes one), or "
            "say SIMAHAND_ALLOW_ANYONE=true"
        )
    return NoKeys()


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a server that listens at `host`.

    A name other than localhost may be any address, and counts as one that others reach.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
