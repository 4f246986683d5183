# SPDX-License-Identifier: Apache-2.0
"""Writes ../data/adapters: adapters of PEFT with random numbers for the models in ../data, and the logits they give; of
virtual tokens and of one DoRA their gradients, too. Titles choose some of them: a prefix on BERT needs transformers 5.23.

    pip install torch==2.15.* transformers==5.24.0 peft==0.21.2 safetensors
    python3 make_adapters.py [TITLE...]
"""
import json
import pathlib
import shutil
import sys

import torch
from peft import (IA3Config, LoraConfig, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig,
                  get_peft_model)
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

DATA = pathlib.Path(__file__).parent.parent / "data"
OUT = DATA / "adapters"
CLASSES, TEXT = {"task_type": "SEQ_CLS"}, {"task_type": "CAUSAL_LM"}
ADAPTERS = {
    "bert_lora": ("bert", LoraConfig(r=3, lora_alpha=6, bias="all", **CLASSES)),
    "bert_rslora": ("bert", LoraConfig(r=4, lora_alpha=6, use_rslora=True, target_modules=["query", "output.dense"],
                                       rank_pattern={"query": 2}, alpha_pattern={"1.output.dense": 5},
                                       bias="lora_only", **CLASSES)),
    "roberta_expression": ("roberta", LoraConfig(r=2, lora_alpha=2, target_modules=r".*\.layer\.1\..*(key|dense)",
                                                 **CLASSES)),
    "gpt2_lora": ("gpt2", LoraConfig(r=3, lora_alpha=1, target_modules=["c_attn", "c_fc"], fan_in_fan_out=True, **TEXT)),
    "bert_ia3": ("bert", IA3Config(**CLASSES)),
    "gpt2_ia3": ("gpt2", IA3Config(**TEXT)),
    "bert_dora": ("bert", LoraConfig(r=3, lora_alpha=6, use_dora=True, target_modules=["query", "value"], **CLASSES)),
    "gpt2_dora": ("gpt2", LoraConfig(r=2, lora_alpha=3, use_dora=True, target_modules=["c_attn", "mlp.c_proj"],
                                     fan_in_fan_out=True, **TEXT)),
    "bert_prompt": ("bert", PromptTuningConfig(num_virtual_tokens=3, **CLASSES)),
    "bert_prefix": ("bert", PrefixTuningConfig(num_virtual_tokens=3, **CLASSES)),
    "bert_projected": ("bert", PrefixTuningConfig(num_virtual_tokens=2, prefix_projection=True, encoder_hidden_size=8,
                                                  **CLASSES)),
    "bert_p_tuning": ("bert", PromptEncoderConfig(num_virtual_tokens=2, encoder_hidden_size=8, **CLASSES)),
    "roberta_prompt": ("roberta", PromptTuningConfig(num_virtual_tokens=3, **CLASSES)),
    "roberta_prefix": ("roberta", PrefixTuningConfig(num_virtual_tokens=3, **CLASSES)),
    "gpt2_prompt": ("gpt2", PromptTuningConfig(num_virtual_tokens=3, **TEXT)),
    "gpt2_prefix": ("gpt2", PrefixTuningConfig(num_virtual_tokens=3, **TEXT)),
}


def is_prompt(config):
    return config.peft_type.value in ("PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING")


def logits_of(model, golden, name):
    """One row per sequence, or for a language model one per real token."""
    ids = golden["ids"].long()
    mask = (torch.arange(ids.shape[1]) < golden["lengths"][:, None]).long()
    types = {"token_type_ids": golden["types"].long()} if name == "bert" else {}
    logits = model.eval()(input_ids=ids, attention_mask=mask, **types).logits
    return logits[:, -ids.shape[1]:][mask.bool()] if name == "gpt2" else logits


def gradient_of(model, logits):
    """Of the sum of the squared logits, by the vectors that train themselves."""
    table = [value for key, value in model.named_parameters() if key.endswith("default.embedding.weight")]
    return torch.autograd.grad(logits.square().sum(), table)[0]


for title in sys.argv[1:] or ADAPTERS:
    name, config = ADAPTERS[title]
    shutil.rmtree(OUT / title, ignore_errors=True)
    torch.manual_seed(3)
    loader = AutoModelForCausalLM if name == "gpt2" else AutoModelForSequenceClassification
    model = get_peft_model(loader.from_pretrained(DATA / name), config)
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            spread = 0.3 * torch.randn_like(parameter)
            is_factor = "lora_A" in key or "lora_B" in key
            parameter.data += spread - parameter.data if is_factor else spread
    model.save_pretrained(OUT / title)
    (OUT / title / "README.md").unlink(missing_ok=True)
    file = OUT / title / "adapter_config.json"
    settings = json.loads(file.read_text())
    settings["base_model_name_or_path"] = name
    file.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    logits = logits_of(model, load_file(DATA / name / "golden.safetensors"), name)
    expected = {"logits": logits.detach().contiguous()}
    if is_prompt(config) and title not in ("bert_projected", "bert_p_tuning"):
        expected["gradient"] = gradient_of(model, logits).contiguous()
    if title == "bert_dora":
        factors = {key.replace(".default", "").replace("vector.weight", "vector"): value
                   for key, value in model.named_parameters() if "lora_" in key}
        gradients = torch.autograd.grad(logits.square().sum(), list(factors.values()))
        expected |= {f"gradient.{key}": each.contiguous() for key, each in zip(factors, gradients)}
    save_file(expected, OUT / title / "expected.safetensors")
    print(title, list(load_file(OUT / title / "adapter_model.safetensors"))[:3], logits.flatten()[:2])
