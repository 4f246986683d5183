# SPDX-License-Identifier: Apache-2.0
"""Checks that the library adapters reads what export --to-adapters writes, with the logits that the program gave.

    pip install torch adapters==1.3.0 safetensors        # brings transformers 4.57
    mkdir kept && FINETUNE_KEEP=kept <build>/tests/test_finetune -tc='bottlenecks for the library*'
    python3 check_library_adapters.py kept/library_adapters
"""
import pathlib
import sys

import adapters
import torch
from adapters import AutoAdapterModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

DATA = pathlib.Path(__file__).parent.parent / "data"


def logits_of(model, golden, name):
    """One row per sequence, or for a language model one per real token."""
    ids = golden["ids"].long()
    mask = (torch.arange(ids.shape[1]) < golden["lengths"][:, None]).long()
    types = {"token_type_ids": golden["types"].long()} if name == "bert" else {}
    with torch.no_grad():
        logits = model.eval()(input_ids=ids, attention_mask=mask, **types).logits
    return logits[mask.bool()] if name == "gpt2" else logits


def check(folder):
    name = folder.parent.name
    if name == "gpt2":
        model = AutoModelForCausalLM.from_pretrained(DATA / name)
        adapters.init(model)
    else:
        model = AutoAdapterModel.from_pretrained(DATA / name)
    info = {}
    model.load_adapter(str(folder), use_safetensors=True, set_active=True, loading_info=info)
    ours = [key for key in info["missing_keys"] if ".pst." in key]
    assert not ours and not info["unexpected_keys"], info
    expected = load_file(folder.parent / f"{folder.name}.safetensors")["logits"]
    found = logits_of(model, load_file(DATA / name / "golden.safetensors"), name)
    apart = float((found - expected).abs().max() / expected.abs().max())
    print(f"{name}/{folder.name}: {apart:.1e}")
    assert apart < 1e-5


folders = sorted(path for path in pathlib.Path(sys.argv[1]).glob("*/*") if path.is_dir())
assert len(folders) == 14, folders
for each in folders:
    check(each)
