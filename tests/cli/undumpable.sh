#!/usr/bin/env bash
# Memory and cores of every program of ours: see undumpable.py.
exec python3 -B "$1/tests/cli/undumpable.py" "$2"
