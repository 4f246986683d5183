#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh quick|interrupted|refused PROGRAM: runs the example in a folder of its own, and looks at what it does.
set -eu
part=$1
program=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
out=$folder/out

fail() {
  echo "failed: $*" >&2
  cat "$folder"/*.log >&2 || true
  exit 1
}
# status_of COMMAND...: its exit code, its output in $folder/last.log
status_of() {
  status=0
  "$@" >"$folder/last.log" 2>&1 || status=$?
}

case $part in
quick)
  status_of "$program" --quick --out "$out"
  [ $status -eq 0 ] || fail "exit code $status, expected 0"
  [ "$(ls "$out/runs" | wc -l)" -eq 13 ] || fail "expected 13 results: dense once, six methods at two sparsities"
  [ "$(ls "$out/pictures" | wc -l)" -eq 4 ] || fail "expected 4 pictures"
  grep -q '"reloaded": true' "$out/runs/pst-s0.9-seed1.json" || fail "the saved model was not checked"

  rm "$out/runs/pst-s0.9-seed1.json"
  cp "$out/runs/movement-s0.9-seed1.json" "$folder/before"
  status_of "$program" --quick --out "$out"
  [ $status -eq 0 ] || fail "exit code $status of the second run, expected 0"
  [ "$(grep -c '^done' "$folder/last.log")" -eq 1 ] || fail "expected that only the missing run is done again"
  cmp "$folder/before" "$out/runs/movement-s0.9-seed1.json" || fail "a finished run was written again"
  ;;
interrupted)
  "$program" --quick --steps 100000 --methods pst --sparsity 0.9 --out "$out" >"$folder/first.log" 2>&1 &
  pid=$!
  tries=0
  while [ ! -e "$out/pretrained.safetensors" ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || fail "no checkpoint after a minute"
    sleep 0.1
  done
  sleep 0.5
  kill -INT $pid
  status=0
  wait $pid || status=$?
  [ $status -eq 130 ] || fail "exit code $status after Ctrl-C, expected 130"
  [ -z "$(ls "$out/runs")" ] || fail "an interrupted run left a result"
  [ -z "$(find "$out" -name '*.tmp')" ] || fail "a half-written file was left"
  ;;
refused)
  status_of "$program" --quick --methods dense --weighted-by nothing --out "$out"
  [ $status -eq 0 ] || fail "exit code $status, expected 0"
  grep -q 'note: none of --methods has --weighted-by' "$folder/last.log" || fail "expected a note that names the option"
  status_of "$program" --quick --methods dense --labels 5 --out "$out"
  [ $status -eq 1 ] || fail "exit code $status with other settings, expected 1"
  grep -q 'error: --out .* holds results with labels = 30, this run has labels = 5: give another --out' \
    "$folder/last.log" || fail "expected an error that names what differs"
  status_of "$program" --quick --methods dense --out "$folder"
  [ $status -eq 1 ] || fail "exit code $status in a folder of other files, expected 1"
  status_of "$program" --methods nonsense --out "$folder/new"
  [ $status -eq 1 ] || fail "exit code $status for an unknown method, expected 1"
  grep -q 'error: --methods has "nonsense", expected some of: dense, magnitude' "$folder/last.log" || fail "error text"
  status_of "$program" --weighted-by luck --out "$folder/new"
  [ $status -eq 1 ] || fail "exit code $status for a ranking that there is not, expected 1"
  grep -q 'error: weighted_by is "luck", expected' "$folder/last.log" || fail "error text"
  status_of "$program" --sparsity 2
  [ $status -eq 2 ] || fail "exit code $status for a bad argument, expected 2"
  ;;
*) fail "unknown part $part" ;;
esac
