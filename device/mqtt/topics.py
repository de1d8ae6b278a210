"""The topics of one camera; docs/schemas/ describes their messages."""

from dataclasses import dataclass

from ..outputs.visit_id import camera_id
from ..settings import MqttSettings

ONLINE, OFFLINE = "online", "offline"


@dataclass(frozen=True)
class Topics:
    """The names under which a camera sends."""

    id: str
    discovery: str
    """Prefix of Home Assistant's discovery; empty: no discovery."""

    def below(self, name: str) -> str:
        """Return the topic of this camera that ends in `name`."""
        return f"facet/{self.id}/{name}"

    @property
    def status(self) -> str:
        """`online` or `offline`; retained."""
        return self.below("status")

    @property
    def state(self) -> str:
        """Who is in view, and today's visits; retained."""
        return self.below("state")

    @property
    def diagnostics(self) -> str:
        """Frames per second and temperature; retained."""
        return self.below("diagnostics")

    @property
    def lines(self) -> str:
        """The sums of each line; retained."""
        return self.below("lines")

    @property
    def crossing(self) -> str:
        """A face that crosses a line, when it does; not retained."""
        return self.below("crossing")

    @property
    def rules(self) -> str:
        """What matches the topics of all rules; not retained."""
        return self.below("rules/#")

    @property
    def visit(self) -> str:
        """A visit that has ended; not retained."""
        return self.below("visit")

    @property
    def counts(self) -> str:
        """A row of the anonymous counts; not retained."""
        return self.below("counts")

    @property
    def snapshot(self) -> str:
        """A JPEG picture; not retained."""
        return self.below("snapshot")

    @property
    def run(self) -> str:
        """Number of the run that sends: a second one with the same id replaces it; retained."""
        return self.below("run")

    @property
    def config(self) -> str:
        """Home Assistant's discovery; retained. Empty without discovery."""
        return f"{self.discovery}/device/{self.object_id}/config" if self.discovery else ""

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it is online. Empty without discovery."""
        return f"{self.discovery}/status" if self.discovery else ""

    @property
    def object_id(self) -> str:
        """Name of the camera beside those of other programs."""
        return f"facet_{self.id}"

    @property
    def client_id(self) -> str:
        """Name of the connection: the broker ends an older one of the same name."""
        return f"facet-{self.id}"

    @property
    def retained(self) -> tuple[str, ...]:
        """What the broker keeps of this camera."""
        ours = self.config, self.status, self.state, self.lines, self.diagnostics, self.run
        return tuple(filter(None, ours))

    @property
    def passing(self) -> tuple[str, ...]:
        """What the broker must not keep: a retained message there is another program's."""
        return self.visit, self.crossing, self.counts, self.snapshot


def topics_of(settings: MqttSettings, host_name: str = "") -> Topics:
    """Return a camera's topics; host_name: in place of the computer's."""
    return Topics(camera_id(settings.id, host_name), settings.discovery)
