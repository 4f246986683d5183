#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A small GPT-2 made and pretrained here, then E2E by several methods, with the sentences that each writes scored. Steps
# that are finished are kept, so it goes on when called again.
#
#   sh gpt2.sh PROGRAM DATA OUT [THREADS [METHOD...]]
#
# PROGRAM is pst-finetune. DATA has e2e/valid.txt and e2e/test.txt (meaning||sentence), gpt2_vocab/, tinyshakespeare.txt, and
# the folders rte and sst2 of GLUE. METHODs are some of pst-finetune (rate_of, below); pst and magnitude prune 90 %. Rates are five
# times the defaults, ten times for full: the model is small. Needs python3.
set -eu
[ $# -ge 3 ] || { sed -n '3,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
program=$1 data=$2 out=$3 threads=${4:-1}
[ $# -ge 4 ] && shift 4 || shift 3
[ $# -gt 0 ] || set -- full pst magnitude lora bitfit pfeiffer prefix
# rate_of METHOD
rate_of() {
  case $1 in
    full | pst | magnitude | lora | dora) echo 1e-3 ;;
    bitfit | norms | masking) echo 5e-3 ;;
    houlsby | pfeiffer | parallel) echo 1.5e-3 ;;
    prefix | prompt) echo 5e-2 ;;
    *) echo "there is no rate for the method $1 here" >&2 && return 2 ;;
  esac
}
for method in "$@"; do rate_of "$method" >/dev/null; done
mkdir -p "$out/text" "$out/e2e"

[ -f "$out/random/model.safetensors" ] || python3 "$(dirname "$0")/make_gpt2.py" "$data/gpt2_vocab" "$out/random"
column2() { tail -n +2 "$1" | cut -f 2; }
{
  cat "$data/tinyshakespeare.txt"
  column2 "$data/rte/train.tsv"
  column2 "$data/sst2/train.tsv" | awk 'length > 140'
} >"$out/text/train.txt"
{
  column2 "$data/rte/dev.tsv"
  column2 "$data/sst2/dev.tsv"
} >"$out/text/valid.txt"
# Every tenth meaning is for dev.
rm -f "$out/e2e/train.txt" "$out/e2e/valid.txt" "$out/e2e/test.txt"
awk -F '[|][|]' -v out="$out/e2e" '!($1 in n) { n[$1] = c++ }
  { print > (out (n[$1] % 10 == 9 ? "/valid.txt" : "/train.txt")) }' "$data/e2e/valid.txt"
cp "$data/e2e/test.txt" "$out/e2e/test.txt"

[ -d "$out/pretrained" ] || "$program" train --model "$out/random" --task text --data "$out/text" --method full \
  --train-embeddings --rate 2e-3 --rate-warmup 0.05 --max-length 128 --batch 8 --epochs 2 --dev-limit 100 \
  --threads "$threads" --out "$out/base" --to-folder "$out/pretrained"
for method in "$@"; do
  case $method in
    pst | magnitude) sparsity="--sparsity 0.9" ;;
    *) sparsity= ;;
  esac
  # shellcheck disable=SC2086  # two words, or none
  [ -f "$out/$method/result.json" ] || "$program" train --model "$out/pretrained" --task e2e --data "$out/e2e" --epochs 4 \
    --batch 16 --evaluate-every 2000 $sparsity --method "$method" --rate "$(rate_of "$method")" --threads "$threads" --out "$out/$method" ||
    [ $? -eq 3 ]  # it is done, and has learnt nothing
  [ -f "$out/$method.jsonl" ] || "$program" generate --run "$out/$method" --task e2e --data "$out/e2e" --part test \
    --recipe paper --limit 200 --max-new-tokens 64 --out "$out/$method.jsonl" | tee "$out/$method.scores"
done
