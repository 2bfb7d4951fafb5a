#!/bin/bash
#
# What aborted.sh has, where Redis is a cluster.

ABORTED_CLUSTER=1
. "$(dirname "$0")/aborted.sh"
