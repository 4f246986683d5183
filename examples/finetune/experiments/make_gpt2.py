# SPDX-License-Identifier: Apache-2.0
"""Makes a small GPT-2 with random weights and the vocabulary of the real one, to be pretrained.

    python3 make_gpt2.py VOCABULARY_FOLDER OUT_FOLDER [--width 192 --layers 4]

Weights begin as in transformers: normal numbers of deviation 0.02, those of the projections back into the residual
stream divided by sqrt(2 layers), biases zero.
"""
import argparse
import array
import json
import math
import pathlib
import random
import shutil
import struct
import sys

parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
parser.add_argument("vocabulary", type=pathlib.Path, help="holds vocab.json and merges.txt")
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--width", type=int, default=192)
parser.add_argument("--layers", type=int, default=4)
parser.add_argument("--heads", type=int, default=6)
parser.add_argument("--positions", type=int, default=256)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()

generator = random.Random(options.seed)
width, deviation = options.width, 0.02
back = deviation / math.sqrt(2 * options.layers)
words = len(json.loads((options.vocabulary / "vocab.json").read_text()))

tensors = {}  # name: (shape, numbers)


def normal(name, rows, columns, deviation):
    tensors[name] = ([rows, columns], array.array("f", (generator.gauss(0, deviation) for _ in range(rows * columns))))


def constant(name, size, value):
    tensors[name] = ([size], array.array("f", [value] * size))


def norm(name):
    constant(f"{name}.weight", width, 1.0)
    constant(f"{name}.bias", width, 0.0)


def linear(name, inputs, outputs, deviation):  # in x out, as GPT-2 stores them
    normal(f"{name}.weight", inputs, outputs, deviation)
    constant(f"{name}.bias", outputs, 0.0)


normal("transformer.wte.weight", words, width, deviation)
normal("transformer.wpe.weight", options.positions, width, deviation)
for block in range(options.layers):
    prefix = f"transformer.h.{block}"
    norm(f"{prefix}.ln_1")
    linear(f"{prefix}.attn.c_attn", width, 3 * width, deviation)
    linear(f"{prefix}.attn.c_proj", width, width, back)
    norm(f"{prefix}.ln_2")
    linear(f"{prefix}.mlp.c_fc", width, 4 * width, deviation)
    linear(f"{prefix}.mlp.c_proj", 4 * width, width, back)
norm("transformer.ln_f")

header, offset = {}, 0
for name, (shape, numbers) in tensors.items():
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + 4 * len(numbers)]}
    offset += 4 * len(numbers)
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)

options.out.mkdir(parents=True, exist_ok=True)
config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": words, "n_embd": width,
          "n_layer": options.layers, "n_head": options.heads, "n_positions": options.positions,
          "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "bos_token_id": words - 1,
          "eos_token_id": words - 1}
(options.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
for name in ("vocab.json", "merges.txt"):
    shutil.copyfile(options.vocabulary / name, options.out / name)
unfinished = options.out / "model.safetensors.tmp"  # last and whole: gpt2.sh takes it for a sign that all is there
with open(unfinished, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for _, numbers in tensors.values():
        if sys.byteorder == "big":
            numbers.byteswap()
        file.write(numbers.tobytes())
unfinished.rename(options.out / "model.safetensors")
