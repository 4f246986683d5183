# SPDX-License-Identifier: Apache-2.0
"""Writes a task with few sentences: as many of each class of train.tsv as are asked for, drawn by a seed, and all of dev.tsv.

    python3 few_shot.py DATA OUT COUNT SEED
"""

import pathlib
import random
import shutil
import sys


def main(data, out, count, seed):
    head, *lines = (pathlib.Path(data) / "train.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")
    label = head.split("\t").index("label")
    classes = {}
    for line in lines:
        classes.setdefault(line.split("\t")[label], []).append(line)
    drawn = random.Random(int(seed))
    chosen = [line for each in sorted(classes) for line in drawn.sample(classes[each], int(count))]
    drawn.shuffle(chosen)
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "train.tsv").write_text("\n".join([head, *chosen]) + "\n", encoding="utf-8")
    shutil.copy(pathlib.Path(data) / "dev.tsv", out)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
