# SPDX-License-Identifier: Apache-2.0
"""Checks that transformers loads the folders that save_model wrote, with the logits that it gave before.

    mkdir saved && FINETUNE_KEEP=saved <build>/tests/test_finetune
    python3 check_saved.py saved
"""
import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

DATA = pathlib.Path(__file__).parent.parent / "data"

for name in ["bert", "roberta", "gpt2"]:
    loader = AutoModelForCausalLM if name == "gpt2" else AutoModelForSequenceClassification
    model, info = loader.from_pretrained(pathlib.Path(sys.argv[1]) / name, output_loading_info=True)
    assert not any(info[kind] for kind in ["missing_keys", "unexpected_keys", "mismatched_keys"]), info
    golden = load_file(DATA / name / "golden.safetensors")
    ids = golden["ids"].long()
    mask = (torch.arange(ids.shape[1]) < golden["lengths"][:, None]).long()
    types = {"token_type_ids": golden["types"].long()} if name == "bert" else {}
    with torch.no_grad():
        logits = model.eval()(input_ids=ids, attention_mask=mask, **types).logits.reshape(golden["logits"].shape)
    rows = mask.flatten().bool() if name == "gpt2" else slice(None)
    error = (logits - golden["logits"])[rows].abs().max() / golden["logits"].abs().max()
    print(f"{name}: largest difference of a logit {error:.1e}, relative to the largest logit")
    assert error < 1e-5
