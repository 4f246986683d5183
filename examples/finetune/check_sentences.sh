#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_sentences.sh generated|stopped|inspected|prompted|adapted PROGRAM DATA: lets a GPT-2 of random weights write sentences, and looks
# into it, in a folder of its own. DATA is tests/finetune/data.
set -eu
part=$1
program=$2
data=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
model=$folder/model
task=$folder/task

fail() {
  echo "failed: $*" >&2
  cat "$folder"/*.log >&2 || true
  exit 1
}
# status_of COMMAND...: its exit code, its output in $folder/last.log, its results in $folder/last.out
status_of() {
  status=0
  "$@" >"$folder/last.out" 2>"$folder/last.log" || status=$?
}
# expect CODE TEXT: that was the exit code, and the output has the text
expect() {
  [ $status -eq "$1" ] || fail "exit code $status, expected $1"
  grep -q -e "$2" "$folder/last.log" "$folder/last.out" || fail "expected to read: $2"
}
# expect_trained TEXT: train is done, whether its model has learnt something in its few steps or not
expect_trained() {
  [ $status -ne 3 ] || status=0
  expect 0 "$1"
}
# expect_same_sentences FROM...: the options that say where a model comes from, with each of which it writes the same
expect_same_sentences() {
  rm -f "$folder/before"
  for from in "$@"; do
    status_of "$program" generate $from --task e2e --data "$task" --max-new-tokens 6 --limit 30 \
      --out "$folder/sentences" --overwrite
    expect 0 '^bleu  *[0-9.]*$'
    [ ! -e "$folder/before" ] || cmp "$folder/before" "$folder/sentences" || fail "other sentences from $from"
    mv "$folder/sentences" "$folder/before"
  done
}

# A model of 40 tokens, nearly all of them letters; meanings of two letters and what people say of them.
mkdir "$model" "$task"
cp "$data/gpt2/config.json" "$data/gpt2/model.safetensors" "$model"
{
  id=0
  printf '{"added_tokens":[{"id":39,"content":"<|endoftext|>","special":true}],"pre_tokenizer":{"type":"ByteLevel",'
  printf '"add_prefix_space":false},"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","unk_token":"<|endoftext|>",'
  printf '"merges":[],"vocab":{'
  for token in Ġ a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H . : '|' ,; do
    printf '"%s":%d,' "$token" $id
    id=$((id + 1))
  done
  printf '"<|endoftext|>":%d}}}\n' $id
} >"$model/tokenizer.json"
awk 'BEGIN {
  letters = "abcdefghijklmnopqrstuvwxyz"
  for (i = 1; i <= 26; ++i)
    for (j = 1; j <= 26; ++j) {
      pair = substr(letters, i, 1) " : " substr(letters, j, 1)
      print pair "||" substr(letters, i, 1) " is " substr(letters, j, 1) " ."
      print pair "||" substr(letters, j, 1) " ."
    }
}' >"$task/train.txt"
cp "$task/train.txt" "$task/test.txt"
head -20 "$task/train.txt" >"$task/valid.txt"

case $part in
generated)
  status_of "$program" generate --model "$model" --prompt "a b" --max-new-tokens 4
  expect 0 '"prompt":"a b","text":"'
  for prompt in '[a, b]' '[]' '{}' 'a b' '-5' '--beams' '--' '--x=' '"a"' 'a,b' '%%' "'a'"; do
    status_of "$program" generate --model "$model" --prompt "$prompt" --max-new-tokens 1 --prompt b --prompt="$prompt"
    expect 0 '3 sentences of 3 tokens'
    printf '%s\nb\n%s\n' "$prompt" "$prompt" | sed 's/"/\\"/g; s/.*/{"prompt":"&","text":/' >"$folder/wanted"
    sed 's/"text":.*/"text":/' "$folder/last.out" | cmp - "$folder/wanted" || fail "another prompt than $prompt"
  done
  status_of "$program" generate --model "$model" --prompt= --max-new-tokens 1
  expect 1 'error: --prompt 1: has 0 tokens, expected 1 to 15'
  status_of "$program" generate --model "$model" --prompt a b
  expect 2 'not expected: b'
  for number in 010 +10 10; do
    status_of "$program" generate --model "$model" --prompt a --max-new-tokens $number
    expect 0 ' of 10 tokens'
  done
  for number in 0x10 1e1 1.0 ''; do
    status_of "$program" generate --model "$model" --prompt a --max-new-tokens "$number"
    expect 2 'is no whole number'
  done
  printf 'a b\n\n[c, d]\r\n' >"$folder/prompts"
  status_of "$program" generate --model "$model" --prompts "$folder/prompts" --max-new-tokens 2
  expect 0 '{"prompt":"a b","text":'
  expect 0 '{"prompt":"\[c, d\]","text":'
  echo '{"eos_token_id": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26]}' \
    >"$model/generation_config.json"
  status_of "$program" generate --model "$model" --prompt a --max-new-tokens 9
  expect 0 '1 sentences of [1-8] tokens'
  rm "$model/generation_config.json"
  status_of "$program" train --model "$model" --task e2e --data "$task" --batch 8 --steps 12 --max-length 16 \
    --sparsity 0.5 --rate 1e-2 --threads 1 --out "$folder/run"
  expect_trained "^| method | task | dev loss best |"
  status_of "$program" export --run "$folder/run" --to-archive "$folder/archive" --to-task-file "$folder/file" \
    --to-folder "$folder/sparse"
  expect 0 archive
  for from in "--model $model" "--run $folder/run" "--run $folder/run --checkpoint last" "--model $folder/sparse" \
    "--archive $folder/archive" "--task-file $folder/file --base $model"; do
    status_of "$program" generate $from --task e2e --data "$task" --recipe paper --max-new-tokens 8 --limit 50 \
      --out "$folder/sentences" --overwrite
    expect 0 '^bleu  *[0-9.]*$'
    [ "$(wc -l <"$folder/last.out")" -eq 4 ] || fail "expected four scores"
    [ "$(grep -c '^{"meaning":"[a-z] : [a-z]","text":".*","references":\["' "$folder/sentences")" -eq 50 ] ||
      fail "expected 50 sentences"
    mv "$folder/sentences" "$folder/before"
    status_of "$program" generate $from --task e2e --data "$task" --recipe paper --max-new-tokens 8 --limit 50 \
      --batch 3 --out "$folder/sentences"
    cmp "$folder/before" "$folder/sentences" || fail "other sentences in other batches"
  done
  status_of "$program" generate --model "$model" --prompt a --out "$folder/sentences"
  expect 1 'sentences: exists and is not overwritten: give another --out, or --overwrite'
  status_of "$program" generate --model "$model" --prompt a --beams 2 --sample
  expect 1 'tokens are drawn with 2 beams, expected 1'
  status_of "$program" generate --model "$model" --task e2e
  expect 2 '--data'
  status_of "$program" generate --prompt a
  expect 2 '--model'
  ;;
stopped)
  "$program" generate --model "$model" --task e2e --data "$task" --beams 1000 --batch 1 --out "$folder/sentences" \
    >"$folder/last.out" 2>"$folder/last.log" &
  pid=$!
  sleep 1
  kill -TERM $pid  # a shell lets its background ignore Ctrl-C
  status=0
  wait $pid || status=$?
  expect 143 'interrupted: [0-9]* of 676 sentences are written'
  count=$(sed -n 's/^interrupted: \([0-9]*\) of .*/\1/p' "$folder/last.log")
  [ "$count" -lt 676 ] || fail "all sentences were written before it was stopped"
  whole=$(grep -c '^{"meaning":"[a-z] : [a-z]","text":".*","references":\[.*\]}$' "$folder/sentences" || true)
  [ "${whole:-0}" -eq "$count" ] || fail "expected $count whole sentences"
  {
    printf 'a : b||a is b .\n'
    for letter in a b c d e f g h i j k l m n o p q r s t; do printf '%s : ' $letter; done
    printf 'a||too long .\n'
  } >"$task/test.txt"
  status_of "$program" generate --model "$model" --task e2e --data "$task" --out "$folder/none"
  expect 1 'error: the meaning "a : b : c.*" in .* has [0-9]* tokens, the model reads at most 16 with the sentence'
  [ ! -e "$folder/none" ] || fail "a refused command wrote sentences"
  ;;
inspected)
  status_of "$program" train --model "$model" --task e2e --data "$task" --batch 8 --steps 4 --max-length 16 \
    --sparsity 0.5 --threads 1 --out "$folder/run"
  expect_trained loss
  status_of "$program" inspect --run "$folder/run"
  expect 0 'c_attn  *32 x 96 + 96  *[0-9. -]*  50.00  '
  status_of "$program" inspect --model "$model" --depth 1
  expect 0 '^model  *[0-9 ]*  *-  *0.00'
  [ "$(wc -l <"$folder/last.out")" -eq 3 ] || fail "expected three lines"
  status_of "$program" inspect --run "$folder/run" --mask 1.mlp.c_fc --out "$folder/mask.svg"
  expect 0 'mask.svg: the mask of h.1.mlp.c_fc'
  grep -q 'Which weights are kept: h.1.mlp.c_fc' "$folder/mask.svg" || fail "no title in the drawing"
  grep -q '50 % zero' "$folder/mask.svg" || fail "no sparsity in the drawing"
  status_of "$program" inspect --run "$folder/run" --mask c_fc --out "$folder/other.svg"
  expect 1 'several layers are called c_fc: h.0.mlp.c_fc, h.1.mlp.c_fc'
  status_of "$program" inspect --run "$folder/run" --mask nothing --out "$folder/other.svg"
  expect 1 'no layer is called nothing, expected one of h.0'
  status_of "$program" inspect --run "$folder/run" --mask 1.mlp.c_fc --out "$folder/mask.png"
  expect 1 'mask.png: ends in .png, but drawings are SVG: give --out a name that ends in .svg'
  [ ! -e "$folder/mask.png" ] || fail "a refused drawing was written"
  status_of "$program" inspect --run "$folder/run" --model "$model"
  expect 2 '--model'
  status_of "$program" inspect --model "$folder"
  expect 1 'config.json'
  ;;
prompted)
  few="$program train --model $model --task e2e --data $task --batch 8 --steps 8 --threads 1"
  for method in prefix prompt; do
    run=$folder/$method
    status_of $few --method $method --virtual-tokens 3 --reparameterisation mlp --adapter-width 5 --out "$run"
    expect_trained "^| $method | e2e |"
    status_of "$program" export --run "$run" --to-task-file "$run.file" --to-prompt "$run.peft"
    expect 0 'read again: every number as written'
    expect_same_sentences "--run $run" "--task-file $run.file --base $model" "--peft $run.peft --base $model"
    status_of "$program" inspect --run "$run" --depth 2
    expect 0 "─ $method  "
    for refused in "export --run $run --to-folder $folder/none" "merge --task-file $run.file --base $model --to-folder $folder/none" \
      "merge --peft $run.peft --base $model --to-folder $folder/none"; do
      status_of "$program" $refused
      expect 1 "error: virtual tokens (a $method) are no part of a weight, so neither a folder nor an archive can hold them"
    done
  done
  status_of $few --method prefix --out "$folder/other"
  expect 1 'error: there are 20 virtual tokens in front of a sequence, but the model has 16 positions: take fewer'
  status_of $few --method lora --virtual-tokens 3 --out "$folder/other"
  expect 1 'error: virtual tokens are described .*, but there are none: choose prefix or prompt'
  ;;
