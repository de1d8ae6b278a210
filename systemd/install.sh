#!/usr/bin/env bash
# Install Facet as a service that starts at boot, or upgrade it.
#
#     sudo systemd/install.sh                      # install or upgrade; keeps settings and log
#     sudo systemd/install.sh --uninstall          # remove it; keeps settings and log
#     sudo systemd/install.sh --uninstall --purge  # remove these and the user as well
#     systemd/install.sh --dry-run                 # print the steps; needs no root
#     systemd/install.sh --help
#
# Takes about three minutes on a Pi 4 and 500 MB. Installs the program in /opt/facet, its settings in
# /etc/facet.toml, its log in /var/lib/facet and the unit /etc/systemd/system/facet.service.
#
# PYTHON=python3.13     the Python to use, 3.11 or later (default python3)
# DESTDIR=/mnt/pi       install into a system that is not running: makes no user, starts nothing
#
# Exit codes: 0 done, 1 a step failed, 2 wrong usage or unsuitable system.
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

trap 'say "line $LINENO failed: $BASH_COMMAND. Try: $0 again after a repair; finished steps stay"; exit 1' ERR

check() {
    [ "$(uname)" = Linux ] || stop "this is $(uname), the service needs Linux with systemd"
    if [ -z "$DESTDIR" ] && [ -z "$dry_run" ]; then
        [ "$(id -u)" = 0 ] || stop "only root may install a service. Try: sudo $0"
        [ -d /run/systemd/system ] || stop "systemd does not run here. Try: make run"
    fi
}

check_python() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        stop "need Python 3.11 or later. Try: sudo PYTHON=python3.13 $0"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        stop "Python has no venv module. Try: sudo apt install python3-venv"
    if [ -z "$DESTDIR" ] && [ -z "$dry_run" ]; then
        case $("$PYTHON" -c 'import os, sys; print(os.path.realpath(sys.executable))') in
            /home/* | /root/*) stop "$PYTHON is in a home folder, which the service cannot read. Try: sudo PYTHON=/usr/bin/python3 $0" ;;
        esac
    fi
}

copy_program() {
    do_it mkdir -p "$APP"
    # Files that this version does not have must not stay.
    do_it rm -rf "$APP/device" "$APP/models" "$APP/LICENSES"
    do_it mkdir "$APP/models"
    do_it cp -R "$SOURCE"/{device,LICENSES,LICENSE,NOTICE,README.md} "$APP"
    # Messages of Facet name these files.
    do_it cp "$SOURCE"/requirements-{pi,files,people,emoji}.txt "$APP"
    do_it cp "$SOURCE"/models/*.{tflite,json,md} "$APP/models"
    do_it chmod -R u=rwX,go=rX "$APP"/{device,models,LICENSES}
}

make_environment() {
    # An upgrade of the system may have brought another Python.
    if ! "$APP/.venv/bin/python" -c 'import pip' 2>/dev/null; then
        do_it "$PYTHON" -m venv --clear --system-site-packages "$APP/.venv"  # sees apt's Picamera2
    fi
    do_it "${PIP[@]}" -r "$SOURCE/requirements-pi.txt"
    do_it "${PIP[@]}" --no-deps -r "$SOURCE/requirements-files.txt"
    if [ -d /usr/lib/python3/dist-packages/picamera2 ] && [ -z "$DESTDIR" ] && [ -z "$dry_run" ] &&
        ! "$APP/.venv/bin/python" -c 'import simplejpeg' 2>/dev/null; then
        "${PIP[@]}" --force-reinstall --no-deps simplejpeg  # Bookworm's was compiled for NumPy 1
    fi
    if [ -z "$dry_run" ] && ! "$APP/.venv/bin/python" -c 'import cv2' 2>/dev/null; then
        stop "OpenCV does not load. Try: sudo apt install libgl1 libglib2.0-0"
    fi
    # The service may not write here, so it cannot cache compiled code itself.
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
        say "$SETTINGS is kept"
    elif [ "$dry_run" ]; then
        echo "python -m device.settings_file --service > $SETTINGS"
    else
        mkdir -p "$(dirname "$SETTINGS")"
        # Write it whole or not at all: the next run keeps any file that is there.
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
        # A unit stopped after failed starts may start again.
        do_it systemctl reset-failed facet 2>/dev/null || true
        # Do not wait: without a camera, systemd tries for a quarter of an hour.
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
    [ "$purge" ] || say "removed; $SETTINGS and $STATE are kept. Try: $0 --uninstall --purge to remove them"
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
        *) stop "unknown $argument. Try: $0 --help" ;;
    esac
done
if [ "$purge" ] && [ -z "$uninstall" ]; then stop "--purge needs --uninstall. Try: sudo $0 --uninstall --purge"; fi

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
        say "installed; settings: $SETTINGS, log: $STATE/faces.csv. Try: journalctl -fu facet"
    fi
fi
