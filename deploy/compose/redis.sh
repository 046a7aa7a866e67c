#!/bin/sh
# Redis reads its configuration here, because anybody may read the arguments of a process.
set -eu
{
    printf 'requirepass "%s"\n' "$(cat /run/secrets/redis_password)"
    # Limits and caches: what is lost is counted or fetched anew.
    printf 'save ""\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy allkeys-lru\n'
} | exec redis-server -
