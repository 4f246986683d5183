# SPDX-License-Identifier: Apache-2.0
"""Makes the small models of tests/finetune/data and what transformers computes with them.

    pip install torch transformers safetensors
    python3 make_models.py

Every model is a Hugging Face folder with random weights and, beside them, golden.safetensors: inputs with padding,
logits, loss, the gradient of every parameter, and the losses of ten steps of AdamW. All is computed in double from the
float weights, so what a test measures is the error of the other side alone.
"""
import pathlib

import torch
from safetensors.torch import save_file
from transformers import (BertConfig, BertForSequenceClassification, GPT2Config, GPT2LMHeadModel, RobertaConfig,
                          RobertaForSequenceClassification)

DATA = pathlib.Path(__file__).parent.parent / "data"
LENGTHS = [9, 5, 2]
TOKENS = 9
STEPS = 10
BLOCKS = dict(num_hidden_layers=2, hidden_size=32, num_attention_heads=4, intermediate_size=48)


def randomise(model, seed):
    """Larger numbers than a model starts with, in biases and norms too, so that every term of a gradient is seen."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        is_norm = "norm" in name.lower() or "ln_" in name
        if is_norm and name.endswith("weight"):
            parameter.data = 1 + 0.2 * noise
        elif parameter.dim() == 1:
            parameter.data = 0.2 * noise
        else:
            parameter.data = (0.5 if "emb" in name or "wte" in name or "wpe" in name else 0.2) * noise


def inputs(vocabulary, pad, special, seed):
    """Ids behind `special`, padded with `pad`, and the mask of real tokens."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(special, vocabulary, (len(LENGTHS), TOKENS), generator=generator)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        mask[row, :length] = 1
    return torch.where(mask == 1, ids, torch.full_like(ids, pad)), mask


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {"grad." + name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def train(model, loss_of):
    """The loss before each of ten steps of AdamW on all parameters."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


def write(name, model, tensors):
    stored = {key: value.contiguous().to(torch.int32 if not value.is_floating_point() else
                                         torch.float64 if value.dim() < 2 and "loss" in key else torch.float32)
              for key, value in tensors.items()}
    save_file(stored, DATA / name / "golden.safetensors", {"format": "pt"})


def make(name, model, seed, call, batch):
    """`call(model)` gives the loss and what else there is to write."""
    model.eval()
    randomise(model, seed)
    model.save_pretrained(DATA / name)
    (DATA / name / "generation_config.json").unlink(missing_ok=True)
    model.double()
    loss, logits, extra = call(model)
    golden = dict(batch, logits=logits.detach(), loss=loss.detach().reshape(1), lengths=torch.tensor(LENGTHS), **extra)
    golden |= gradients(model, loss)
    golden["losses"] = train(model, lambda m: call(m)[0])
    write(name, model, golden)


def bert():
    config = BertConfig(vocab_size=40, max_position_embeddings=16, num_labels=3, attn_implementation="eager", **BLOCKS)
    ids, mask = inputs(40, 0, 5, 1)
    types = torch.zeros_like(ids)
    types[0, 5:] = 1
    types[1, 3:5] = 1
    labels = torch.tensor([2, 0, 1])

    def call(model):
        out = model(input_ids=ids, attention_mask=mask, token_type_ids=types, labels=labels)
        return out.loss, out.logits, {}

    make("bert", BertForSequenceClassification(config), 11, call, dict(ids=ids, types=types, labels=labels))


def roberta():
    config = RobertaConfig(vocab_size=40, max_position_embeddings=18, type_vocab_size=1, num_labels=1,
                           layer_norm_eps=1e-5, problem_type="regression", attn_implementation="eager", **BLOCKS)
    ids, mask = inputs(40, 1, 3, 2)
    values = torch.tensor([2.5, -1.0, 0.5], dtype=torch.float64)

    def call(model):
        out = model(input_ids=ids, attention_mask=mask, labels=values)
        return out.loss, out.logits, {}

    make("roberta", RobertaForSequenceClassification(config), 12, call, dict(ids=ids, values=values.reshape(1, -1)))


def gpt2():
    config = GPT2Config(vocab_size=40, n_positions=16, n_embd=32, n_layer=2, n_head=4, n_inner=48, bos_token_id=39,
                        eos_token_id=39, attn_implementation="eager")
    ids, mask = inputs(40, 39, 0, 3)
    labels = torch.where(mask == 1, ids, torch.full_like(ids, -100))
    labels[0, :4] = -100  # as a prompt that is not learnt

    def call(model):
        out = model(input_ids=ids, attention_mask=mask, labels=labels)
        smooth = torch.nn.functional.cross_entropy(out.logits[:, :-1].reshape(-1, 40), labels[:, 1:].reshape(-1),
                                                   ignore_index=-100, label_smoothing=0.1)
        return smooth, out.logits.reshape(-1, 40), {"sharp_loss": out.loss.detach().reshape(1)}

    make("gpt2", GPT2LMHeadModel(config), 13, call, dict(ids=ids, labels=labels))


if __name__ == "__main__":
    bert()
    roberta()
    gpt2()
