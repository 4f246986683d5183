# SPDX-License-Identifier: Apache-2.0
"""Times PST as it is published, in PyTorch on the CPU, with the shapes of `compare`.

Every forward finds the mask again, by an argsort of all scores or by torch.kthvalue, and multiplies it into the weight;
all products are dense. Needs torch alone.
"""
import argparse
import json
import os
import random
import statistics
import sys
import time

import torch

TOKENS = 1024
SHAPES = [(768, 768), (3072, 768), (768, 3072), (4096, 4096)]  # outputs, inputs
FULL = "dense full step"


class Mask(torch.autograd.Function):
    """1 where a score is kept; backward hands the gradient to the scores as it is."""

    @staticmethod
    def forward(ctx, scores, sparsity, by):
        pruned = int(scores.numel() * sparsity)
        flat = scores.reshape(-1)
        if by == "argsort":
            mask = torch.ones_like(flat)
            mask[torch.argsort(flat)[:pruned]] = 0
            return mask.view_as(scores)
        return (scores > torch.kthvalue(flat, pruned).values).to(scores.dtype)

    @staticmethod
    def backward(ctx, grad_mask):
        return grad_mask, None, None


class Pst:
    """W~ = W + U V, S = |W~| + A B + R 1^T + 1 C^T, y = x (M .* W~)^T; none of the factors is zero."""

    def __init__(self, weight, sparsity, by, rank=8):
        out, inputs = weight.shape
        self.weight, self.sparsity, self.by = weight, sparsity, by
        shapes = [(out, rank), (rank, inputs), (out, rank), (rank, inputs), (out, 1), (1, inputs)]
        self.factors = [(d * torch.randn(s)).requires_grad_() for s, d in zip(shapes, [1, 0.01, 1, 0.01, 0.01, 0.01])]

    def effective_and_mask(self):
        u, v, a, b, r, c = self.factors
        effective = self.weight + u @ v
        return effective, Mask.apply(effective.abs() + a @ b + (r + c), self.sparsity, self.by)

    @torch.no_grad()
    def refresh(self):
        self.effective_and_mask()

    def step(self, x, grad_y):
        effective, mask = self.effective_and_mask()
        torch.autograd.backward(x @ (mask * effective).t(), grad_y)
        for leaf in [x, *self.factors]:
            leaf.grad = None


def works_of(out, inputs, sparsity):
    """What is timed for one shape, by name."""
    weight, x, grad_y = 0.05 * torch.randn(out, inputs), torch.randn(TOKENS, inputs), torch.randn(TOKENS, out)
    x.requires_grad_()
    full = weight.clone().requires_grad_()

    def dense_step():
        torch.autograd.backward(x @ full.t(), grad_y)
        x.grad = full.grad = None

    works = {FULL: dense_step}
    for by in ("argsort", "kthvalue"):
        layer = Pst(weight, sparsity, by)
        works[f"PST step, {by}"] = lambda layer=layer: layer.step(x, grad_y)
        works[f"- mask refresh, {by}"] = layer.refresh
    return works


def in_rounds(works, rounds):
    """Milliseconds of each work in each round; the first round is not counted."""
    times = {name: [] for name in works}
    for number in range(rounds + 1):
        for name in random.sample(list(works), len(works)):
            begin = time.perf_counter()
            works[name]()
            if number > 0:
                times[name].append(1e3 * (time.perf_counter() - begin))
    return times


def print_table(title, times):
    print(f"| {title:<24} |    ms |      quartiles | of full step |")
    print(f"|{'-' * 26}|{'-' * 6}:|{'-' * 15}:|{'-' * 13}:|")
    for name, ms in times.items():
        low, middle, high = statistics.quantiles(ms, n=4, method="inclusive") if len(ms) > 1 else 3 * ms
        ratio = statistics.median(one / base for one, base in zip(ms, times[FULL]))
        print(f"| {name:<24} | {middle:5.1f} | {f'{low:.1f} to {high:.1f}':>14} | {ratio:12.2f} |")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch (%(default)s)")
    parser.add_argument("--sparsity", type=float, default=0.9, help="fraction of zeros (%(default)s)")
    parser.add_argument("--rounds", type=int, help="how often everything is timed (15)")
    parser.add_argument("--quick", action="store_true", help="5 rounds, unless given, of the two smaller shapes")
    parser.add_argument("--json", metavar="FILE", help="also write all times to this file")
    options = parser.parse_args()
    rounds = (5 if options.quick else 15) if options.rounds is None else options.rounds
    if options.threads < 1 or rounds < 1 or not 0.001 <= options.sparsity <= 0.999:
        parser.error("--threads and --rounds are at least 1, --sparsity is between 0.001 and 0.999")
    torch.set_num_threads(options.threads)
    run = {"torch": torch.__version__, "vectors": torch.backends.cpu.get_cpu_capability(), "threads": options.threads,
           "measured": f"float, {rounds} rounds, sparsity {options.sparsity}"}
    print(*(f"{name}: {value}" for name, value in run.items()), "", sep="\n")
    tables = []
    for out, inputs in SHAPES[:2] if options.quick else SHAPES:
        print(f"{out} x {inputs}", file=sys.stderr)
        times = in_rounds(works_of(out, inputs, options.sparsity), rounds)
        print_table(f"{out} x {inputs}, {TOKENS} tokens", times)
        tables.append({"out": out, "in": inputs, "tokens": TOKENS, "rounds_ms": times})
    if options.json:
        with open(options.json + ".tmp", "w") as file:
            json.dump({"run": run, "tables": tables}, file, indent=1)
        os.replace(options.json + ".tmp", options.json)


if __name__ == "__main__":
    main()
