#!/usr/bin/env bash
# The database and its roles, once, when the container's data folder is empty. On a server of your
# own: FACET_PASSWORD=... READER_PASSWORD=... sudo -E -u postgres ./roles.sh
#
#   facet    owns the database facet; the ingest
#   grafana  reads its tables; `python -m device.fleet setup --reader grafana` says which
set -euo pipefail
psql -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
CREATE ROLE facet LOGIN PASSWORD '${FACET_PASSWORD:?}';
CREATE ROLE grafana LOGIN PASSWORD '${READER_PASSWORD:?}';
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
CREATE DATABASE facet OWNER facet;
REVOKE CONNECT ON DATABASE facet FROM PUBLIC;
GRANT CONNECT ON DATABASE facet TO grafana;
SQL
