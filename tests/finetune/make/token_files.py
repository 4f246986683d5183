#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/finetune/data/tokenizers/token_files.json: what transformers makes of folders whose tokens are named in
several files. Run it after tokenizer_cases.py, which makes the folders that these begin with.

pip install tokenizers==0.23.3 transformers==5.24.0
"""
import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
from transformers import AutoTokenizer, BertTokenizer, GPT2Tokenizer, RobertaTokenizer

DATA = Path(__file__).resolve().parent.parent / "data" / "tokenizers"
CLASSES = {"bert": BertTokenizer, "gpt2": GPT2Tokenizer, "roberta": RobertaTokenizer}
NO_DECODER = {"decoder": None}
BERT, GPT2, GENERIC = ({"tokenizer_class": name} for name in ("BertTokenizer", "GPT2Tokenizer", "PreTrainedTokenizerFast"))


# A name, the folder that it begins with, the files that are written into it, and texts. Of a tokenizer.json the files
# have only the members that change; text is written behind the file that is there.
FOLDERS = [
    ("added_tokens.json of a WordPiece", "bert", {"added_tokens.json": {"hello-x": 620, "Wörld": 621, "[NEW]": 622}},
     ["the hello-x dog", "HELLO-X wörld World", "[NEW][new]"]),
    ("added_tokens.json with a token of the vocabulary", "bert", {"added_tokens.json": {"the": 271}}, ["thethe the"]),
    ("added_tokens.json of a byte-level BPE", "gpt2", {"added_tokens.json": {"<x>": 621, "foo": 622, "bar": 623}}, ["a<x>b foo bar foobar"]),
    ("added_tokens.json of RoBERTa", "roberta", {"added_tokens.json": {"<extra>": 625}, "special_tokens_map.json": {"mask_token": {"content": "<mask>", "lstrip": True}}},
     ["a <mask> <extra>b"]),
    ("added_tokens.json beside a tokenizer.json", "bert_json", {"tokenizer_config.json": BERT, "added_tokens.json": {"hello-x": 627}}, ["the hello-x foo"]),
    ("added_tokens.json with a special token", "gpt2", {"added_tokens.json": {"<pad>": 621, "foo": 622}, "special_tokens_map.json": {"pad_token": "<pad>"}},
     ["a<pad>b foo"]),
    ("added_tokens.json with tokens of which tokenizer.json says more", "bert_json",
     {"tokenizer_config.json": BERT, "added_tokens.json": {"left": 622, "whole": 625}}, ["a  left b", "wholeness whole"]),
    ("added_tokens.json that tokenizer_config.json makes superfluous", "bert",
     {"tokenizer_config.json": {**BERT, "cls_token": "[MASK]", "added_tokens_decoder": {"4": {"content": "[MASK]", "special": True}}},
      "special_tokens_map.json": {"cls_token": "[SEP]"}, "added_tokens.json": {"q1": 620}}, ["the q1"]),
    ("special_tokens_map.json goes before tokenizer_config.json", "bert",
     {"tokenizer_config.json": {**BERT, "cls_token": "[MASK]"}, "special_tokens_map.json": {"cls_token": "[SEP]"}}, ["the"]),
    ("parts without an id", "bert", {"tokenizer_config.json": {**BERT, "pad_token": "<nopad>", "additional_special_tokens": ["<a>", "<b>"]}},
     ["the <a> <b> <nopad>"]),
    ("parts without an id in special_tokens_map.json", "bert", {"special_tokens_map.json": {"pad_token": "<nopad>", "additional_special_tokens": ["<a>"]}},
     ["the <a> <nopad> <A>"]),
    ("a part without an id behind tokens with ids", "bert", {"tokenizer_config.json": {**BERT, "mask_token": "<m>"}, "added_tokens.json": {"q1": 620}},
     ["the <m> q1"]),
    ("two parts without an id", "gpt2", {"tokenizer_config.json": {**GPT2, "pad_token": "<pad>", "bos_token": "<bos>"}}, ["a<pad>b<bos>"]),
    ("a part of a byte-level BPE in special_tokens_map.json", "gpt2", {"special_tokens_map.json": {"pad_token": "<pad>"}}, ["a<pad>b"]),
    ("a part that the class does not have", "gpt2", {"tokenizer_config.json": {**GPT2, "cls_token": "<cls>"}}, ["a<cls>b"]),
    ("a part of its own", "bert", {"tokenizer_config.json": {**BERT, "image_token": "<img>"}}, ["the <img>"]),
    ("extra parts by name", "bert", {"tokenizer_config.json": {**BERT, "extra_special_tokens": {"image_token": "<img>"}}}, ["the <img>"]),
    ("a frame without an id", "bert", {"tokenizer_config.json": {**BERT, "cls_token": "<c>"}}, ["the <c>"]),
    ("a part without an id beside a tokenizer.json", "bert_json", {"tokenizer_config.json": {**GENERIC, "pad_token": "<nopad>"}}, ["the <nopad>"]),
    ("no decoder, BERT's class", "bert_json", {"tokenizer.json": NO_DECODER, "tokenizer_config.json": BERT}, ["the dog isn't . here"]),
    ("no decoder, GPT-2's class", "gpt2_json", {"tokenizer.json": NO_DECODER, "tokenizer_config.json": GPT2}, ["the dog isn't . here"]),
    ("no decoder of WordPiece, any class", "bert_json", {"tokenizer.json": NO_DECODER, "tokenizer_config.json": GENERIC}, ["the dog isn't . here"]),
    ("no decoder of BPE, any class", "gpt2_json", {"tokenizer.json": NO_DECODER, "tokenizer_config.json": GENERIC}, ["the dog isn't . here"]),
    ("an empty line in vocab.txt", "bert", {"vocab.txt": "zz\n\nyy\n"}, ["the zz yy dog"]),
]


def write_folder(folder, base, files):
    for file in (DATA / base).iterdir():
        if file.name != "cases.json":
            shutil.copy(file, folder)
    for name, content in files.items():
        before = (folder / name).read_text() if (folder / name).exists() and name in ("tokenizer.json", "vocab.txt") else ""
        (folder / name).write_text(before + content if isinstance(content, str) else json.dumps({**json.loads(before or "{}"), **content}))


def case_of(title, base, files, texts):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_folder(folder, base, files)
        tokenizer = CLASSES.get(base, AutoTokenizer).from_pretrained(folder)
        rows = [tokenizer.encode(text) for text in texts]
        return {"title": title, "base": base, "files": files, "rows": max(i for token, i in tokenizer.get_vocab().items() if token) + 1, "padding": tokenizer.pad_token_id,
                "texts": [{"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True), "decoded_all": tokenizer.decode(ids)}
                          for text, ids in zip(texts, rows)]}


(DATA / "token_files.json").write_text(json.dumps([case_of(*folder) for folder in FOLDERS], separators=(",", ":")) + "\n")
