#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh trained|interrupted|killed|refused|searched|taught|exported|masked PROGRAM DATA: runs the program on a model of
# random weights and a task that is made here, in a folder of its own, and looks at what it does. DATA is tests/finetune/data.
set -eu
part=$1
program=$2
data=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
out=$folder/out

fail() {
  echo "failed: $*" >&2
  cat "$folder"/*.log "$folder"/last.out >&2 || true
  exit 1
}
# status_of COMMAND...: its exit code, its output in $folder/last.log, its results in $folder/last.out
status_of() {
  status=0
  "$@" >"$folder/last.out" 2>"$folder/last.log" || status=$?
}

# trained: whether train is done; what its model has learnt in a few steps does not matter
trained() {
  [ $status -eq 0 ] || [ $status -eq 3 ]
}

# A model of 40 tokens, and sentences that are positive where they have more of the letters a to m than of n to z.
mkdir "$folder/model" "$folder/task"
cp "$data/bert/config.json" "$data/bert/model.safetensors" "$folder/model"
{
  printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n'
  for token in a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7 8 9; do echo $token; done
} >"$folder/model/vocab.txt"
awk 'BEGIN {
  srand(7)
  for (file = 0; file < 2; ++file) {
    name = ARGV[1] (file == 0 ? "/train.tsv" : "/dev.tsv")
    print "sentence\tlabel" > name
    for (row = 0; row < (file == 0 ? 96 : 32); ++row) {
      text = ""
      positive = rand() < 0.5
      for (word = 0; word < 3 + int(rand() * 6); ++word)
        text = text substr("abcdefghijklmnopqrstuvwxyz", 1 + int(rand() * 13) + ((rand() < 0.9) == positive ? 0 : 13), 1) " "
      print text "\t" positive > name
    }
  }
}' "$folder/task"

# A program of its own, so that a signal reaches it.
cat >"$folder/train" <<END
exec "$program" train --model "$folder/model" --task sst2 --data "$folder/task" --batch 8 --steps 40 \
  --evaluate-every 10 --sparsity 0.5 --threads 1 --new-head "\$@"
END
run="sh $folder/train"
long="--method pst --scores sample-2 --refresh every-3 --steps 3000 --evaluate-every 500"

case $part in
masked)
  status_of $run --method magnitude --out "$folder/pruned" --to-folder "$folder/sparse"
  trained || fail "exit code $status of pruning, expected 0 or 3"
  few="$program train --model $folder/sparse --task sst2 --data $folder/task --batch 8 --steps 20 --threads 1"
  status_of $few --method lora --modules query,value@9 --out "$out"
  [ $status -eq 1 ] && grep -q 'value@9.* means blocks 9 to 9' "$folder/last.log" || fail "expected a refused pattern"
  status_of $few --method houlsby --to-folder "$folder/none" --out "$folder/not_begun"
  [ $status -eq 1 ] && grep -q 'error: --to-folder is given, but the adapter houlsby' "$folder/last.log" && [ ! -e "$folder/not_begun" ] ||
    fail "expected a refusal before an adapter trains that no folder holds"
  status_of $few --method bitfit --lose-at-most 3 --dry-run
  [ $status -eq 1 ] && grep -q 'error: the method is bitfit, which prunes no weight' "$folder/last.log" ||
    fail "expected that a search is refused in a dry run too"
  status_of $few --method lora --keep-mask --sparsity 0.5 --out "$out"
  [ $status -eq 1 ] || fail "expected that --keep-mask and --sparsity are refused together"
  status_of $few --method lora --keep-mask --rate 1e-2 --out "$out"
  trained || fail "exit code $status with --keep-mask, expected 0 or 3"
  grep -q '"sparsity": 0.5' "$out/result.json" || fail "expected the sparsity of the folder"
  status_of "$program" export --run "$out" --to-task-file "$folder/delta"
  [ $status -eq 0 ] || fail "exit code $status of export, expected 0"
  status_of "$program" merge --task-file "$folder/delta" --base "$folder/sparse" --to-folder "$folder/merged" --type bf16
  [ $status -eq 0 ] || fail "exit code $status of merge, expected 0"
  before=$(sed -n 's/^  zeros: \([0-9]*\) of .* before, .*/\1/p' "$folder/last.out")
  after=$(sed -n 's/^  zeros: .* before, \([0-9]*\) after/\1/p' "$folder/last.out")
  [ -n "$before" ] && [ "$before" -gt 0 ] && [ "$before" = "$after" ] || fail "$before zeros before, $after after"
  grep -q '^  changed: [1-9].* rounding to bf16 lost' "$folder/last.out" || fail "expected what rounding lost"
  status_of "$program" merge --task-file "$folder/delta" --base "$folder/model" --to-folder "$folder/wrong"
  [ $status -eq 1 ] && [ ! -e "$folder/wrong" ] || fail "expected a refusal of another base"
  ;;
trained)
  status_of $run --method pst --rate 2e-3 --out "$out"
  trained || fail "exit code $status, expected 0 or 3"
  for file in settings.json metrics.jsonl metrics.csv curves.svg result.json last/state.safetensors \
    best/state.safetensors; do
    [ -s "$out/$file" ] || fail "$file is missing"
  done
  grep -q '"sparsity": 0.5' "$out/result.json" || fail "expected half of the weights to be zero"
  ! grep -q '^warning: .* of the weights are zero' "$folder/last.log" || fail "expected no warning"
  grep -q '^verdict: accuracy 0\.[0-9]* (standard error 0\.[0-9]*), always "[a-z]*" 0\.' "$folder/last.log" ||
    fail "expected a verdict"
  grep -q '^trains .* of the model' "$folder/last.log" || fail "expected a line of what trains"
  grep -q '^| pst | sst2 | 0\.[0-9]* |' "$folder/last.out" || fail "expected a table"
  cp "$out/last/state.safetensors" "$folder/before"
  status_of $run --method pst --rate 2e-3 --out "$out"
  trained || fail "exit code $status of a finished run, expected 0 or 3"
  cmp "$folder/before" "$out/last/state.safetensors" || fail "a finished run was changed"
  status_of $run --task sentences --method pst --out "$folder/own" --to-folder "$folder/own_model"
  trained && grep -q '"task": "sentences:0,1"' "$folder/own/settings.json" || fail "expected the labels of the file as classes"
  status_of "$program" eval --run "$folder/own"
  [ $status -eq 0 ] || fail "exit code $status of eval of a task of one's own, expected 0"
  status_of "$program" eval --model "$folder/own_model" --task sentences --data "$folder/task" --weights dense
  [ $status -eq 0 ] || fail "exit code $status of eval with the classes of a folder, expected 0"
  status_of $run --method pst --dry-run --to-folder "$folder/never/made"
  [ $status -eq 0 ] || fail "exit code $status of --dry-run, expected 0"
  grep -q '^memory' "$folder/last.out" || fail "expected an estimate of memory"
  [ ! -e "$folder/never" ] || fail "--dry-run made a folder"
  status_of $run --method pst --recompute --out "$folder/again" --to-folder "$folder/sparse"
  trained || fail "exit code $status with --to-folder, expected 0 or 3"
  [ -s "$folder/sparse/model.safetensors" ] && [ -s "$folder/sparse/vocab.txt" ] || fail "expected a folder of a model"
  grep -q '^  zeros: .* 50.00 %' "$folder/last.out" || fail "expected a count of zeros"
  status_of $run --method pst --out "$folder/third" --to-folder "$folder/sparse"
  [ $status -eq 1 ] && [ ! -e "$folder/third" ] || fail "expected a refusal before the run begins"
  status_of $run --method pst --rate 1e-12 --seed 1 --out "$folder/nothing"
  [ $status -eq 3 ] && grep -q '^verdict: .*: has learnt nothing; the dense phase .* try --rate [0-9.e-]*, then --steps 3000$' \
    "$folder/last.log" || fail "exit code $status of a run that learns nothing, expected 3 and a verdict"
  grep -q 'warning: every prediction is "[a-z]*": the dense phase ends without having learnt the task; try --rate ' \
    "$folder/last.log" || fail "expected a warning before the first weight is pruned"
  grep -q '"learnt": false' "$folder/nothing/result.json" || fail "expected a verdict in result.json"
  ln -s model "$folder/link"
  for base in "$folder/model" "$folder/link" "$folder/task/../model/"; do
    status_of $run --method pst --out "$folder/third" --to-folder "$base"
    [ $status -eq 1 ] && [ ! -e "$folder/third" ] || fail "exit code $status with --to-folder $base, expected 1"
    grep -q 'error: .*: is of the model that the run began from' "$folder/last.log" || fail "error text"
  done
  ;;
