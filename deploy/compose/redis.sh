#!/bin/sh
# Redis reads its configuration here, because anybody may read the arguments of a process.
set -eu
umask 077
configuration=$(mktemp)
{
    printf 'requirepass "%s"\n' "$(cat /run/secrets/redis_password)"
    # Limits and caches: what is lost is counted or fetched anew.
    printf 'save ""\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy allkeys-lru\n'
} > "$configuration"
# In place of this shell, so that it gets the signals of a stop.
exec redis-server "$configuration"
