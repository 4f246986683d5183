# SPDX-License-Identifier: Apache-2.0
"""Makes a small GPT-2 with random weights and the vocabulary of the real one, to be pretrained.

    pip install torch transformers
    python3 make_gpt2.py VOCABULARY_FOLDER OUT_FOLDER [--width 192 --layers 4]
"""
import argparse
import pathlib
import shutil

import torch
from transformers import GPT2Config, GPT2LMHeadModel

parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
parser.add_argument("vocabulary", type=pathlib.Path, help="holds vocab.json and merges.txt")
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--width", type=int, default=192)
parser.add_argument("--layers", type=int, default=4)
parser.add_argument("--heads", type=int, default=6)
parser.add_argument("--positions", type=int, default=256)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()

torch.manual_seed(options.seed)
model = GPT2LMHeadModel(GPT2Config(n_embd=options.width, n_layer=options.layers, n_head=options.heads,
                                   n_positions=options.positions))
model.save_pretrained(options.out)
for name in ("vocab.json", "merges.txt"):
    shutil.copy(options.vocabulary / name, options.out / name)
