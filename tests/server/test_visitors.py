"""Where a visitor comes from: only trusted proxies are believed."""

from ipaddress import ip_network
from types import SimpleNamespace

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.server.visitors import COOKIE, address, owner_of

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
        ("10.0.0.1", "203.0.113.7:51000", "203.0.113.7"),  # a port a connection, and one visitor
        ("10.0.0.1", "203.0.113.7:51001", "203.0.113.7"),
        ("10.0.0.1", '"[2001:db8::1:2:3:4]:443"', "2001:db8::/64"),
        ("10.0.0.1", "[2001:db8::5]", "2001:db8::/64"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.7:51000, 10.9.9.9:80", "203.0.113.7"),
        ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),  # the proxy, where the server listens on IPv6
    ],
)
def test_address(peer: str, forwarded: str, who: str):
    assert address(peer, forwarded, PROXIES) == who


def owner(cookie: str = "", session: str | None = None, address: str = "203.0.113.7") -> str:
    cookies = {COOKIE: cookie} if cookie else {}
    return owner_of(SimpleNamespace(cookies=cookies, session_hash=session), address)


def test_a_browser_is_the_same_visitor_wherever_it_is_and_whatever_its_session():
    assert owner("a.1", "s") == owner("a.1", "t", "198.51.100.1") == owner("a.1")
    assert owner("a.1") != owner("b.1")


def test_no_cookie_is_a_session_and_no_session_another_addresss():
    named = [owner(session="s"), owner(session="t"), owner("session s"), owner("session s of 203.0.113.7")]
    named += [owner(session="s", address="198.51.100.1"), owner("s")]
    assert len(set(named)) == len(named)


def test_who_has_neither_cookie_nor_session_is_nobody():
    for session in (None, ""):
        with pytest.raises(InvalidInput, match="session_hash"):
            owner(session=session)