interrupted | killed)
  signal=TERM  # a shell lets its background ignore Ctrl-C
  [ "$part" = interrupted ] || signal=KILL
  $run $long --out "$folder/whole" \
    >"$folder/whole.log" 2>&1 || [ $? -eq 3 ] || fail "expected a whole run"
  for turn in 1 2 3; do
    $run $long --save-every 7 --out "$out" >"$folder/part.log" 2>&1 &
    pid=$!
    tries=0
    before=$(cksum "$out/last/state.safetensors" 2>/dev/null || true)
    while [ "$before" = "$(cksum "$out/last/state.safetensors" 2>/dev/null || true)" ]; do
      tries=$((tries + 1))
      [ $tries -lt 600 ] || fail "no state after a minute"
      sleep 0.1
    done
    kill -$signal $pid
    status=0
    wait $pid || status=$?
    [ $signal = KILL ] || [ $status -eq 143 ] || fail "exit code $status after SIGTERM, expected 143"
  done
  [ ! -e "$out/result.json" ] || fail "the run was over before it was interrupted for the last time"
  $run $long --out "$out" \
    >"$folder/rest.log" 2>&1 || [ $? -eq 3 ] || fail "expected the rest of the run"
  grep -q 'goes on from step [1-9]' "$folder/rest.log" || fail "expected the run to go on"
  for which in last best; do
    cmp "$folder/whole/$which/state.safetensors" "$out/$which/state.safetensors" ||
      fail "the interrupted run has another $which state"
  done
  [ -z "$(find "$out" -name '*.tmp')" ] || fail "a half-written file was left"
  ;;
