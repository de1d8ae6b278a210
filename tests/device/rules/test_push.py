"""Push messages as a rule's action, to a server on this computer."""

import sys
import threading

import pytest

from device.errors import FacetError, UsageError
from device.rules.actions import build_action
from device.rules.runner import ActionQueue
from tests.device.metrics.made_up import eventually
from tests.device.rules.made_up import crossing, firing, rule, watch
from tests.device.test_push import receiver, urls  # noqa: F401 - fixtures

pytest.importorskip("apprise", reason="no apprise: pip install -r requirements-push.txt")
# apprise imports it on Python 3.11 and 3.12, when it loads its services.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def push(file, made, **values):
    with build_action(rule(do="push", addresses_file=file, **values)) as action:
        assert not action.needs_picture
        action.act(made, threading.Event())


def test_a_message_has_the_rules_name_and_text(receiver, urls):  # noqa: F811
    push(urls, firing(name="smile"), text="somebody smiles ☕")
    assert receiver.got == [("smile", "somebody smiles ☕")]


def test_without_a_text_it_says_what_has_happened(receiver, urls):  # noqa: F811
    push(urls, firing(name="smile"))
    (made,) = watch('crossed == "door"', name="visitor").update(crossing("in"))
    push(urls, made)
    assert receiver.got == [
        ("smile", "film, 2026-01-02T12:00:00.250Z"),
        ("visitor", "door in, film, 2026-01-02T12:00:00.250Z"),
    ]


def test_a_message_that_is_refused_is_logged_without_its_address(receiver, urls, capsys):  # noqa: F811
    receiver.status = 500
    with pytest.raises(FacetError, match=r"push message not sent: .*500.* Try: the services in"):
        push(urls, firing())
    action = build_action(rule(do="push", addresses_file=urls))
    with ActionQueue("smile", action) as actions:
        for _ in range(2):
            actions.put(firing())
        eventually(lambda: actions._failed == 2)
    err = capsys.readouterr().err
    assert err.count("push message not sent") == 1 and "s3cret" not in err


def test_what_it_lacks_is_said_at_the_start(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="addresses_file = "):
        rule(do="push")
    with pytest.raises(UsageError, match=r"cannot read the push addresses .*none"):
        build_action(rule(do="push", addresses_file=tmp_path / "none"))
    (tmp_path / "wrong").write_text("not-an-address\n")
    with pytest.raises(UsageError, match="line 1 is no address of a push service"):
        build_action(rule(do="push", addresses_file=tmp_path / "wrong"))
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(UsageError, match=r"push messages need the package apprise. Try: .*push"):
        build_action(rule(do="push", addresses_file=tmp_path / "wrong"))
