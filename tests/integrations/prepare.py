"""Install a current Home Assistant in a Debian tree of its own.

    sudo make home-assistant HASS=/var/tmp/hass
    sudo make integrations FACET_HASS=/var/tmp/hass/hass

Current releases need Python 3.14, which Debian's testing release has. Takes 3 minutes and 1.5 GB;
needs root and a network. Nothing outside the folder changes; delete it to get rid of it. Its
program `hass` needs root too: it enters the tree.

Exit codes: 0 done, 1 a fault, 2 wrong usage, not root, or a tool is missing.
"""

from pathlib import Path

from device.cli.command import Parser, exit_with
from device.errors import UsageError
from device.log import log
from tests.machines.debian import THERE, Tree, require

SUITE = "forky"
PACKAGES = ("python3", "python3-venv", "libturbojpeg0", "libjpeg62-turbo", "ca-certificates")
# What Home Assistant would otherwise install when it needs it, which delays a start by minutes.
PARTS = ("mqtt", "generic", "stream", "camera")
INSTALL_S = 3600

REQUIREMENTS = """
import json, pathlib, sys
for part in sys.argv[1:]:
    manifest = json.loads(pathlib.Path("components", part, "manifest.json").read_text())
    print(*manifest.get("requirements", []), sep="\\n")
"""
INSTALL = f"""
cd /opt
test -x hass/bin/uv || {{ python3 -m venv hass && hass/bin/pip install --quiet uv; }}
export SSL_CERT_FILE={THERE} VIRTUAL_ENV=/opt/hass PATH=/opt/hass/bin:$PATH
uv pip install --quiet homeassistant
cd "$(python -c 'import homeassistant; print(homeassistant.__path__[0])')"
python -c '{REQUIREMENTS}' {" ".join(PARTS)} > /tmp/requirements
uv pip install --quiet --constraint package_constraints.txt --requirements /tmp/requirements
hass --version
"""

# A namespace of its own: what is mounted is gone with the process, also after kill -9. No process
# in between, so that signals reach Home Assistant.
PROGRAM = f"""\
#!/bin/sh
# hass -c FOLDER or hass --version, in this Debian tree, as root. FOLDER is /config in there.
set -e
root=$(dirname "$(readlink -f "$0")")
mkdir -p "$root/config"
exec unshare --mount --propagation private sh -c '
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    if [ "$1" = -c ]; then
        mount --bind "$2" "$root/config"
        set -- -c /config
    fi
    exec chroot "$root" env -i HOME=/root LC_ALL=C.UTF-8 SSL_CERT_FILE={THERE} \\
        PATH=/opt/hass/bin:/usr/sbin:/usr/bin:/sbin:/bin /opt/hass/bin/hass "$@"
' sh "$root" "$@"
"""


def main(argv: list[str] | None = None) -> int:
    parser = Parser("tests.integrations.prepare", __doc__)
    parser.add_argument("folder", type=Path, help="a new folder, or one that this made")
    folder = parser.parse_args(argv).folder.resolve()
    require({"debootstrap": "debootstrap", "unshare": "util-linux"}, "home-assistant")
    made = (folder / ".made").exists()
    if folder.exists() and not made and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty, and not from this command", "a new folder")
    tree = Tree(folder)
    tree.make(SUITE, "amd64", PACKAGES)
    log.info(f"installing Home Assistant in {folder}")
    version = tree.run(INSTALL, INSTALL_S).strip().splitlines()[-1]
    program = folder / "hass"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    log.info(f"Home Assistant {version}: sudo make integrations FACET_HASS={program}")
    return 0


if __name__ == "__main__":
    exit_with(main)
