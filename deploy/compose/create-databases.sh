#!/bin/sh
# Run once by the image of PostgreSQL, when its data directory is new.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set password `cat /run/secrets/database_password`
CREATE ROLE fpservice LOGIN PASSWORD :'password';
CREATE DATABASE app OWNER fpservice;
CREATE DATABASE fingerprint OWNER fpservice;
CREATE DATABASE ingest OWNER fpservice;
-- For a copy of MusicBrainz, which the service only reads.
CREATE DATABASE musicbrainz;
GRANT pg_read_all_data TO fpservice;
SQL
