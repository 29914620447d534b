"""The addresses of the broker: one server, or every server of a cluster, separated by commas."""

from urllib.parse import urlsplit

_SCHEMES = ("nats", "tls")


def broker_addresses(text: str) -> list[str]:
    """Split a list of addresses. Spaces around a comma do not count.

    Returns:
        The addresses, in this order. A client uses any of them and goes on with another one when a server ends.

    Raises:
        ValueError: There is no address, or an address is invalid. The message says what is wrong, without the
            credentials in the address.
    """
    addresses = [part.strip() for part in text.split(",")]
    for position, address in enumerate(addresses, 1):
        if not _is_valid(address):
            raise ValueError(f"address {position} must be nats://HOST:PORT or tls://HOST:PORT")
    return addresses


def _is_valid(address: str) -> bool:
    try:
        parts = urlsplit(address)
        # Reading the port checks it. An embedded broker that is not started has port 0.
        is_number = parts.port is None or parts.port >= 0
        return parts.scheme in _SCHEMES and bool(parts.hostname) and is_number and not parts.path.strip("/")
    except ValueError:  # The port is not a number up to 65535, or a bracket of an IPv6 address is missing.
        return False
