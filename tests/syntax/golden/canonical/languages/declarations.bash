#!/usr/bin/env bash
set -e
source ./lib.sh
readonly LIMIT=40
NAMES=(left right)

# Prints how it is used.
# Twice.
usage() {
  echo "usage: $0 of ${LIMIT}" >&2
}

function walk {
  local item
  # Not of a function.
  for item in "${NAMES[@]}"; do
    [ -f "$item" ] && continue
    count=$(wc -l < "$item")
    count=$((count + 1))
  done
  while read -r line; do
    printf '%s\n' "$line" | sort
    break
  done < list.txt
}

main() (
  walk "$@" || exit 1
)

main "$@"
