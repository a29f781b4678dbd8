"""From which address a request comes, when proxies hand it on."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from config.settings import SettingError

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE = "private"
# Where a host's own router is: RFC 1918, RFC 6598 (shared between provider and host), RFC 4193.
_PRIVATE = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
    *("::1/128", "fc00::/7"),
)
# One subscriber has a whole network of this size: RFC 6177.
_IPV6_PREFIX = 64


@dataclass(frozen=True)
class Proxies:
    """The proxies whose word on where a request comes from is taken."""

    _networks: tuple[_Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Proxies:
        """Read addresses and networks, separated by commas; `private` is all private ones.

        Raises:
            SettingError: one of them is neither.
        """
        networks: list[_Network] = []
        for written in filter(None, map(str.strip, text.split(","))):
            for one in _PRIVATE if written == PRIVATE else (written,):
                try:
                    networks.append(ipaddress.ip_network(one, strict=False))
                except ValueError:
                    raise SettingError(
                        f"TRUSTED_PROXIES: {written!r} is no address and no network; write"
                        f" 192.0.2.7, 10.0.0.0/8 or {PRIVATE}, separated by commas"
                    ) from None
        return cls(tuple(networks))

    def client(self, peer: str, forwarded_for: str) -> str:
        """Return the address of the client, whose own words are not believed.

        Args:
            peer: who is at the other end of the connection.
            forwarded_for: the header `X-Forwarded-For`, to which each proxy has appended the
                address that it was called from.

        Returns:
            The nearest address that is not a trusted proxy's; for IPv6 its network.
        """
        nearest = peer
        for hop in map(str.strip, reversed(forwarded_for.split(","))):
            if not self._trusts(nearest) or _parsed(hop) is None:
                break
            nearest = hop
        address = _parsed(nearest)
        if isinstance(address, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
        return str(address or nearest)

    def _trusts(self, written: str) -> bool:
        address = _parsed(written)
        return address is not None and any(address in network for network in self._networks)


def _parsed(written: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address, with a port or without; IPv4 that is written as IPv6 is IPv4."""
    bare = written.strip("[]") if written.count(":") != 1 else written.partition(":")[0]
    if written.startswith("["):
        bare = written[1:].partition("]")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