adapted)
  few="$program train --model $model --task e2e --data $task --batch 8 --steps 8 --threads 1"
  run=$folder/run
  status_of $few --method compacter --adapter-width 8 --beside none --out "$run"
  expect_trained '^| compacter | e2e |'
  status_of "$program" export --run "$run" --to-task-file "$run.file" --to-adapters "$run.adapters"
  expect 0 'read again: every number as written'
  expect_same_sentences "--run $run" "--task-file $run.file --base $model" "--adapters $run.adapters --base $model"
  status_of "$program" inspect --run "$run" --depth 3
  expect 0 '─ adapter  '
  status_of "$program" inspect --adapters "$run.adapters" --base "$model" --depth 1
  expect 0 '^model  '
  status_of "$program" generate --adapters "$model" --base "$model" --task e2e --data "$task" --out "$folder/none"
  expect 1 'adapter_config.json'
  status_of "$program" eval --adapters "$run.adapters" --task e2e --data "$task"
  expect 2 '--base'
  status_of $few --method houlsby --phm-dim 4 --out "$folder/other"
  expect 1 'error: the parts (phm-dim) or the rule of Kronecker products are chosen, but the adapter is houlsby'
  status_of $few --method compacter --phm-dim 5 --out "$folder/other"
  expect 1 'error: Kronecker products have 5 parts, the model has a width of 32 and the adapter of 5'
  ;;
*) fail "unknown part $part" ;;
esac
