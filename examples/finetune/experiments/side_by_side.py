# SPDX-License-Identifier: Apache-2.0
"""Many fine-tunings of a BERT encoder on SST-2 at once on a GPU, in PyTorch: a search of settings, not the program's own.

    pip install torch transformers safetensors
    python3 side_by_side.py --model FOLDER --data SST2_FOLDER --method pst --epochs 3 "" rate=6e-4 rate=3e-4,distill=0.5

Each RUN is one of the settings that differ from PST's in pst-finetune: "" is that. Other methods need theirs to be given:
movement's scores have score_rate=100 there. `small_rate` is times the rate for biases and norms; `start` times abs(W) is
where movement's scores begin; `distill` is the weight of the KL divergence (at temperature 2) to a dense model that is
trained first, at rate 1e-4. Every tensor that trains has a leading axis of the runs, which share their batches.

What differs from pst-finetune: thresholds are looked for in every eighth step, all weights at the threshold are pruned,
the schedule counts from 1, products are in TF32, other training sentences and other random numbers.
"""

import argparse
import json
import math
import pathlib
import time

import torch
import torch.nn.functional as F

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DEFAULTS = dict(
    rate=3e-4,
    score_rate=1.0,
    head_rate=3.0,
    small_rate=1.0,
    rank=8,
    score_rank=8,
    alpha1=1.0,
    alpha2=1.0,
    sparsity=0.9,
    warmup=0.1,
    cooldown=0.3,
    distill=0.0,
    start=0.0,
)
REFRESH = 8  # steps between two searches of the thresholds
PARTS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


class Encoder:
    """The pretrained weights and the sizes of the model."""

    def __init__(self, folder):
        from safetensors.torch import load_file

        self.config = json.loads((folder / "config.json").read_text())
        tensors = load_file(folder / "model.safetensors")
        self.weights = {
            k.removeprefix("bert."): v.float().to(DEVICE) for k, v in tensors.items() if v.is_floating_point()
        }
        if "pooler.dense.weight" not in self.weights:
            raise SystemExit(f"{folder} has no pooler, expected a BERT encoder with pooler.dense")
        self.layers = [f"encoder.layer.{layer}" for layer in range(self.config["num_hidden_layers"])]
        self.linears = [f"{layer}.{part}" for layer in self.layers for part in PARTS]


