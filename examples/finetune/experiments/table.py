# SPDX-License-Identifier: Apache-2.0
"""Prints a Markdown table of runs of pst-finetune train: one line for each task, length, sparsity, method and rate.

    python3 table.py RUN_FOLDER...

Runs that differ in nothing but the seed share a line: mean and sample deviation of the score at the last step.
"""

import collections
import json
import pathlib
import statistics
import sys


def method_of(settings):
    start = settings.get("score_start", 0)
    return (
        settings["method"]
        + (", reference" if settings["reference"] else "")
        + (f", from {start:g} abs(W)" if start else "")
    )


def spread(values, digits):
    text = f"{statistics.mean(values):.{digits}f}"
    return text + (f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else "")


def main(folders):
    lines = collections.defaultdict(list)
    for folder in map(pathlib.Path, folders):
        try:
            settings = json.loads((folder / "settings.json").read_text())
            result = json.loads((folder / "result.json").read_text())
        except OSError as error:
            print(f"{folder}: no finished run: {error.strerror}, {error.filename}", file=sys.stderr)
            continue
        sparsity = 0.0 if settings["method"] in ("full", "lora") else settings["sparsity"]
        length = f"{settings['steps']} steps" if settings["steps"] else f"{settings['epochs']:g} epochs"
        lines[settings["task"], length, sparsity, method_of(settings), settings["rate"]].append(result)
    print(
        "| task | length | asked % | method | rate | score | reached % | trainable | ms/step | peak MB | minutes | seeds |\n"
        "|---|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    for (task, length, sparsity, method, rate), results in sorted(lines.items()):
        column = lambda name: [result[name] for result in results]
        is_loss = results[0]["metric"] == "-loss"
        scale = -1 if is_loss else 100
        print(
            f"| {task} | {length} | {100 * sparsity:.0f} | {method} | {rate:g} "
            f"| {spread([scale * score for score in column('last')], 3 if is_loss else 1)} "
            f"| {100 * statistics.mean(column('sparsity')):.2f} | {results[0]['trainable']:,} "
            f"| {statistics.median(column('step_ms')):.0f} | {max(column('peak_mb')):.0f} "
            f"| {statistics.median(column('seconds')) / 60:.1f} | {len(results)} |"
        )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
