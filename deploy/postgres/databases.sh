#!/bin/sh
# One database and one user for each service, and one user who owns all tables: run once by the
# image, when the volume is empty. A service can reach its own database and no other. It owns
# nothing there: migrations run as the owner, and grant it what it needs.
set -eu

secrets="${SECRETS:-/run/secrets}"

run() {
    # By way of variables of psql, which quotes them: the password is never part of the text.
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
        --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
        --set=role="$1" --set=password="$(cat "$secrets/$2")"
}

run latchkey_owner owner_database_password <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
SQL

for service in catalog connector policy requests; do
    run "$service" "${service}_database_password" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"role" OWNER latchkey_owner;
REVOKE ALL ON DATABASE :"role" FROM PUBLIC;
SQL
done
