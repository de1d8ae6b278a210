"""Send the visits of their file, as many at a time as may wait for the broker's acknowledgement."""

from collections import deque
from collections.abc import Callable, Mapping

from ..log import log
from ..rowlog.tail import RowTail, TailedRow
from .connection import LOG_OF_BROKER, BrokerConnection, BrokerError
from .messages import Message

SAVE_S = 5.0  # between two writes of how far visits were sent: each wears the SD card
ACKNOWLEDGE_S = 30.0  # limit for the broker to acknowledge a visit
PASSED_OVER = 0  # in place of a message's number; the broker's begin at 1


class VisitSender:
    """Reads rows, sends them to a topic with QoS 1, and stores which the broker has acknowledged.

    tail: of the visits file; None: nothing is sent. message: returns a row as a message, None for
    what is no visit. report: takes a line for the log, which may repeat. now_s: s of a monotonic
    clock. resend_s: time that visits count as not stored after the broker has acknowledged them.
    """

    def __init__(
        self,
        tail: RowTail | None,
        topic: str,
        message: Callable[[Mapping[str, str]], bytes | None],
        report: Callable[[str], None],
        resend_s: float = 0.0,
    ):
        self._tail, self._topic, self._message, self._report = tail, topic, message, report
        self._waiting: deque[tuple[int, TailedRow]] = deque()  # oldest first
        self._resend_s = resend_s
        # Acknowledged, and not for so long: (s, the last row of the second from then on).
        self._recent: deque[tuple[float, TailedRow]] = deque()
        self._since_s = 0.0  # when the oldest began to wait
        self._saved_s = -SAVE_S
        self._lost_files = 0

    @property
    def on(self) -> bool:
        """Whether visits are sent."""
        return self._tail is not None

    @property
    def waiting(self) -> bool:
        """Whether visits were sent and not acknowledged."""
        return bool(self._waiting)

    def begin(self) -> None:
        """Begin a connection: what was not acknowledged on the last one is sent again."""
        self._waiting.clear()
        self._recent.clear()
        if self._tail:
            self._tail.rewind()

    def send(self, broker: BrokerConnection, now_s: float) -> None:
        """Note what has arrived, and send what may follow; BrokerError if nothing arrives."""
        if not self._tail:
            return
        waiting = self._waiting
        broker.check_refused((number for number, _ in waiting))
        while waiting and waiting[0][0] in (PASSED_OVER, *broker.acknowledged):
            number, row = waiting.popleft()
            broker.acknowledged.discard(number)
            self._acknowledge(self._tail, row, now_s)
            self._since_s = now_s
        for row in self._rows(self._tail, broker.free):
            if not waiting:
                self._since_s = now_s
            waiting.append((self._send_row(broker, row), row))
        self._release(self._tail, now_s)
        if waiting and now_s - self._since_s > ACKNOWLEDGE_S:
            raise BrokerError("the broker acknowledges no visits", LOG_OF_BROKER)
        self.save(now_s)

    def save(self, now_s: float, at_once: bool = False) -> None:
        """Store how far visits were sent, at most every SAVE_S unless at_once."""
        if not self._tail or (now_s - self._saved_s < SAVE_S and not at_once):
            return
        self._saved_s = now_s
        try:
            self._tail.save()
        except OSError as error:
            self._report(f"cannot store how far visits were sent, some may be sent twice: {error}")

    def _acknowledge(self, tail: RowTail, row: TailedRow, now_s: float) -> None:
        if not self._resend_s:
            tail.acknowledge(row)
        elif self._recent and self._same(row, now_s):  # a day of them must not fill the memory
            self._recent[-1] = self._recent[-1][0], row
        else:
            self._recent.append((now_s, row))

    def _same(self, row: TailedRow, now_s: float) -> bool:
        """Whether the last entry is of this second, and of the same file as a row."""
        since_s, last = self._recent[-1]
        return last.file == row.file and now_s - since_s < 1.0

    def _release(self, tail: RowTail, now_s: float) -> None:
        """Pass over what a broker has had for long."""
        while self._recent and now_s - self._recent[0][0] > self._resend_s + 1.0:
            tail.acknowledge(self._recent.popleft()[1])

    def _send_row(self, broker: BrokerConnection, row: TailedRow) -> int:
        """Send a row; return the message's number, or PASSED_OVER for what is no visit."""
        payload = self._message(row.values)
        if payload is None:  # it must not stop those that follow
            log.warning("MQTT: a row of the visits file is no visit, and is not sent")
            return PASSED_OVER
        return broker.publish(Message(self._topic, payload, qos=1))

    def _rows(self, tail: RowTail, limit: int) -> list[TailedRow]:
        try:
            rows = tail.rows(limit) if limit > 0 else []
        except OSError as error:  # the disk is gone; its writer has said so
            self._report(f"cannot read the visits: {error}")
            return []
        if tail.lost_files > self._lost_files:
            self._lost_files = tail.lost_files
            log.warning("MQTT: an older visits file was deleted before all of it was sent")
        return rows
