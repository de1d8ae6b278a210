"""The address that a server listens on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.errors import UsageError
from device.listen import Listen, parse_listen


@pytest.mark.parametrize(
    "text, host, port",
    [
        ("127.0.0.1:8420", "127.0.0.1", 8420),
        ("0.0.0.0", "0.0.0.0", 8420),
        ("9000", "127.0.0.1", 9000),
        ("pi.local:80", "pi.local", 80),
        ("[::1]:8421", "::1", 8421),
        ("[::]", "::", 8420),
        ("fe80::1", "fe80::1", 8420),
        (" localhost:0 ", "localhost", 0),
    ],
)
def test_an_address_is_a_host_a_port_or_both(text, host, port):
    assert parse_listen(text) == Listen(host, port)


@pytest.mark.parametrize(
    "text",
    ["", ":", ":8420", "pi:", "pi:x", "pi:65536", "70000", "http://pi:1", "[::1", "[pi]:1",
     "[::1]x", "a b", "a@b", "pi:-1", "pi:\u0661", "::1:99999x"],
)  # fmt: skip
def test_what_is_none_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"no address to listen on. Try: 127\.0\.0\.1:8420"):
        parse_listen(text)


@pytest.mark.parametrize(
    "host, local",
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.2", False), ("localhost.example.org", False)],
)  # fmt: skip
def test_only_the_computers_own_addresses_are_local(host, local):
    assert Listen(host, 1).local is local


@given(st.ip_addresses().map(str), st.integers(0, 65535))
def test_an_address_reads_as_it_is_written(host, port):
    assert parse_listen(str(Listen(host, port))) == Listen(host, port)


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_a_usage_error(text):
    try:
        assert 0 <= parse_listen(text).port <= 65535
    except UsageError:
        return
