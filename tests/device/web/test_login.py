"""Passwords, sessions, pauses and rates, with a clock that the test moves."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.errors import UsageError
from device.web.guard import BURST, REQUESTS_PER_S, Rates, network_of
from device.web.login import (
    FORGET_S,
    FREE_TRIES,
    MAX_ADDRESSES,
    MAX_PAUSE_S,
    SESSION_S,
    Pauses,
    RecentPassword,
    Sessions,
    basic_password,
)
from device.web.password import check_hash, hash_password, matches
from tests.device.web.conftest import HASH, PASSWORD


class Clock:
    def __init__(self):
        self.s = 1000.0

    def __call__(self):
        return self.s


def test_a_hash_matches_its_password_only():
    assert matches(PASSWORD, HASH) and not matches(PASSWORD + "r", HASH)
    made = hash_password(PASSWORD)
    assert matches(PASSWORD, made) and PASSWORD not in made
    assert hash_password(PASSWORD) != made  # the salt differs


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1001])
def test_a_password_has_a_length(password):
    with pytest.raises(UsageError, match="need 8 to 1000"):
        hash_password(password)


@pytest.mark.parametrize(
    "text",
    [
        "correct horse",
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
        HASH.replace("$16$", "$15$"),  # no power of two
        HASH.replace("$16$", "$262144$"),  # would take 256 MB
        HASH.replace("$8$", "$0$"),
        HASH[:-8],
        HASH.replace("scrypt", "scrypt2"),
    ],
)
def test_what_is_no_hash_is_refused_and_not_quoted(text):
    with pytest.raises(UsageError) as refused:
        check_hash(text)
    assert "device.web password" in refused.value.hint and text not in str(refused.value)


def test_a_session_ends_by_time_by_logging_out_and_with_another_password():
    clock = Clock()
    sessions = Sessions(HASH, clock)
    token, other = sessions.new(), sessions.new()
    assert sessions.valid(token) and Sessions(HASH, clock).valid(token)  # after a restart too
    assert not Sessions(hash_password(PASSWORD), clock).valid(token)  # even for the same one
    sessions.end(token)
    assert not sessions.valid(token) and sessions.valid(other)
    clock.s += SESSION_S + 1
    assert not sessions.valid(other)


@given(st.text(max_size=60))
def test_no_text_is_a_session(text):
    sessions = Sessions(HASH)
    assert not sessions.valid(text)
    nonce, end, signature = sessions.new().split(".")
    assert not sessions.valid(f"{nonce}.{end}0.{signature}")


def test_the_pause_doubles_and_ends_with_the_right_password():
    clock, pauses = Clock(), Pauses(clock_s=Clock())
    pauses = Pauses(clock)
    for _ in range(FREE_TRIES - 1):
        pauses.wrong("a")
    assert pauses.left_s("a") == 0
    lengths = []
    for _ in range(8):
        pauses.wrong("a")
        lengths.append(pauses.left_s("a"))
    assert lengths == [1, 2, 4, 8, 16, 32, MAX_PAUSE_S, MAX_PAUSE_S]
    assert pauses.left_s("b") == 0
    clock.s += 59
    assert pauses.left_s("a") == 1
    clock.s += 1
    assert pauses.left_s("a") == 0
    pauses.right("a")
    pauses.wrong("a")
    assert pauses.left_s("a") == 0


def test_an_address_is_forgotten_after_an_hour_and_the_table_is_bounded():
    clock = Clock()
    pauses = Pauses(clock)
    for _ in range(10):
        pauses.wrong("a")
    clock.s += FORGET_S + 1
    pauses.wrong("a")
    assert pauses.left_s("a") == 0
    for number in range(MAX_ADDRESSES + 50):
        pauses.wrong(str(number))
    assert len(pauses._wrong) == MAX_ADDRESSES


def test_a_recent_password_is_kept_as_a_digest():
    recent = RecentPassword()
    assert not recent.is_same("")
    recent.remember(PASSWORD)
    assert recent.is_same(PASSWORD) and not recent.is_same("")
    assert PASSWORD.encode() not in repr(vars(recent)).encode()


def test_secrets_are_compared_in_constant_time_only(monkeypatch):
    sessions, recent = Sessions(HASH), RecentPassword()
    recent.remember(PASSWORD)
    nonce, end, _ = sessions.new().split(".")

    def accepted():
        tried = matches("wrong", HASH), recent.is_same("wrong"), sessions.valid(f"{nonce}.{end}.x")
        return tried

    assert accepted() == (False, False, False)
    # Nothing else decides: no other comparison comes before or after it.
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: True)
    assert accepted() == (True, True, True)


def test_the_password_of_a_header():
    header = base64.b64encode(b"anybody:pass:word").decode()
    assert basic_password(f"Basic {header}") == "pass:word"
    for odd in ("", "Bearer x", "Basic", "Basic %%%", "Basic /w=="):
        assert basic_password(odd) is None


def test_requests_have_a_rate():
    clock = Clock()
    rates = Rates(clock)
    assert [rates.take("a") for _ in range(int(BURST) + 2)] == [True] * int(BURST) + [False] * 2
    assert rates.take("b")
    clock.s += 3.5 / REQUESTS_PER_S
    assert [rates.take("a") for _ in range(4)] == [True, True, True, False]


def test_addresses_of_one_network_count_as_one():
    assert network_of("192.168.1.2") == "192.168.1.2" == network_of("::ffff:192.168.1.2")
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db9::1")
    assert network_of("fe80::1%eth0") == "fe80::/64" and network_of("") == ""
