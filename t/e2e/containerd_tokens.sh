#!/bin/bash
#
# containerd, by ctr: the same with tokens, as conf.example/tokens.conf has them.

example=tokens.conf

. "$(dirname "$0")/containerd.sh"
