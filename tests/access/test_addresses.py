"""Which address a request is counted by, behind proxies that are trusted and others."""

from __future__ import annotations

import pytest

from config.settings import SettingError
from transcriber.access.addresses import Proxies

PROXY = "10.1.2.3"


@pytest.mark.parametrize(
    "trusted, peer, forwarded_for, client",
    [
        pytest.param("", "8.8.8.8", "1.1.1.1", "8.8.8.8", id="nobody is trusted"),
        pytest.param("10.0.0.0/8", "8.8.8.8", "1.1.1.1", "8.8.8.8", id="the peer is not"),
        pytest.param("10.0.0.0/8", PROXY, "1.1.1.1", "1.1.1.1", id="the peer is"),
        pytest.param(PROXY, PROXY, "1.1.1.1", "1.1.1.1", id="a single address is"),
        pytest.param("private", PROXY, "1.1.1.1", "1.1.1.1", id="private networks are"),
        pytest.param("private", "100.64.7.7", "1.1.1.1", "1.1.1.1", id="a host's shared one too"),
        pytest.param("private", PROXY, "", PROXY, id="nothing was forwarded"),
        pytest.param("private", PROXY, "6.6.6.6, 1.1.1.1", "1.1.1.1", id="what clients claim"),
        pytest.param("private", PROXY, "6.6.6.6, 1.1.1.1, 10.9.9.9", "1.1.1.1", id="two proxies"),
        pytest.param("private", PROXY, "10.5.5.5, 10.9.9.9", "10.5.5.5", id="only proxies"),
        pytest.param("private", PROXY, "1.1.1.1, unknown", PROXY, id="what is no address"),
        pytest.param("private", PROXY, "1.1.1.1:4711", "1.1.1.1", id="with a port"),
        pytest.param("private", "::ffff:10.1.2.3", "1.1.1.1", "1.1.1.1", id="as IPv6"),
        pytest.param("private", "::1", "2001:db8::7", "2001:db8::/64", id="an IPv6 network"),
        pytest.param("private", PROXY, "[2001:db8::7]:99", "2001:db8::/64", id="IPv6, a port"),
        pytest.param("", "", "", "", id="a socket without address"),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxy_counts(
    trusted: str, peer: str, forwarded_for: str, client: str
) -> None:
    assert Proxies.parse(trusted).client(peer, forwarded_for) == client


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(SettingError, match=r"TRUSTED_PROXIES: 'router' is no address"):
        Proxies.parse("10.0.0.0/8, router")
