#!/bin/sh
# The image of Postgres runs this script once for a new database. It creates the role of the group (no superuser) and
# its database.
set -eu
psql --no-psqlrc --username=postgres --set=ON_ERROR_STOP=1 \
  --set=name="$GROUP_NAME" --set=password="$GROUP_PASSWORD" <<'SQL'
create role :"name" login password :'password';
create database :"name" owner :"name";
revoke all on database :"name" from public;
SQL