class Runs:
    """The runs of one call: `values[name]` is [runs, ...]."""

    def __init__(self, encoder, method, runs, seed):
        self.encoder, self.method, self.count, self.step_number = encoder, method, len(runs), 0
        self.set = {name: torch.tensor([run[name] for run in runs], device=DEVICE) for name in DEFAULTS}
        self.values, self.rates, self.thresholds = {}, {}, {}
        draw = torch.Generator().manual_seed(seed)
        for name in encoder.linears:
            self.add_linear(name, draw)
        for name, weight in encoder.weights.items():
            if "LayerNorm" in name or name in [f"{linear}.bias" for linear in encoder.linears]:
                self.add(name, weight, "small_rate")
            elif name.startswith("pooler"):
                self.add(name, weight, "head_rate")
        width = encoder.config["hidden_size"]
        self.add("classifier.weight", torch.randn(2, width, generator=draw) * 0.02, "head_rate")
        self.add("classifier.bias", torch.zeros(2), "head_rate")
        self.moments = {name: (torch.zeros_like(v), torch.zeros_like(v)) for name, v in self.values.items()}

    def add(self, name, value, rate=None, scale=None):
        """`value` for every run, times `scale` [runs, ...]; it learns with the setting `rate` times the learning rate."""
        value = value.to(DEVICE)[None].expand(self.count, *value.shape) * (1.0 if scale is None else scale)
        self.values[name] = value.clone().requires_grad_(True)
        self.rates[name] = torch.ones(self.count, device=DEVICE) if rate is None else self.set[rate]

    def add_linear(self, name, draw):
        weight = self.encoder.weights[f"{name}.weight"]
        rows, cols = weight.shape
        if self.method != "pst":
            self.add(f"{name}.weight", weight)
            if self.method == "movement":
                self.add(f"{name}.S", weight.abs(), "score_rate", self.set["start"][:, None, None])
            return
        for left, right, setting, rate in (("U", "V", "rank", None), ("A", "B", "score_rank", "score_rate")):
            most = int(self.set[setting].max())
            # Factors of a lower rank are zeros beyond it, and stay so.
            used = (torch.arange(most, device=DEVICE)[None] < self.set[setting][:, None]).float()[:, None]
            self.add(f"{name}.{left}", torch.randn(rows, most, generator=draw), rate, used)
            self.add(f"{name}.{right}", torch.zeros(most, cols), rate)
        self.add(f"{name}.R", torch.zeros(rows), "score_rate")
        self.add(f"{name}.C", torch.zeros(cols), "score_rate")

    def sparsity(self, steps):
        """The cubic schedule; 0 for dense training."""
        if self.method == "full":
            return torch.zeros(self.count, device=DEVICE)
        warmup, cooldown = self.set["warmup"], self.set["cooldown"]
        left = 1 - (self.step_number - warmup * steps) / (steps - (warmup + cooldown) * steps)
        return self.set["sparsity"] * (1 - left.clamp(0, 1) ** 3)

    def scores(self, name, weight):
        v, scale = self.values, lambda setting: self.set[setting][:, None, None]
        if self.method == "movement":
            return v[f"{name}.S"]
        if self.method == "magnitude":
            return weight.abs()
        structured = v[f"{name}.R"][:, :, None] + v[f"{name}.C"][:, None, :]
        return weight.abs() + scale("alpha1") * (v[f"{name}.A"] @ v[f"{name}.B"]) + scale("alpha2") * structured

    def masked(self, name, sparsity, refresh):
        """The masked weight; the gradient of the mask is handed to the scores unchanged."""
        v = self.values
        weight = (
            self.encoder.weights[f"{name}.weight"] + v[f"{name}.U"] @ v[f"{name}.V"]
            if self.method == "pst"
            else v[f"{name}.weight"]
        )
        if self.method == "full":
            return weight
        scores = self.scores(name, weight)
        if refresh:
            with torch.no_grad():
                ordered = scores.flatten(1).sort(1)[0]
                pruned = (sparsity * ordered.shape[1]).long()
                last = ordered.gather(1, (pruned - 1).clamp(min=0)[:, None])[:, 0]
                self.thresholds[name] = torch.where(pruned > 0, last, torch.full_like(last, -1e30))[:, None, None]
        kept = (scores > self.thresholds[name]).float()
        return (kept + (scores - scores.detach())) * weight

    def forward(self, ids, sparsity, train, refresh):
        weights, v, runs, config = self.encoder.weights, self.values, self.count, self.encoder.config
        (batch, length), width, heads = ids.shape, config["hidden_size"], config["num_attention_heads"]

        def drop(x):
            return F.dropout(x, config["hidden_dropout_prob"], train)

        def norm(x, name):
            return (
                F.layer_norm(x, (width,), eps=config["layer_norm_eps"]) * v[f"{name}.weight"][:, None]
                + v[f"{name}.bias"][:, None]
            )

        def linear(x, name):
            return torch.baddbmm(v[f"{name}.bias"][:, None], x, self.masked(name, sparsity, refresh).transpose(1, 2))

        def by_head(x):
            return x.reshape(runs * batch, length, heads, width // heads).transpose(1, 2)

        table = "embeddings.{}_embeddings.weight".format
        x = weights[table("word")][ids] + weights[table("position")][:length] + weights[table("token_type")][0]
        x = drop(norm(x.reshape(1, batch * length, width).expand(runs, -1, -1), "embeddings.LayerNorm"))
        hidden = (
            torch.zeros(batch, 1, 1, length, device=DEVICE)
            .masked_fill((ids == 0)[:, None, None], -1e9)
            .repeat(runs, 1, 1, 1)
        )
        for layer in self.encoder.layers:
            q, k, values = (by_head(linear(x, f"{layer}.attention.self.{n}")) for n in ("query", "key", "value"))
            attended = F.scaled_dot_product_attention(
                q, k, values, attn_mask=hidden, dropout_p=config["attention_probs_dropout_prob"] if train else 0.0
            )
            attended = attended.transpose(1, 2).reshape(runs, batch * length, width)
            x = norm(
                x + drop(linear(attended, f"{layer}.attention.output.dense")), f"{layer}.attention.output.LayerNorm"
            )
            inner = F.gelu(linear(x, f"{layer}.intermediate.dense"))
            x = norm(x + drop(linear(inner, f"{layer}.output.dense")), f"{layer}.output.LayerNorm")
        first = x.reshape(runs, batch, length, width)[:, :, 0]
        pooled = torch.tanh(
            torch.baddbmm(v["pooler.dense.bias"][:, None], first, v["pooler.dense.weight"].transpose(1, 2))
        )
        return torch.baddbmm(v["classifier.bias"][:, None], drop(pooled), v["classifier.weight"].transpose(1, 2))

    def step(self, ids, labels, steps, teacher):
        """One step of AdamW with a rate that falls to 0."""
        self.step_number += 1
        logits = self.forward(ids, self.sparsity(steps), True, self.step_number % REFRESH == 1)
        loss = (
            F.cross_entropy(logits.flatten(0, 1), labels.repeat(self.count), reduction="none")
            .reshape(self.count, -1)
            .mean(1)
        )
        if teacher is not None:
            wanted = F.softmax(teacher / 2, -1)
            distance = 4 * (wanted * (wanted.log() - F.log_softmax(logits / 2, -1))).sum(-1).mean(1)
            loss = (1 - self.set["distill"]) * loss + self.set["distill"] * distance
        gradients = torch.autograd.grad(loss.sum(), list(self.values.values()), allow_unused=True)
        rate = self.set["rate"] * (1 - (self.step_number - 1) / steps)
        with torch.no_grad():
            for (name, value), gradient in zip(self.values.items(), gradients):
                if gradient is None:
                    continue
                mean, square = self.moments[name]
                mean.lerp_(gradient, 0.1)
                square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                by_run = (rate * self.rates[name] / (1 - 0.9**self.step_number)).reshape(-1, *[1] * (value.dim() - 1))
                value.sub_(by_run * mean / ((square / (1 - 0.999**self.step_number)).sqrt() + 1e-6))

    @torch.no_grad()
    def logits(self, ids):
        """[runs, sentences, 2], with the masks of the last step's sparsity."""
        sparsity = torch.zeros(self.count, device=DEVICE) if self.method == "full" else self.set["sparsity"]
        return torch.cat(
            [self.forward(cropped(ids[at : at + 256]), sparsity, False, at == 0) for at in range(0, len(ids), 256)], 1
        )


def cropped(ids):
    return ids[:, : int((ids != 0).sum(1).max())].to(DEVICE)


def read(file, tokenizer):
    rows = [line.rstrip("\n").split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    label, text = (rows[0].index(name) for name in ("label", "content" if "content" in rows[0] else "sentence"))
    ids = tokenizer(
        [row[text] for row in rows[1:]], truncation=True, max_length=128, padding=True, return_tensors="pt"
    )["input_ids"]
    return ids, torch.tensor([int(row[label]) for row in rows[1:]])


def train(encoder, method, runs, data, options, teacher=None):
    ids, labels = data
    torch.manual_seed(options.seed)
    made, order, draw = Runs(encoder, method, runs, options.seed), [], torch.Generator().manual_seed(options.seed)
    steps, began = options.steps or int(len(ids) * options.epochs / 32), time.time()
    for step in range(steps):
        if len(order) < 32:
            order += torch.randperm(len(ids), generator=draw).tolist()
        batch, order = order[:32], order[32:]
        made.step(
            cropped(ids[batch]),
            labels[batch].to(DEVICE),
            steps,
            None if teacher is None else teacher[batch][None].to(DEVICE),
        )
    if not all(value.isfinite().all() for value in made.values.values()):
        raise SystemExit(f"{method}: some numbers are not finite, lower the rate")
    print(f"# {method}: {len(runs)} runs of {steps} steps in {time.time() - began:.1f} s", flush=True)
    return made


def settings_of(text):
    given = dict(pair.split("=") for pair in text.split(",") if pair)
    if unknown := given.keys() - DEFAULTS.keys():
        raise SystemExit(f"unknown setting {', '.join(unknown)}; known are {', '.join(DEFAULTS)}")
    return DEFAULTS | {name: type(DEFAULTS[name])(value) for name, value in given.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="train.tsv and dev.tsv with a header")
    parser.add_argument("--method", choices=("pst", "magnitude", "movement", "full"), default="pst")
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--steps", type=int, default=0, help="instead of --epochs, if not 0")
    parser.add_argument("--limit", type=int, default=32000, help="so many training sentences, evenly spread")
    parser.add_argument("--seed", type=int, default=43)
    parser.add_argument(
        "runs", nargs="+", type=settings_of, metavar="RUN", help="NAME=VALUE,... of " + ", ".join(DEFAULTS)
    )
    options = parser.parse_args()
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    torch.backends.cuda.matmul.allow_tf32 = True
    encoder = Encoder(options.model)
    ids, labels = read(options.data / "train.tsv", tokenizer)
    chosen = torch.linspace(0, len(ids) - 1, min(options.limit, len(ids))).long()
    data = ids[chosen], labels[chosen]
    dev_ids, dev_labels = read(options.data / "dev.tsv", tokenizer)
    teacher = None
    if any(run["distill"] > 0 for run in options.runs):
        dense = train(encoder, "full", [DEFAULTS | {"rate": 1e-4}], data, options)
        teacher = dense.logits(data[0])[0].cpu()
    made = train(encoder, options.method, options.runs, data, options, teacher)
    right = (made.logits(dev_ids).argmax(-1) == dev_labels.to(DEVICE)).float().mean(1) * 100
    for run, accuracy in zip(options.runs, right.tolist()):
        differs = {name: value for name, value in run.items() if value != DEFAULTS[name]}
        print(
            json.dumps(
                dict(
                    method=options.method,
                    steps=made.step_number,
                    sentences=len(chosen),
                    seed=options.seed,
                    accuracy=round(accuracy, 1),
                    **differs,
                )
            )
        )


if __name__ == "__main__":
    main()
