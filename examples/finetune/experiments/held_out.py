# SPDX-License-Identifier: Apache-2.0
"""Writes a task whose dev data are drawn by a seed from train.tsv, which has more than dev.tsv: small differences show there.

    python3 held_out.py DATA OUT COUNT SEED
"""

import pathlib
import random
import sys


def main(data, out, count, seed):
    head, *lines = (pathlib.Path(data) / "train.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")
    random.Random(int(seed)).shuffle(lines)
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for name, chosen in ("dev", lines[: int(count)]), ("train", lines[int(count) :]):
        (out / f"{name}.tsv").write_text("\n".join([head, *chosen]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