refused)
  status_of $run --method magnitude --steps 2 --out "$out"
  trained || fail "exit code $status, expected 0 or 3"
  status_of $run --method magnitude --steps 3 --out "$out"
  [ $status -eq 1 ] || fail "exit code $status with other settings, expected 1"
  grep -q 'error: .*holds a run with other settings (steps = 2 there, 3 here)' "$folder/last.log" || fail "error text"
  grep -q 'the length of a run, so that it cannot be changed: give another --out .*export --to-folder' "$folder/last.log" ||
    fail "expected the way out for a longer run"
  status_of $run --steps 3 --epochs 2 --out "$folder/new"
  [ $status -eq 1 ] && grep -q 'error: --steps and --epochs are given' "$folder/last.log" || fail "accepted both lengths"
  status_of $run --out "$folder/task"
  [ $status -eq 1 ] || fail "exit code $status in a folder of other files, expected 1"
  status_of $run --method nonsense --out "$folder/new"
  [ $status -eq 1 ] || fail "exit code $status for an unknown method, expected 1"
  [ ! -e "$folder/new" ] || fail "a refused run made a folder"
  status_of $run --method pst --delta-start normal --beta 1e21 --out "$folder/new"
  [ $status -eq 1 ] || fail "exit code $status of a run that diverges, expected 1"
  grep -q 'error: step [0-9]* of 40: ' "$folder/last.log" || fail "expected an error that names the step"
  mkdir "$folder/empty"
  status_of $run --model "$folder/empty" --dry-run
  [ $status -eq 1 ] && grep -q 'error: .*/empty: has no config.json, expected a Hugging Face' "$folder/last.log" ||
    fail "expected a refusal of an empty folder"
  status=0
  $run --dry-run >/dev/full 2>"$folder/last.log" || status=$?
  [ $status -eq 1 ] && grep -q 'error: standard output: cannot be written' "$folder/last.log" ||
    fail "exit code $status where results are lost, expected 1"
  status_of "$program" trian
  [ $status -eq 2 ] && grep -q 'there is no command trian, expected .*; did you mean train?' "$folder/last.log" ||
    fail "exit code $status for an unknown command, expected 2 and the nearest"
  status_of "$program" --version
  [ $status -eq 0 ] && grep -q '^pst-finetune [0-9]*\.[0-9]*\.[0-9]*$' "$folder/last.out" || fail "expected a version"
  status_of $run --batch many --out "$folder/new"
  [ $status -eq 2 ] || fail "exit code $status for a bad argument, expected 2"
  status_of $run --seed -1 --out "$folder/new2"
  [ $status -eq 2 ] && grep -q -e '--seed: -1 is no whole number' "$folder/last.log" || fail "expected a refusal of --seed"
  status_of $run --rate 0 --out "$folder/new2"
  [ $status -eq 1 ] && grep -q 'error: the rate is 0' "$folder/last.log" || fail "expected a refusal of --rate"
  status_of $run --seed 18446744073709551616 --out "$folder/new2"
  [ $status -eq 2 ] && grep -q -e '--seed: .* is no whole number from 0 to' "$folder/last.log" || fail "expected a refusal of --seed"
  for options in "--method magnitude --delta-rank 4" "--method pst --penalty 1" "--method lora" "--fused" \
    "--schedule constant --warmup 0.1" "--schedule linear --cooldown 0.2"; do
    status_of $run $options --out "$folder/new2"
    [ $status -eq 1 ] && grep -q 'error: --[-a-z]* is given, but ' "$folder/last.log" || fail "accepted: $options"
  done
  status_of $run --method magnitude --recipe paper --steps 2 --out "$folder/recipe"  # which has --score-rate
  trained || fail "exit code $status of magnitude with a recipe, expected 0 or 3"
  [ ! -e "$folder/new2" ] || fail "a refused run made a folder"
  ;;
