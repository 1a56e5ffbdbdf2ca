#!/bin/sh
# keyring.sh [SRC BIN]: the long form of tests/keyring/stalls.sh. gnome-keyring stopped at every D-Bus
# message of an agent that starts, renews and renews again; 300 renewals beside store status.
# KF_FAULTS_N: renewals. KF_FAULTS_POINTS: the messages.
# Prints lines RESULT <scenario> <tried> <lost> <worst wait in s>.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
src=${1:-$here/../..}
KF_FAULTS_N=${KF_FAULTS_N:-300} KF_FAULTS_POINTS=${KF_FAULTS_POINTS:-$(seq -s ' ' 8 48)}
export KF_FAULTS_N KF_FAULTS_POINTS
exec "$here/../keyring/stalls.sh" "$src" "${2:-$src/build/bin}"
