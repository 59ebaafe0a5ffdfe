#!/usr/bin/env bash
# End the Slurm that slurm_up.sh began in DIR, and every process on it. What it wrote stays.
set -eu
[ $# = 1 ] || { echo "slurm_down.sh DIR" >&2; exit 2; }
dir=$(cd "$1" && pwd -P)
[ -e "$dir/pid" ] || { echo "$dir: no Slurm was begun here" >&2; exit 2; }
pid=$(cat "$dir/pid")
# Its first process ends with it, and with that all the others. A number may be another's by now.
if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$dir/first"; then
    kill -KILL "$pid"
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
fi
rm "$dir/pid" "$dir/enter"
