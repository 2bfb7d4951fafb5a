#!/bin/bash
#
# Repositories: who owns them.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

reg tenant set acme

prints "repository set names an owner" "" \
    reg repository set 'acme/**' --owner acme --label project=apollo
says "who need not be there yet" "there is no tenant globex yet" \
    reg repository set '~^shared/v[0-9]+$' --owner globex
prints "repository list" \
   "PATTERN            OWNER   LABELS
acme/**            acme    project=apollo
~^shared/v[0-9]+\$  globex  -" reg repository list
is "$(reg repository list --format json | jq -c '.[0]')" \
   '{"pattern":"acme/**","owner":"acme","labels":{"project":"apollo"}}' \
   "as JSON, too"
prints "repository show" \
   "pattern  acme/**
owner    acme
labels   project=apollo" reg repository show 'acme/**'

prints "a record keeps what is not named" "" \
    reg repository set 'acme/**' --label stage=prod --unlabel project
is "$(jq -c '.repositories."acme/**"' "$store")" \
   '{"version":1,"pattern":"acme/**","owner":"acme","labels":{"stage":"prod"}}' \
   "and its form in the store"
says "what is so already is no change" \
    "nothing to do: repository acme/\*\* is like that" \
    reg repository set 'acme/**' --owner acme
refuses "a new pattern needs an owner" 2 "--owner is missing" \
    reg repository set other
refuses "a pattern is one" 2 \
    'repository "a b": pattern: byte 0x20 at byte 2 of the pattern; a name has letters, digits and . _ / : @ -' \
    reg repository set 'a b' --owner acme
refuses "and needs no escapes" 2 \
    'repository "~v\d": pattern: holds a backslash or a quote: write [0-9] for \d, [.] for \.' \
    reg repository set '~v\d' --owner acme
refuses "an owner is a name" 2 \
    'repository "a": owner: is no name: [a-z0-9][a-z0-9._-]{0,62}' \
    reg repository set a --owner A
refuses "none is none" 1 "there is no repository a" reg repository show a

reg store export > "$dir/backup"
prints "repository remove" "" reg repository remove 'acme/**'
refuses "removes it once" 1 "there is no repository acme/**" \
    reg repository remove 'acme/**'
says "a backup has it" ".*" reg store import "$dir/backup"
is "$(reg repository list --format json | jq length)" 2 "and brings it back"

cat > "$dir/file" <<'END'
{"version":1,"repositories":{"new/*":{"owner":"acme"},
                             "acme/**":{"labels":null}}}
END
is "$(reg apply -f "$dir/file" --dry-run --prune)" \
   "create repository new/*
change repository acme/**: labels
remove repository ~^shared/v[0-9]+\$" "apply has them, too"

finish
