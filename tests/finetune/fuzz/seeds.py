#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seeds.py FOLDER: writes inputs for tokenizer_fuzz to begin with, from tests/finetune/data/tokenizers."""
import json
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data" / "tokenizers"
OUT = Path(sys.argv[1])
TEXT = "\u00ffThe dog [SEP] <mask> caf\u00e9's \u6771\u4eac 123".encode()


def shortened(name):
    """The file with few tokens, so that a change hits something else as well."""
    file = json.loads((DATA / name / "tokenizer.json").read_text())
    vocabulary = file["model"]["vocab"]
    kept = [token for token in vocabulary if len(token) < 2 or token[0] in "[<"] + ["he", "in"]
    file["model"]["vocab"] = {token: vocabulary[token] for token in kept if token in vocabulary}
    if "merges" in file["model"]:
        file["model"]["merges"] = [["h", "e"], ["i", "n"]]
    return json.dumps(file, separators=(",", ":")).encode()


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    inputs = {"text": b"\0" + TEXT}
    for name in ("bert_json", "roberta_json", "gpt2_json"):
        inputs[name] = b"\1" + shortened(name) + b"\xff{}\xff" + TEXT
    config = (DATA / "bert_cased" / "tokenizer_config.json").read_bytes()
    inputs["bert"] = b"\2[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\nd\n##o\n##g\n\xff" + config + b"\xff" + TEXT
    symbols = [token for token in json.loads((DATA / "gpt2" / "vocab.json").read_text()) if len(token) == 1] + ["he", "in", "<s>", "</s>"]
    vocabulary = json.dumps({token: i for i, token in enumerate(symbols)}, separators=(",", ":")).encode()
    inputs["gpt2"] = b"\3" + vocabulary + b"\xff#version: 0.2\nh e\ni n\n\xff" + TEXT
    for name, data in inputs.items():
        (OUT / name).write_bytes(data)


main()
