# SPDX-License-Identifier: Apache-2.0
"""Draws the training loss of runs of pst-finetune over their steps, all in one picture.

    python3 -m pip install matplotlib
    python3 curves.py OUT.svg RUN_FOLDER...

Each curve is the mean over the last tenth of the run's steps so far; its name is that of the method, as table.py has it.
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "pst"  # the same picture has the same bytes
import matplotlib.pyplot as plt  # noqa: E402

from table import asked_of, method_of  # noqa: E402


def losses(folder):
    """Steps and losses of a run, without what was trained twice after an interruption."""
    found = {}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        if "loss" in record:
            found[record["step"]] = record["loss"]
    return sorted(found), [found[step] for step in sorted(found)]


def smooth(values, width):
    return [sum(values[max(0, i - width + 1) : i + 1]) / min(i + 1, width) for i in range(len(values))]


def main(out, folders):
    figure, axes = plt.subplots(figsize=(9, 5.5))
    runs = []
    for folder in map(pathlib.Path, folders):
        steps, values = losses(folder)
        curve = smooth(values, max(1, len(values) // 10))
        runs.append((curve[-1], steps, curve, method_of(asked_of(folder))))
    styles = ["-", "--", "-.", ":"]
    for number, (last, steps, curve, name) in enumerate(sorted(runs)):
        axes.plot(steps, curve, styles[number // 5 % len(styles)], linewidth=1.3, label=f"{name}: {last:.3f}")
    axes.set_xlabel("step")
    axes.set_ylabel("training loss, mean over a tenth of the run")
    axes.legend(fontsize=7, ncols=2)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