searched)
  search="$run --method magnitude --steps 120 --rate 2e-3 --dense-rate 2e-3 --lose-at-most 100 --out $out"
  status_of $search --sparsity 0.5,0.8 --to-folder "$folder/sparse"
  [ $status -eq 0 ] || fail "exit code $status of a search, expected 0"
  for file in search.json search.svg dense/result.json sparsity-0.5/result.json sparsity-0.8/result.json; do
    [ -s "$out/$file" ] || fail "$file is missing"
  done
  grep -q '^verdict: 80 % is the sparsest that was tried within 100.0 points of dense: accuracy ' "$folder/last.log" ||
    fail "expected a verdict"
  grep -q '^| 80 % | 0\.[0-9]* |' "$folder/last.out" || fail "expected a table"
  grep -q '^  zeros: .* 79.9[0-9] %' "$folder/last.out" || fail "expected a folder of the sparsest"
  cp "$out/sparsity-0.5/last/state.safetensors" "$folder/before"
  status_of $search --sparsity 0.5,0.6
  [ $status -eq 0 ] && cmp "$folder/before" "$out/sparsity-0.5/last/state.safetensors" || fail "a finished run was changed"
  status_of $run --sparsity 0.5,0.6 --out "$folder/task"
  [ $status -eq 1 ] && grep -q 'holds other files than those of a search' "$folder/last.log" || fail "accepted a folder"
  for options in "--sparsity 0.5," "--sparsity half" "--sparsity 0,0.5" "--method lora --lose-at-most 2" \
    "--dense-rate 1" "--temperature 2"; do
    status_of $run $options --out "$folder/new"
    [ $status -eq 1 ] && [ ! -e "$folder/new" ] || fail "accepted: $options"
  done
  status_of $run --method full --sparsity 0.5 --steps 120 --rate 2e-3 --out "$folder/new"
  [ $status -eq 1 ] || fail "accepted a sparsity of a dense method"
  ;;
