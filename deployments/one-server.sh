#!/bin/sh
# Start everything of compose.yaml on this server: passwords once, build, start, say where it is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
secrets=$here/.env

if [ ! -f "$here/tonescribe.toml" ]; then
  echo "First: cp deployments/tonescribe.example.toml deployments/tonescribe.toml, and edit it." >&2
  exit 2
fi
if [ ! -f "$secrets" ]; then
  umask 077
  for name in DATABASE_PASSWORD STORE_PASSWORD REVIEW_TOKEN; do
    echo "$name=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
  done > "$secrets"
  echo "STORE_USER=tonescribe" >> "$secrets"
fi
docker compose --env-file "$secrets" -f "$here/compose.yaml" up --build --detach
token=$(sed -n 's/^REVIEW_TOKEN=//p' "$secrets")
echo "Prefect: http://localhost:4200"
echo "Review:  http://localhost:8791/?token=$token"
echo "From another machine: ssh -L 8791:localhost:8791 THIS_SERVER"
