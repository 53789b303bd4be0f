"""Where a visitor comes from: only trusted proxies are believed."""

from ipaddress import ip_network

import pytest

from qwen_ui.server.visitors import address

PROXIES = (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("peer", "forwarded", "who"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "1.2.3.4", "203.0.113.7"),  # nobody trusted said so
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.7", "203.0.113.7"),  # the first is the visitor's own invention
        ("10.0.0.1", "203.0.113.7, 10.9.9.9", "203.0.113.7"),  # through two proxies
        ("10.0.0.1", "not an address", "not an address"),
        ("2001:db8::1:2:3:4", "", "2001:db8::/64"),
        ("::ffff:203.0.113.7", "", "203.0.113.7"),
        ("testclient", "1.2.3.4", "testclient"),
    ],
)
def test_address(peer: str, forwarded: str, who: str):
    assert address(peer, forwarded, PROXIES) == who
