# SPDX-License-Identifier: Apache-2.0
"""Prints Markdown tables of runs of pst-finetune train: a line for each task, length and method, a column for each sparsity.

    python3 table.py FILE_OR_RUN_FOLDER... [--times]
    python3 table.py --add FILE RUN_FOLDER...

A FILE has one run a line, as --add writes it: what was asked, and what came of it. A run that is there already, with the
same settings, is replaced. Runs that differ in nothing but the seed share a cell: the mean score at the last step, and behind
it with several seeds their sample deviation and number, with one seed the standard error over the dev sentences. "stored" is the
task file, which a whole model has none of. --times adds time and memory at the highest sparsity, which mean something only where
nothing else ran.
"""

import collections
import json
import pathlib
import statistics
import sys

# What makes two runs different, and what is told of them.
SETTINGS = (
    "task method sparsity epochs steps train_limit rate score_start delta_start delta_rank rest reference modules beside "
    "adapter keep_mask teacher_weight temperature weighted_by warmup cooldown seed threads"
).split()
RESULTS = (
    "metric last best standard_error baseline dense learnt sparsity steps trainable parameters step_ms peak_mb seconds"
).split()


def asked_of(folder):
    settings = json.loads((folder / "settings.json").read_text())
    asked = {name: settings[name] for name in SETTINGS if name in settings}
    if not settings.get("teacher"):
        asked.pop("teacher_weight", None), asked.pop("temperature", None)
    if not ranks_by_magnitude(asked):
        asked.pop("weighted_by", None)
    if not (ranks_by_magnitude(asked) or "movement" in asked["method"]):
        asked.pop("warmup", None), asked.pop("cooldown", None)
    if "held" in pathlib.PurePath(settings["data"]).name:  # dev data of its own, as held_out.py makes them
        asked["task"] += ":held"
    return asked


def ranks_by_magnitude(asked):
    return asked["method"].startswith("pst") or asked["method"] == "magnitude"


def read_folder(folder):
    asked = asked_of(folder)
    result = json.loads((folder / "result.json").read_text())
    found = {name: result[name] for name in RESULTS}
    asked["train_sequences"] = result.get("train_sequences")
    task_file = folder.with_name(folder.name + ".safetensors")  # beside the run, as sentences.sh writes it
    found["stored"] = task_file.stat().st_size if task_file.exists() else None
    return {"asked": asked, "found": found}


def read(source):
    source = pathlib.Path(source)
    if source.is_file():
        return [json.loads(line) for line in source.read_text().splitlines()]
    try:
        return [read_folder(source)]
    except OSError as error:
        print(f"{source}: no finished run: {error.strerror}, {error.filename}", file=sys.stderr)
        return []


def key(run):
    return json.dumps({name: value for name, value in run["asked"].items() if name != "threads"}, sort_keys=True)


def add(file, folders):
    known = {key(run): run for run in (read(file) if pathlib.Path(file).exists() else [])}
    for folder in folders:
        known.update({key(run): run for run in read(folder)})
    pathlib.Path(file).write_text("".join(json.dumps(run) + "\n" for run in known.values()))


def method_of(asked):
    """The method, and every setting that makes it another one than its defaults do."""
    name = asked["method"]
    start = asked.get("score_start", 0)
    if start:
        name += f", from {start:g} abs(W)"
    if asked["method"].startswith("pst") and asked.get("delta_start") == "normal":
        name += ", as published"
    if ranks_by_magnitude(asked) and asked.get("weighted_by", "nothing") != "both":  # runs of before have none
        name += ", by inputs" if asked.get("weighted_by") == "inputs" else ", unweighted"
    if "cooldown" in asked:
        name += f", {100 * asked['warmup']:g} % dense and {100 * asked['cooldown']:g} % at rest"
    if asked.get("reference"):
        name += ", reference"
    if asked.get("delta_rank", 8) != 8:
        name += f", rank {asked['delta_rank']}"
    if "teacher_weight" in asked:
        name += ", taught"
    if asked.get("adapter"):
        name += f" + {asked['adapter']}"
    if asked.get("modules"):
        name += f" in {asked['modules']}"
    return f"{name}, rate {asked['rate']:g}"


def length_of(run):
    asked = run["asked"]
    limit = f", {asked['train_sequences']} sentences" if asked.get("train_sequences") else ""
    if asked["steps"]:
        return f"{asked['steps']} steps{limit}"
    return f"{asked['epochs']:.3g} epochs, {run['found']['steps']} steps{limit}"


def cell(runs, scale, digits):
    scores = [scale * run["found"]["last"] for run in runs]
    text = f"{statistics.mean(scores):.{digits}f}"
    error = runs[0]["found"].get("standard_error")
    if len(scores) > 1:
        text += f" ± {statistics.stdev(scores):.{digits}f} ({len(scores)})"
    elif error:
        text += f" ({abs(scale) * error:.{digits}f})"
    return text + ("" if all(run["found"]["learnt"] for run in runs) else " *")


def pruned(run):
    return 0.0 if run["found"]["sparsity"] == 0 else run["asked"]["sparsity"]


def print_table(task, runs, times):
    scale, digits = (-1, 3) if runs[0]["found"]["metric"] == "-loss" else (100, 1)
    baseline = runs[0]["found"]["baseline"]
    print(f"\n**{task.removesuffix(':held').partition(':')[0]}{', sentences held out' if task.endswith(':held') else ''}**, {runs[0]['found']['metric']}", end="")
    print(f", {baseline['name']}: {scale * baseline['score']:.{digits}f}\n" if baseline else "\n")
    columns = sorted({pruned(run) for run in runs})
    lines = collections.defaultdict(list)
    for run in runs:
        lines[length_of(run), method_of(run["asked"])].append(run)
    files = any(run["found"].get("stored") for run in runs)
    extra = ["trains"] + (["stored KB"] if files else []) + (["ms/step", "peak MB", "minutes"] if times else [])
    print("| length | method | " + " | ".join([f"{100 * s:.0f} %" for s in columns] + extra) + " |")
    print("|---|---|" + "---:|" * (len(columns) + len(extra)))
    for (length, method), found in sorted(lines.items()):
        last = [run["found"] for run in found if pruned(run) == max(map(pruned, found))]
        cells = [[run for run in found if pruned(run) == s] for s in columns]
        texts = [cell(some, scale, digits) if some else "" for some in cells] + [f"{last[0]['trainable']:,}"]
        if files:
            texts += [f"{last[0]['stored'] / 1000:,.0f}" if last[0].get("stored") else ""]
        if times:
            texts += [f"{statistics.median(one['step_ms'] for one in last):.0f}"]
            texts += [f"{max(one['peak_mb'] for one in last):.0f}"]
            texts += [f"{statistics.median(one['seconds'] for one in last) / 60:.1f}"]
        print(f"| {length} | {method} | " + " | ".join(texts) + " |")


def main(arguments):
    times = "--times" in arguments
    runs = [run for source in arguments if source != "--times" for run in read(source)]
    for task in dict.fromkeys(run["asked"]["task"] for run in runs):
        print_table(task, [run for run in runs if run["asked"]["task"] == task], times)
    print("\n(* has learnt nothing: within two standard errors of the best answer that needs no model)")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--add":
        add(sys.argv[2], sys.argv[3:])
    else:
        main(sys.argv[1:])
