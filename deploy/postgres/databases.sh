#!/bin/sh
# One database and one user for each service: run once by the image, when the volume is empty.
# A service can reach its own database and no other.
set -eu

secrets="${SECRETS:-/run/secrets}"

for service in catalog connector policy requests; do
    # By way of a variable of psql, which quotes it: the password is never part of the text.
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
        --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
        --set=service="$service" --set=password="$(cat "$secrets/${service}_database_password")" <<'SQL'
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"service";
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
done
