"""Visits that a broker may have forgotten are sent again: `resend_s` in [mqtt]."""

import json

import pytest

from device.mqtt.visits import VisitSender
from device.rowlog.tail import RowTail


class Broker:
    """Takes messages, and acknowledges them when asked to."""

    def __init__(self):
        self.sent, self.acknowledged = [], set()
        self.free = 10

    def publish(self, message):
        self.sent.append(json.loads(message.payload))
        return len(self.sent)

    def acknowledge_all(self):
        self.acknowledged |= set(range(1, len(self.sent) + 1))

    def check_refused(self, numbers):
        pass


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "visits.csv"
    path.write_text("number\n")
    return path


def sender_of(log, resend_s):
    tail = RowTail(log, log.with_name("visits.csv.mqtt"))

    def message(row):
        return row["number"].encode()

    return VisitSender(tail, "facet/a/visit", message, lambda line: None, resend_s)


def add(log, *numbers):
    with log.open("a") as file:
        file.writelines(f"{number}\n" for number in numbers)


def connect(sender, now_s):
    """Send all that waits to a broker that acknowledges it."""
    broker = Broker()
    sender.begin()
    for _ in range(4):
        sender.send(broker, now_s)
        broker.acknowledge_all()
    return broker


def test_without_it_nothing_is_sent_twice(log):
    sender = sender_of(log, 0)
    add(log, 1, 2)
    assert connect(sender, 0).sent == [1, 2]
    assert connect(sender, 1).sent == []


def test_what_was_acknowledged_lately_is_sent_again(log):
    sender = sender_of(log, 120)
    add(log, 1, 2)
    assert connect(sender, 0).sent == [1, 2]
    add(log, 3)
    assert connect(sender, 60).sent == [1, 2, 3]


def test_what_was_acknowledged_long_ago_is_not(log):
    sender = sender_of(log, 120)
    add(log, 1)
    broker = connect(sender, 0)
    add(log, 2)
    sender.send(broker, 100)
    broker.acknowledge_all()
    sender.send(broker, 100)
    sender.send(broker, 130)  # 1 is old by now, 2 is not
    assert connect(sender, 131).sent == [2]


def test_it_holds_over_a_restart(log):
    sender = sender_of(log, 120)
    add(log, 1, 2)
    connect(sender, 0)
    sender.save(0, at_once=True)
    assert connect(sender_of(log, 120), 0).sent == [1, 2]


def test_a_day_of_visits_takes_no_memory(log):
    sender = sender_of(log, 120)
    add(log, *range(5000))
    broker = Broker()
    sender.begin()
    for _ in range(600):
        sender.send(broker, 0.5)
        broker.acknowledge_all()
    assert len(broker.sent) == 5000
    assert len(sender._recent) < 5
    assert connect(sender, 10).sent[0] == 0
