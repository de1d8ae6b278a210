"""Remove this camera from Home Assistant, and what the MQTT broker keeps of it.

    python -m device.mqtt forget --config facet.toml               # the camera of these settings
    python -m device.mqtt forget --config facet.toml --id kitchen  # another one

Stop the camera first: it would introduce itself again. `[mqtt]` in docs/settings.md sends messages;
docs/mqtt.md explains them.

Exit codes: 0 done, 1 the broker cannot be reached or refuses, 2 wrong usage or settings, 3 the
password's file cannot be read.
"""

from ..config import merge
from ..errors import UsageError
from ..log import log
from ..settings import Settings, load_settings
from .command import Parser, SubcommandParser, exit_with
from .flags import add_config


def parser() -> Parser:
    top = Parser("device.mqtt", __doc__ or "")
    verbs = top.add_subparsers(
        dest="verb", metavar="forget", required=True, parser_class=SubcommandParser
    )
    verb = verbs.add_parser("forget", help="remove a camera from Home Assistant and the broker")
    add_config(verb)
    verb.add_argument("--id", metavar="ID", default="", help="id of the camera, if not its own")
    return top


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    config = vars(options).get("config")
    settings = load_settings(config) if config else Settings()
    if not settings.mqtt.host:
        where = f"[mqtt] of {config}" if config else "the settings"
        raise UsageError(f"no host in {where}", "--config FILE.toml with host in [mqtt]")
    if options.id:
        settings = merge(settings, {"mqtt": {"id": options.id}}, "--id")
    from ..mqtt.forget import forget
    from ..mqtt.topics import topics_of

    topics = topics_of(settings.mqtt)
    forget(settings.mqtt, topics)
    log.info("the broker %s has forgotten %s", settings.mqtt.host, topics.id)
    return 0


if __name__ == "__main__":
    exit_with(main)
