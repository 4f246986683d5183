# SPDX-License-Identifier: Apache-2.0
"""What a short run of each method takes in memory, beside what `--dry-run` foretells.

    python3 memory.py PROGRAM MODEL DATA [OPTIONS...]

PROGRAM is pst-finetune, MODEL a folder, DATA that of SST-2. Each of OPTIONS is one text, as "--method lora --recompute";
none: a list of methods. The largest batch of 20 steps counts. Megabytes of the whole process,
of which the program and its vocabulary are not foretold.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

METHODS = ["full --rate 1e-4", "full --rate 1e-4 --recompute", "magnitude", "movement", "pst", "pst --recompute", "lora", "dora", "bitfit", "norms", "houlsby", "pfeiffer",
           "parallel", "low-rank", "compacter", "ia3", "prefix", "prompt", "masking", "diff", "intrinsic"]


def run(program, arguments):
    done = subprocess.run([program, "train", *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):  # 3: it has learnt nothing, in so few steps
        sys.exit(done.stderr)
    return done.stdout


def main(program, model, data, *options):
    print("| options | foretold MB | peak MB | more MB |\n|---|---:|---:|---:|")
    for each in options or [f"--method {method}" for method in METHODS]:
        arguments = ["--model", model, "--task", "sst2", "--data", data, "--steps", "20", "--train-limit", "640",
                     "--dev-limit", "32", "--threads", "1", *each.split()]
        found = re.search(r"^  together +([0-9.]+) MB", run(program, [*arguments, "--dry-run"]), re.MULTILINE)
        with tempfile.TemporaryDirectory() as out:
            run(program, [*arguments, "--out", f"{out}/run"])
            peak = json.loads((pathlib.Path(out) / "run" / "result.json").read_text())["peak_mb"]
        foretold = float(found[1])
        print(f"| `{each}` | {foretold:.0f} | {peak:.0f} | {peak - foretold:.0f} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
