# SPDX-License-Identifier: Apache-2.0
"""LoRA on a pruned model that stays pruned: the mask applied while it trains, or only when it is merged.

    python3 masked_lora.py PROGRAM MODEL DATA OUT [STEPS]

PROGRAM is pst-finetune, MODEL a folder of BERT, DATA that of SST-2. Half of the weights of MODEL's linear layers, those with
the smallest abs(W), become zero in OUT/pruned; from it `--method lora` trains with `--keep-mask`, and without, with the zeros
put back into the merged folder. 1000 steps, seed 43. Steps that are finished are kept.
"""

import json
import pathlib
import struct
import subprocess
import sys


def run(*command):
    done = subprocess.run([str(each) for each in command], check=False)
    if done.returncode not in (0, 3):  # 3: it has learnt nothing
        sys.exit(done.returncode)


def tensors(path):
    """The file's bytes, where its data begin, and its tensors."""
    data = bytearray(path.read_bytes())
    size = struct.unpack("<Q", data[:8])[0]
    return data, 8 + size, json.loads(data[8:8 + size])


def put_zeros_back(folder, pruned):
    """Zeros of matrices of `pruned` that are at least a third zero become zeros of `folder`."""
    path = folder / "model.safetensors"
    data, begin, table = tensors(path)
    mask, mask_begin, mask_table = tensors(pruned / "model.safetensors")
    for name, entry in table.items():
        if name not in mask_table or len(entry.get("shape", [])) != 2:
            continue
        first, last = entry["data_offsets"]
        mask_first, mask_last = mask_table[name]["data_offsets"]
        kept = memoryview(mask)[mask_begin + mask_first:mask_begin + mask_last].cast("I")
        here = memoryview(data)[begin + first:begin + last].cast("I")
        zeros = [place for place, bits in enumerate(kept) if bits << 1 & 0xFFFFFFFF == 0]
        if 3 * len(zeros) < len(kept):
            continue
        for place in zeros:
            here[place] = 0
    path.write_bytes(data)


def main(program, model, data, out, steps="1000"):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    task = ["--task", "sst2", "--data", data, "--seed", "43", "--threads", "1"]
    if not (out / "pruned").exists():
        run(program, "train", "--model", model, *task, "--method", "magnitude", "--weighted-by", "nothing", "--sparsity", "0.5",
            "--schedule", "constant", "--steps", "1", "--rate", "1e-12", "--dev-limit", "8",
            "--out", out / "pruning", "--to-folder", out / "pruned")
    lora = ["train", "--model", out / "pruned", "--new-head", *task, "--method", "lora", "--steps", steps]
    run(program, *lora, "--keep-mask", "--out", out / "masked", "--to-folder", out / "masked-folder")
    if not (out / "merged-folder").exists():
        run(program, *lora, "--out", out / "unmasked", "--to-folder", out / "merged-folder")
    run(program, "eval", "--model", out / "merged-folder", *task[:4], "--weights", "dense")
    put_zeros_back(out / "merged-folder", out / "pruned")
    for folder in ("masked-folder", "merged-folder"):
        print(folder, flush=True)
        run(program, "eval", "--model", out / folder, *task[:4], "--weights", "dense")


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
