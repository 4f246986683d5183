#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seeds.py FOLDER: writes inputs for the fuzzers to begin with, FOLDER/tokenizer for tokenizer_fuzz and so on."""
import json
import re
import struct
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
TOKENIZERS = DATA / "tokenizers"
TEXT = "\u00ffThe dog [SEP] <mask> caf\u00e9's \u6771\u4eac 123".encode()
# In the order of finetune::tasks(); files of one are chosen by the first byte of an input.
TASKS = ["cola", "sst2", "mrpc", "rte", "qnli", "qqp", "mnli", "stsb", "e2e", "webnlg", "dart", "text"]


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def shortened(name):
    """The file with few tokens, so that a change hits something else as well."""
    file = json.loads((TOKENIZERS / name / "tokenizer.json").read_text())
    vocabulary = file["model"]["vocab"]
    kept = [token for token in vocabulary if len(token) < 2 or token[0] in "[<"] + ["he", "in"]
    file["model"]["vocab"] = {token: vocabulary[token] for token in kept if token in vocabulary}
    if "merges" in file["model"]:
        file["model"]["merges"] = [["h", "e"], ["i", "n"]]
    return compact(file)


def tokenizer():
    inputs = {"text": b"\0" + TEXT}
    for name in ("bert_json", "roberta_json", "gpt2_json"):
        inputs[name] = b"\1" + shortened(name) + b"\xff{}\xff" + TEXT
    config = (TOKENIZERS / "bert_cased" / "tokenizer_config.json").read_bytes()
    inputs["bert"] = b"\2[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\nd\n##o\n##g\n\xff" + config + b"\xff" + TEXT
    symbols = [token for token in json.loads((TOKENIZERS / "gpt2" / "vocab.json").read_text()) if len(token) == 1]
    vocabulary = compact({token: i for i, token in enumerate(symbols + ["he", "in", "<s>", "</s>"])})
    inputs["gpt2"] = b"\3" + vocabulary + b"\xff#version: 0.2\nh e\ni n\n\xff" + TEXT
    inputs["added"] = b"\4" + compact({"ab": 7, "[CLS]": 2}) + b"\xff" + compact({"pad_token": "<pad>", "mask_token": {"content": "ab"}}) + b"\xff" + TEXT
    return inputs


def config():
    inputs = {name: (DATA / name / "config.json").read_bytes() for name in ("bert", "roberta", "gpt2")}
    labels = json.loads(inputs["bert"]) | dict(id2label={"0": "no", "1": "yes"}, label2id={"no": 0, "yes": 1},
                                               problem_type="single_label_classification")
    return inputs | {"labels": compact(labels)}


def safetensors(tensors):
    """A file of these names, types, shapes and bytes."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, part) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = compact(header)
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def checkpoint():
    first = safetensors({"a": ("F32", [2, 1], b"\0\0\x80\x3f\0\0\0\x40"), "b": ("BF16", [], b"\x80\x3f")})
    second = safetensors({"c": ("F16", [3], b"\0\x3c" * 3), "d": ("I64", [0, 4], b""), "e": ("BOOL", [1], b"\1")})
    index = compact({"metadata": {"total_size": 18},
                     "weight_map": {"a": "a.safetensors", "b": "a.safetensors", "c": "b.safetensors"}})
    return {"one": b"\0" + first, "other": b"\0" + second,
            "index": b"\1" + index + b"\xff" + first + b"\xff" + second}


def tasks():
    files = {
        "cola": ["gj04\t1\t\tThey said \"no\".\ngj04\t0\t*\tThe dog bark.\n"],
        "sst2": ["sentence\tlabel\na good film\t1\r\nbad\t0\n", "index\tsentence\n0\tbad\n"],
        "mrpc": ["Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\ta\tb\n"],
        "rte": ["index\tsentence1\tsentence2\tlabel\n0\ta\tb\tnot_entailment\n"],
        "qnli": ["index\tquestion\tsentence\tlabel\n0\ta\tb\tentailment\n"],
        "qqp": ["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\ta?\tb?\t1\n"],
        "mnli": ["sentence1\tsentence2\tgold_label\na\tb\tneutral\na\tb\t-\n"],
        "stsb": ["index\tsentence1\tsentence2\tscore\n0\ta\tb\t3.25\n"],
        "e2e": ["name : A | area : b||A is in b . \nname : C||Caf\u00e9 .\n",
                "mr,ref\n\"name[A], food[b]\",\"A, the \"\"best\"\",\nserves b.\"\nx,y\n"],
        "webnlg": [json.dumps({"entries": [{"1": {"modifiedtripleset": [{"subject": "a", "property": "b",
                                                                         "object": "c"}],
                                                  "lexicalisations": [{"comment": "good", "lex": "A."}]}}]})],
        "dart": [json.dumps([{"tripleset": [["A", "IS", "B"]], "annotations": [{"text": "A is B."}]}])],
        "text": ["one\ntwo\u2026\n"],
    }
    inputs = {}
    for number, name in enumerate(TASKS):
        for choice in range(6):  # of the part and of the end of the file's name
            text = files[name][choice % 2 % len(files[name])]
            inputs[f"{name}{choice}"] = bytes([6 * number + choice]) + text.encode()
    return inputs


def settings():
    """The number of a line in place of which the other bytes stand."""
    source = (DATA.parents[2] / "examples/finetune/run/settings.cpp").read_text()
    fields = re.findall(r'visit\("(\w+)"', source)
    values = {"model": '"m\u00f6del"', "task": '"e2e"', "sparsity": "0.5", "rate": "1e-4",
              "seed": "18446744073709551615", "threads": "2"}
    ends = {name: "" if name == fields[-1] else "," for name in values}
    lines = {fields.index(name) + 2: f'"{name}": {value}{ends[name]}' for name, value in values.items()}
    return {str(number): bytes([number]) + line.encode() for number, line in lines.items()} | {"none": b"\0{}"}


def peft():
    files = sorted((DATA / "adapters").glob("*/adapter_config.json"))
    return {file.parent.name: compact(json.loads(file.read_text())) for file in files}


def adapters():
    """The first byte: twice the number of the base, and 1 for a head."""
    inputs = {}
    for file in sorted((DATA / "library_adapters").glob("*/*_config.json")):
        base = ["bert", "roberta", "gpt2"].index(file.parent.name.split("_")[0])
        settings = json.loads(file.read_text()) | {"hidden_size": 48}
        is_head = file.name == "head_config.json"
        inputs[f"{file.parent.name}_{file.stem}"] = bytes([2 * base + is_head]) + compact(settings)
    return inputs


def main():
    for make in (tokenizer, config, checkpoint, tasks, settings, peft, adapters):
        folder = Path(sys.argv[1]) / make.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in make().items():
            (folder / name).write_bytes(data)


main()
