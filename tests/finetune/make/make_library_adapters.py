# SPDX-License-Identifier: Apache-2.0
"""Writes ../data/library_adapters: bottlenecks of the library adapters with random numbers for the models in ../data, and
the logits they give. Titles choose some of them.

    pip install torch adapters==1.3.0 safetensors        # brings transformers 4.57
    python3 make_library_adapters.py [TITLE...]
"""
import json
import pathlib
import shutil
import sys

import adapters
import torch
from adapters import AutoAdapterModel, BnConfig, CompacterConfig, CompacterPlusPlusConfig, DoubleSeqBnConfig, ParBnConfig, SeqBnConfig
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

DATA = pathlib.Path(__file__).parent.parent / "data"
OUT = DATA / "library_adapters"
# The head: "flex" has two layers and a tanh, "pooled" one behind the pooler, "own" is that of the model's class.
ADAPTERS = {
    "bert_double_seq_bn": ("bert", DoubleSeqBnConfig(reduction_factor=8), "flex"),
    "bert_seq_bn": ("bert", SeqBnConfig(reduction_factor=16), "own"),
    "bert_par_bn": ("bert", ParBnConfig(reduction_factor=6.4), "flex"),
    "bert_pooled": ("bert", BnConfig(mh_adapter=False, output_adapter=True, reduction_factor=8, non_linearity="gelu_new",
                                     scaling=0.5), "pooled"),
    "bert_compacter": ("bert", CompacterConfig(reduction_factor=4, phm_rank=2), "flex"),
    "bert_compacter_plus": ("bert", CompacterPlusPlusConfig(reduction_factor=8, phm_dim=2, shared_phm_rule=False), "flex"),
    "roberta_double_seq_bn": ("roberta", DoubleSeqBnConfig(reduction_factor=8), "flex"),
    "roberta_seq_bn": ("roberta", SeqBnConfig(reduction_factor=8), "own"),
    "gpt2_double_seq_bn": ("gpt2", DoubleSeqBnConfig(reduction_factor=8), None),
    "gpt2_seq_bn": ("gpt2", SeqBnConfig(reduction_factor=8), None),
}
NAME = "task"


def logits_of(model, golden, name):
    """One row per sequence, or for a language model one per real token."""
    ids = golden["ids"].long()
    mask = (torch.arange(ids.shape[1]) < golden["lengths"][:, None]).long()
    types = {"token_type_ids": golden["types"].long()} if name == "bert" else {}
    with torch.no_grad():
        logits = model.eval()(input_ids=ids, attention_mask=mask, **types).logits
    return logits[mask.bool()] if name == "gpt2" else logits


def make(name, config, head):
    if head in ("flex", "pooled"):
        model = AutoAdapterModel.from_pretrained(DATA / name)
        labels = {0: "no", 1: "perhaps", 2: "yes"}
        kind = dict(layers=2, activation_function="tanh") if head == "flex" else dict(layers=1, use_pooler=True)
        model.add_adapter(NAME, config)
        model.add_classification_head(NAME, num_labels=3, id2label=labels, **kind)
    else:
        loader = AutoModelForCausalLM if name == "gpt2" else AutoModelForSequenceClassification
        model = loader.from_pretrained(DATA / name)
        adapters.init(model)
        model.add_adapter(NAME, config)
    model.set_active_adapters(NAME)
    return model


for title in sys.argv[1:] or ADAPTERS:
    name, config, head = ADAPTERS[title]
    shutil.rmtree(OUT / title, ignore_errors=True)
    torch.manual_seed(3)
    model = make(name, config, head)
    for key, parameter in model.named_parameters():
        is_head = key.startswith(("heads.", "classifier."))
        if f".{NAME}." in key or is_head:
            parameter.data += 0.3 * torch.randn_like(parameter)
    with_head = {} if head else {"with_head": False}
    model.save_adapter(OUT / title, NAME, use_safetensors=True, **with_head)
    for file in OUT.glob(f"{title}/*_config.json"):
        settings = json.loads(file.read_text())
        settings["model_name"] = name
        file.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    logits = logits_of(model, load_file(DATA / name / "golden.safetensors"), name)
    save_file({"logits": logits.contiguous()}, OUT / title / "expected.safetensors")
    print(title, sorted(path.name for path in (OUT / title).iterdir()), logits.flatten()[:2])