taught)
  status_of $run --method pst --rate 2e-3 --steps 60 --teacher "$folder/model" --out "$out"
  [ $status -eq 1 ] && grep -q 'error: the task sst2 has 2 labels, the model has 3' "$folder/last.log" ||
    fail "accepted a teacher for another task"
  sed 's/ --sparsity 0.5//' "$folder/train" >"$folder/train_dense"
  status_of sh "$folder/train_dense" --method full --rate 2e-3 --steps 120 --out "$folder/dense"
  [ $status -eq 0 ] || fail "exit code $status of the teacher, expected 0"
  status_of $run --method pst --rate 2e-3 --steps 60 --teacher "$folder/dense" --dense-result "$folder/dense" --out "$out"
  trained || fail "exit code $status of a taught run, expected 0 or 3"
  [ -s "$out/teacher.safetensors" ] || fail "expected the answers of the teacher"
  grep -q '^verdict: .*, dense 0\.' "$folder/last.log" || fail "expected the score of the dense run"
  status_of "$program" eval --run "$out" --dense-result "$folder/dense"
  [ $status -eq 0 ] && grep -q '^accuracy 0\.[0-9]* (standard error .*), always .*, dense 0\.' "$folder/last.out" ||
    fail "expected a score beside others"
  ;;
exported)
  status_of $run --method pst --rest delta --rate 2e-2 --sparsity 0.8 --out "$out"
  trained || fail "exit code $status of train, expected 0 or 3"
  export="$program export --run $out --checkpoint last --threads 1"
  status_of $export --to-folder "$folder/sparse" --to-archive "$folder/archive" --to-task-file "$folder/task.safetensors" \
    --to-lora "$folder/lora"
  [ $status -eq 0 ] || fail "exit code $status of export, expected 0"
  grep -q 'zeros: 11464 of 14336 .* 79.97 %' "$folder/last.out" || fail "expected 80 % of zeros"
  grep -q '^warning: an adapter holds the dense part' "$folder/last.log" || fail "expected a warning"
  for file in sparse/model.safetensors sparse/vocab.txt archive/model.safetensors archive/config.json task.safetensors \
    lora/adapter_model.safetensors lora/adapter_config.json; do
    [ -s "$folder/$file" ] || fail "$file is missing"
  done
  for way in "--run $out --checkpoint last" "--model $folder/sparse --task sst2 --data $folder/task" \
    "--archive $folder/archive --task sst2 --data $folder/task" \
    "--task-file $folder/task.safetensors --base $folder/model --task sst2 --data $folder/task"; do
    status_of "$program" eval $way --predictions "$folder/predictions" --overwrite
    [ $status -eq 0 ] || fail "exit code $status of eval $way, expected 0"
    grep -q 'the same prediction for every sentence' "$folder/last.out" || fail "eval $way: predictions differ"
    [ -e "$folder/first" ] || cp "$folder/predictions" "$folder/first"
    cmp "$folder/first" "$folder/predictions" || fail "eval $way: other predictions than of the run"
  done
  mv "$folder/model" "$folder/moved"
  status_of "$program" eval --run "$out" --checkpoint last
  [ $status -eq 1 ] && grep -q 'is not in .*/model any more: say where it is by --base' "$folder/last.log" ||
    fail "expected a model that is missing to be told"
  status_of "$program" eval --run "$out" --checkpoint last --base "$folder/moved" --predictions "$folder/predictions" --overwrite
  [ $status -eq 0 ] && cmp "$folder/first" "$folder/predictions" || fail "a base that has moved gives other predictions"
  status_of "$program" eval --run "$out" --checkpoint last --base "$folder/sparse"
  [ $status -eq 1 ] && grep -q 'began from other weights' "$folder/last.log" || fail "accepted another base"
  status_of $export --base "$folder/moved" --to-folder "$folder/from_moved"
  [ $status -eq 0 ] && cmp "$folder/sparse/model.safetensors" "$folder/from_moved/model.safetensors" ||
    fail "a base that has moved gives another folder"
  sed "s|$folder/model|$folder/moved|" "$folder/train" >"$folder/train_moved"
  status_of sh "$folder/train_moved" --method pst --rest delta --rate 2e-2 --sparsity 0.8 --out "$out"
  trained || fail "exit code $status of a run whose model has moved, expected 0 or 3"
  grep -q "$folder/moved" "$out/settings.json" || fail "the run does not know where its model is now"
  mv "$folder/moved" "$folder/model"
  status_of $run --method pst --rest delta --rate 2e-2 --sparsity 0.8 --out "$out"
  trained || fail "exit code $status of a run whose model is back, expected 0 or 3"
  printf 'a b c\n\nx y z\n' >"$folder/sentences"
  status_of "$program" classify --run "$out" --sentences "$folder/sentences"
  [ $status -eq 0 ] || fail "exit code $status of classify, expected 0"
  grep -q '^line	prediction	probability_negative	probability_positive	score_negative	score_positive$' \
    "$folder/last.out" || fail "expected the columns of classify"
  grep -q '^1	\(positive\|negative\)	[0-9.e-]*	[0-9.e-]*	' "$folder/last.out" || fail "expected a class of line 1"
  grep -q '^3	' "$folder/last.out" && [ "$(wc -l <"$folder/last.out")" -eq 3 ] || fail "expected a class of line 3"
  status_of "$program" classify --model "$folder/sparse" --sentence '[a, b]' --sentence "$(printf 'a\tb')"
  [ $status -eq 1 ] && grep -q 'error: --sentence 2: is a pair, expected one sentence as before' "$folder/last.log" ||
    fail "accepted a pair among sentences"
  status_of "$program" classify --task-file "$folder/task.safetensors" --base "$folder/model" --sentences "$folder/sentences"
  sed 1d "$folder/last.out" | cut -f1,2 >"$folder/said"
  cp "$folder/task.safetensors" "$folder/other.safetensors"
  both="--task-file $folder/task.safetensors --task-file $folder/other.safetensors --base $folder/model"
  # shellcheck disable=SC2086
  status_of "$program" classify $both --sentences "$folder/sentences"
  [ $status -eq 0 ] && grep -q '^line	task	probability_task	other	probability_other$' "$folder/last.out" &&
    grep -q '^in memory: .* MB of the base, once, .* MB of task, .* MB of other$' "$folder/last.log" ||
    fail "expected what two tasks on one base say"
  sed 1d "$folder/last.out" | cut -f1,2 >"$folder/says"
  cmp "$folder/says" "$folder/said" || fail "a task says something else on a base of many"
  # shellcheck disable=SC2086
  status_of "$program" classify $both --task-file "$folder/task.safetensors" --sentences "$folder/sentences"
  [ $status -eq 1 ] && grep -q 'error: there is a task task already' "$folder/last.log" ||
    fail "accepted one name for two tasks"
  status_of "$program" eval --run "$out" --predictions "$folder/predictions"
  [ $status -eq 1 ] && [ ! -s "$folder/last.out" ] && ! grep -q threads: "$folder/last.log" ||
    fail "expected a refusal before the work begins"
  grep -q 'error: .*/predictions: exists and is not overwritten: give another --predictions' "$folder/last.log" ||
    fail "error text"
  [ "$(wc -l <"$folder/first")" -eq 33 ] || fail "expected a line for each of 32 sentences"
  status_of $export --to-folder "$folder/sparse"
  [ $status -eq 1 ] || fail "exit code $status where something is written already, expected 1"
  grep -q 'error: .*exists and is not overwritten' "$folder/last.log" || fail "error text"
  status_of $export --to-folder "$folder/sparse" --type bf16 --overwrite
  [ $status -eq 0 ] || fail "exit code $status with --overwrite, expected 0"
  cp -r "$folder/model" "$folder/before"
  for targets in "--to-folder $folder/model" "--to-archive $out" "--to-task-file $folder/model/model.safetensors" \
    "--to-folder $folder/twice --to-archive $folder/twice/"; do
    status_of $export $targets --overwrite
    [ $status -eq 1 ] || fail "exit code $status of export $targets, expected 1"
    grep -q 'error: .*\(choose another place\|expected a place for each\)' "$folder/last.log" || fail "error text"
    diff -r "$folder/before" "$folder/model" || fail "export $targets has changed the model of the run"
  done
  [ ! -e "$folder/twice" ] || fail "a refused export has written something"
  status_of $export --to-lora "$folder/lora2" --with-scores
  [ $status -eq 2 ] && grep -q 'requires --to-task-file' "$folder/last.log" || fail "accepted scores without a task file"
  status_of $export --to-lora "$folder/lora2" --type bf16
  [ $status -eq 1 ] && grep -q 'error: --type is bf16, but' "$folder/last.log" || fail "expected a refusal of --type"
  status_of "$program" eval --model "$folder/sparse" --checkpoint last --task sst2 --data "$folder/task"
  [ $status -eq 2 ] && grep -q 'requires --run' "$folder/last.log" || fail "accepted a checkpoint of a folder"
  sed -i 's/"positive"/"good"/; s/"negative"/"bad"/' "$folder/sparse/config.json"
  sed 's/"0": "bad"/"0": "POSITIVE"/; s/"1": "good"/"1": "Negative"/' "$folder/sparse/config.json" >"$folder/turned.json"
  cp -r "$folder/sparse" "$folder/turned"
  mv "$folder/turned.json" "$folder/turned/config.json"
  status_of "$program" eval --model "$folder/sparse" --task sst2 --data "$folder/task" --predictions "$folder/straight.tsv"
  status_of "$program" eval --model "$folder/turned" --task sst2 --data "$folder/task" --predictions "$folder/turned.tsv"
  [ $status -eq 0 ] && ! grep -q warning "$folder/last.log" || fail "expected turned labels to be understood"
  awk -F '\t' 'NR == FNR { said[$1] = $2; next } FNR > 1 && said[$1] == $2 { exit 1 }' "$folder/straight.tsv" "$folder/turned.tsv" ||
    fail "expected the other class of every sentence where the labels are turned"
  status_of "$program" eval --model "$folder/sparse" --task sst2 --data "$folder/task"
  [ $status -eq 0 ] && grep -q 'warning: the labels of the model are bad, good' "$folder/last.log" ||
    fail "expected a warning about labels"
  status_of "$program" train --model "$folder/sparse" --task sst2 --data "$folder/task" --steps 40 --dry-run
  [ $status -eq 0 ] && grep -q '^warning  the labels of the model are bad, good, ' "$folder/last.log" ||
    fail "expected a warning about labels"
  status_of $export
  [ $status -eq 1 ] || fail "exit code $status with nothing to write, expected 1"
  status_of "$program" eval --model "$folder/sparse" --run "$out"
  [ $status -eq 2 ] || fail "exit code $status for two models, expected 2"
  status_of "$program" eval --task-file "$folder/task.safetensors" --task sst2 --data "$folder/task"
  [ $status -eq 2 ] || fail "exit code $status for a task file without its base, expected 2"
  status_of "$program" eval --model "$folder/archive" --task sst2 --data "$folder/task"
  [ $status -eq 1 ] || fail "exit code $status for an archive in place of a folder, expected 1"
  ;;
*) fail "unknown part $part" ;;
esac
