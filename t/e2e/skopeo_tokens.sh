#!/bin/bash
#
# skopeo: the same with tokens, as conf.example/tokens.conf has them.

example=tokens.conf

. "$(dirname "$0")/skopeo.sh"
