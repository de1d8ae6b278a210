#!/usr/bin/env bash
# Install Facet as a service that runs from boot, or bring one up to date.
#
#     sudo systemd/install.sh                      # install, or upgrade: settings and log stay
#     sudo systemd/install.sh --uninstall          # remove it; settings and log stay
#     sudo systemd/install.sh --uninstall --purge  # remove those and the user as well
#     systemd/install.sh --dry-run                 # only say what would be done, also by whom has no root
#     systemd/install.sh --help
#
# Takes about three minutes on a Pi 4 and 500 MB. Leaves the program in /opt/facet, settings in
# /etc/facet.toml, the log in /var/lib/facet, and the service /etc/systemd/system/facet.service.
#
# PYTHON=python3.13     another Python than python3, 3.11 or later
# DESTDIR=/mnt/pi       into a system that is not running: no user is made, nothing is started
#
# Exit codes: 0 done, 1 a step failed, 2 wrong usage, or not a system it can be installed on.
set -euo pipefail

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DESTDIR=${DESTDIR:-}
PYTHON=${PYTHON:-python3}
APP=$DESTDIR/opt/facet
SETTINGS=$DESTDIR/etc/facet.toml
STATE=$DESTDIR/var/lib/facet
UNIT=$DESTDIR/etc/systemd/system/facet.service
PIP=("$APP/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-warn-conflicts)
dry_run='' uninstall='' purge=''

say() { echo "facet: $*" >&2; }
stop() { say "$*"; exit 2; }

do_it() {  # run a command, or with --dry-run print it
    if [ "$dry_run" ]; then printf '%s\n' "$*"; else "$@"; fi
}

trap 'say "line $LINENO failed: $BASH_COMMAND. Mend that and run it again: what is done stays done"; exit 1' ERR

check() {
    [ "$(uname)" = Linux ] || stop "this is $(uname), and a service needs Linux with systemd"
    if [ -z "$DESTDIR" ] && [ -z "$dry_run" ]; then
        [ "$(id -u)" = 0 ] || stop "only root may install a service. Run: sudo $0"
        [ -d /run/systemd/system ] || stop "systemd does not run here. Without it: make run"
    fi
}

check_python() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        stop "need Python 3.11 or later. Name one: sudo PYTHON=python3.13 $0"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        stop "Python has no venv module. Run: sudo apt install python3-venv"
    if [ -z "$DESTDIR" ] && [ -z "$dry_run" ]; then
        case $("$PYTHON" -c 'import os, sys; print(os.path.realpath(sys.executable))') in
            /home/* | /root/*) stop "the service sees no home folder, and $PYTHON is in one. Name one in /usr" ;;
        esac
    fi
}

copy_program() {
    do_it mkdir -p "$APP"
    # What an older version had, and this one has not, must not stay.
    do_it rm -rf "$APP/device" "$APP/models"
    do_it mkdir "$APP/models"
    do_it cp -R "$SOURCE/device" "$SOURCE/README.md" "$SOURCE"/requirements-{pi,files}.txt "$APP"
    do_it cp "$SOURCE"/models/*.tflite "$SOURCE"/models/*.json "$APP/models"
    do_it chmod -R u=rwX,go=rX "$APP/device" "$APP/models"
}

make_environment() {
    # An upgrade of the system may have brought another Python.
    if ! "$APP/.venv/bin/python" -c 'import pip' 2>/dev/null; then
        do_it "$PYTHON" -m venv --clear --system-site-packages "$APP/.venv"  # Picamera2 is apt's
    fi
    do_it "${PIP[@]}" -r "$SOURCE/requirements-pi.txt"
    do_it "${PIP[@]}" --no-deps -r "$SOURCE/requirements-files.txt"
    if [ -d /usr/lib/python3/dist-packages/picamera2 ] && [ -z "$DESTDIR" ] && [ -z "$dry_run" ] &&
        ! "$APP/.venv/bin/python" -c 'import simplejpeg' 2>/dev/null; then
        "${PIP[@]}" --force-reinstall --no-deps simplejpeg  # Bookworm's was compiled for NumPy 1
    fi
    if [ -z "$dry_run" ] && ! "$APP/.venv/bin/python" -c 'import cv2' 2>/dev/null; then
        stop "OpenCV does not load. Run: sudo apt install libgl1 libglib2.0-0"
    fi
    # The service may not write here, so it could never keep what it compiles.
    do_it "$APP/.venv/bin/python" -m compileall -q "$APP/device"
}

make_user() {
    [ -z "$DESTDIR" ] || return 0
    if ! getent passwd facet >/dev/null; then
        do_it useradd --system --user-group --home-dir /var/lib/facet --no-create-home \
            --shell /usr/sbin/nologin facet
    fi
}

write_settings() {
    if [ -e "$SETTINGS" ]; then
        say "$SETTINGS stays as it is"
    elif [ "$dry_run" ]; then
        echo "python -m device.settings_file --service > $SETTINGS"
    else
        mkdir -p "$(dirname "$SETTINGS")"
        # Whole or not at all, or the next run would take half of it for yours.
        (cd "$APP" && .venv/bin/python -m device.settings_file --service) |
            sed "s|\"$APP/|\"/opt/facet/|" >"$SETTINGS.part"
        mv "$SETTINGS.part" "$SETTINGS"
    fi
}

install_unit() {
    do_it install -D -m 644 "$SOURCE/systemd/facet.service" "$UNIT"
    if [ "$DESTDIR" ]; then
        do_it mkdir -p "$DESTDIR/etc/systemd/system/multi-user.target.wants"
        do_it ln -sf ../facet.service "$DESTDIR/etc/systemd/system/multi-user.target.wants/"
    else
        do_it systemctl daemon-reload
        do_it systemctl enable facet
        # One that had given up may try again.
        do_it systemctl reset-failed facet 2>/dev/null || true
        # Not waited for: without a camera it would be tried for a quarter of an hour.
        do_it systemctl restart --no-block facet
    fi
}

remove() {
    if [ -z "$DESTDIR" ] && [ -e "$UNIT" ]; then
        do_it systemctl disable --now facet
    fi
    do_it rm -f "$UNIT" "$DESTDIR/etc/systemd/system/multi-user.target.wants/facet.service"
    do_it rm -rf "$APP"
    if [ "$purge" ]; then
        do_it rm -rf "$SETTINGS" "$STATE" "$UNIT.d"
        if [ -z "$DESTDIR" ] && getent passwd facet >/dev/null; then do_it userdel facet; fi
    fi
    if [ -z "$DESTDIR" ]; then do_it systemctl daemon-reload; fi
    [ "$purge" ] || say "removed; $SETTINGS and $STATE stay (--uninstall --purge removes them)"
}

for argument in "$@"; do
    case $argument in
        --dry-run) dry_run=yes ;;
        --uninstall) uninstall=yes ;;
        --purge) purge=yes ;;
        --help | -h)
            sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
            exit 0
            ;;
        *) stop "unknown $argument. See: $0 --help" ;;
    esac
done
if [ "$purge" ] && [ -z "$uninstall" ]; then stop "--purge goes with --uninstall only"; fi

check
if [ "$uninstall" ]; then
    remove
else
    check_python
    copy_program
    make_environment
    make_user
    write_settings
    install_unit
    if [ "$dry_run" ]; then
        say "nothing was changed"
    else
        say "installed. How it does: journalctl -fu facet; settings: $SETTINGS; rows: $STATE/faces.csv"
    fi
fi
