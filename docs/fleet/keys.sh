#!/usr/bin/env bash
# Certificates and passwords of a fleet, in the folder `secrets` beside this file.
#
#     ./keys.sh init broker.example.org   # authority, certificate of the broker, users of the servers
#     ./keys.sh camera shop-12            # a new camera; prints what belongs on it
#     ./keys.sh remove shop-12            # a stolen one: it cannot connect any more
#     ./keys.sh renew broker.example.org  # a new certificate of the broker, each 2 years
#
# After `camera` and `remove` the broker reads its users again: docker compose kill -s HUP mosquitto.
# Needs OpenSSL 3. SECRETS=FOLDER names another folder. Keep ca.key off the server: whoever has it
# can be the broker.
#
# Exit codes: 0 done, 1 a step failed, 2 wrong usage.
set -Eeuo pipefail
umask 077
SECRETS=${SECRETS:-$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)/secrets}
DAYS_CA=3650 DAYS_BROKER=730

stop() { echo "keys: $*" >&2; exit 2; }
trap 'echo "keys: line $LINENO failed" >&2; exit 1' ERR

check_name() {  # as in topics of MQTT, and in Facet's [mqtt] id
    [[ $1 =~ ^[A-Za-z0-9_-]{1,64}$ ]] || stop "$1 is no id: up to 64 letters, digits, _ and -"
}

check_host() {
    [[ $1 =~ ^[A-Za-z0-9.:-]{1,64}$ ]] || stop "$1 is no name or address of a broker"
}

need_init() {
    [ -f "$SECRETS/ca.crt" ] || stop "no authority in $SECRETS. Try: ./keys.sh init broker.example.org"
}

make_authority() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$SECRETS/ca.key"
    openssl req -x509 -new -sha256 -key "$SECRETS/ca.key" -days "$DAYS_CA" -subj "/CN=Facet fleet" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$SECRETS/ca.crt"
}

make_certificate() {  # of the broker, for the name or address by which cameras call it
    local host=$1 kind=DNS
    [[ $host =~ ^[0-9.]+$ || $host == *:* ]] && kind=IP
    openssl ecparam -name prime256v1 -genkey -noout -out "$SECRETS/broker/broker.key.new"
    openssl req -new -sha256 -key "$SECRETS/broker/broker.key.new" -subj "/CN=$host" -out "$SECRETS/broker.csr"
    openssl x509 -req -sha256 -in "$SECRETS/broker.csr" -CA "$SECRETS/ca.crt" -CAkey "$SECRETS/ca.key" \
        -CAcreateserial -days "$DAYS_BROKER" -out "$SECRETS/broker/broker.crt.new" 2>/dev/null -extfile <(
        # `mosquitto` is its name among the containers, where the ingest is.
        echo "subjectAltName=$kind:$host,DNS:mosquitto"
        echo "basicConstraints=critical,CA:FALSE"
        echo "keyUsage=critical,digitalSignature"
        echo "extendedKeyUsage=serverAuth"
        echo "authorityKeyIdentifier=keyid"
        echo "subjectKeyIdentifier=hash"
    )
    rm "$SECRETS/broker.csr"
    mv "$SECRETS/broker/broker.key.new" "$SECRETS/broker/broker.key"
    mv "$SECRETS/broker/broker.crt.new" "$SECRETS/broker/broker.crt"
    echo "$host" >"$SECRETS/host"
}

add_user() {  # Mosquitto's form: PBKDF2 with SHA-512; the password is random, so 101 rounds are enough
    local name=$1 file=$2 password salt hex hash
    password=$(openssl rand -hex 24)
    salt=$(openssl rand -base64 12)
    hex=$(printf '%s\n' "$salt" | openssl base64 -d | od -An -v -tx1 | tr -d ' \n')
    hash=$(openssl kdf -keylen 64 -kdfopt digest:SHA512 -kdfopt "pass:$password" \
        -kdfopt "hexsalt:$hex" -kdfopt iter:101 -binary PBKDF2 | openssl base64 -A)
    drop_user "$name"
    # shellcheck disable=SC2016
    printf '%s:$7$101$%s$%s\n' "$name" "$salt" "$hash" >>"$SECRETS/broker/passwords"
    printf '%s\n' "$password" >"$file"
}

drop_user() {
    touch "$SECRETS/broker/passwords"
    grep -v "^$1:" "$SECRETS/broker/passwords" >"$SECRETS/passwords.new" || true
    cat "$SECRETS/passwords.new" >"$SECRETS/broker/passwords"  # its owner stays the broker's user
    rm "$SECRETS/passwords.new"
}

init() {
    check_host "$1"
    [ ! -f "$SECRETS/ca.key" ] || stop "$SECRETS has an authority already. Try: ./keys.sh renew $1"
    mkdir -p "$SECRETS/cameras" "$SECRETS/broker"
    make_authority
    make_certificate "$1"
    add_user ingest "$SECRETS/ingest.password"
    local postgres facet reader admin
    postgres=$(openssl rand -hex 24) facet=$(openssl rand -hex 24)
    reader=$(openssl rand -hex 24) admin=$(openssl rand -hex 24)
    printf 'POSTGRES_PASSWORD=%s\nFACET_PASSWORD=%s\nREADER_PASSWORD=%s\n' \
        "$postgres" "$facet" "$reader" >"$SECRETS/postgres.env"
    printf 'PGPASSWORD=%s\n' "$facet" >"$SECRETS/ingest.env"
    printf 'READER_PASSWORD=%s\nGF_SECURITY_ADMIN_PASSWORD=%s\n' "$reader" "$admin" \
        >"$SECRETS/grafana.env"
    echo "keys: made $SECRETS; cameras trust $SECRETS/ca.crt" >&2
}

camera() {
    check_name "$1"
    need_init
    [ "$1" != ingest ] || stop "ingest is the user of the ingest"
    add_user "$1" "$SECRETS/cameras/$1.password"
    cat <<SETTINGS
# On the camera $1: /etc/facet-mqtt.pem, from $SECRETS/ca.crt
# On the camera $1: /etc/facet-mqtt.password, readable for root and the group facet:
$(cat "$SECRETS/cameras/$1.password")
# On the camera $1: these lines of /etc/facet.toml. For a row per visit in place of counts:
# privacy = "visits", and events = "/var/lib/facet/visits.csv" in [outputs].
privacy = "counts"
[counts]
file = "/var/lib/facet/counts.csv"
[mqtt]
host = "$(cat "$SECRETS/host")"
tls = true
ca_file = "/etc/facet-mqtt.pem"
user = "$1"
password_file = "/etc/facet-mqtt.password"
id = "$1"
discovery = ""
resend_s = 120
SETTINGS
}

remove() {
    check_name "$1"
    need_init
    grep -q "^$1:" "$SECRETS/broker/passwords" || stop "no user $1 in $SECRETS/broker/passwords"
    drop_user "$1"
    rm -f "$SECRETS/cameras/$1.password"
    echo "keys: removed $1" >&2
}

case ${1:-} in
    init | camera | remove | renew) [ $# = 2 ] || stop "$1 needs one name. Try: ./keys.sh --help" ;;
esac
case ${1:-} in
    init) init "$2" ;;
    camera) camera "$2" ;;
    remove) remove "$2" ;;
    renew) check_host "$2"; need_init; make_certificate "$2"; echo "keys: renewed, restart the broker" >&2 ;;
    --help | -h) sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" ;;
    *) stop "unknown command '${1:-}'. Try: ./keys.sh --help" ;;
esac
