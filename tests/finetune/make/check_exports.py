# SPDX-License-Identifier: Apache-2.0
"""Checks that transformers, PEFT and compressed-tensors read what export writes, with the logits that the program gave.

    pip install torch transformers==5.23.* peft safetensors
    mkdir kept && FINETUNE_KEEP=kept <build>/tests/test_finetune -tc='exports and the logits*'
    python3 check_exports.py kept/exports
"""
import pathlib
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

DATA = pathlib.Path(__file__).parent.parent / "data"
KEPT = pathlib.Path(sys.argv[1])


def logits_of(model, golden, name):
    """One row per sequence, or for a language model one per real token."""
    ids = golden["ids"].long()
    mask = (torch.arange(ids.shape[1]) < golden["lengths"][:, None]).long()
    types = {"token_type_ids": golden["types"].long()} if name == "bert" else {}
    with torch.no_grad():
        logits = model.eval()(input_ids=ids, attention_mask=mask, **types).logits
    return logits[:, -ids.shape[1]:][mask.bool()] if name == "gpt2" else logits  # behind virtual tokens


def difference(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


def unpacked(archive):
    """The tensors of an archive, dense again, as its format defines them."""
    stored = load_file(archive / "model.safetensors")
    dense = {}
    for name, tensor in stored.items():
        module, _, last = name.rpartition(".")
        if last not in ("compressed", "bitmask", "row_offsets", "shape"):
            dense[name] = tensor
        elif last == "compressed":
            rows, cols = stored[module + ".shape"].tolist()
            bits = stored[module + ".bitmask"]
            mask = ((bits[:, :, None] >> torch.arange(8, dtype=torch.uint8)) & 1).reshape(rows, -1)[:, :cols].bool()
            weight = torch.zeros(rows, cols, dtype=tensor.dtype)
            weight[mask] = tensor
            dense[module + ".weight"] = weight
            counts = mask.sum(1)
            assert torch.equal(stored[module + ".row_offsets"], counts.cumsum(0) - counts), module
    return dense


def check(name):
    kept = KEPT / name
    loader = AutoModelForCausalLM if name == "gpt2" else AutoModelForSequenceClassification
    golden, expected = load_file(DATA / name / "golden.safetensors"), load_file(kept / "expected.safetensors")
    model, info = loader.from_pretrained(kept / "folder", output_loading_info=True)
    assert not any(info[kind] for kind in ["missing_keys", "unexpected_keys", "mismatched_keys"]), info
    sparse = difference(logits_of(model, golden, name), expected["sparse"])
    AutoTokenizer.from_pretrained(kept / "folder")

    folder, archive = load_file(kept / "folder" / "model.safetensors"), unpacked(kept / "archive")
    assert folder.keys() == archive.keys() and all(torch.equal(folder[key], archive[key]) for key in folder)

    labels = {} if name == "gpt2" else {"num_labels": model.config.num_labels}
    adapted = PeftModel.from_pretrained(loader.from_pretrained(kept / "base", **labels), kept / "lora")
    apart = difference(logits_of(adapted, golden, name), expected["dense_part"])
    merged = difference(logits_of(adapted.merge_and_unload(), golden, name), expected["dense_part"])
    scaled = PeftModel.from_pretrained(loader.from_pretrained(kept / "base", **labels), kept / "ia3")
    scales = difference(logits_of(scaled, golden, name), expected["ia3"])
    prompts = [difference(logits_of(PeftModel.from_pretrained(loader.from_pretrained(kept / "base", **labels), kept / kind),
                                    golden, name), expected[kind]) for kind in ("prefix", "prompt")]
    print(f"{name}: folder in transformers {sparse:.1e}, adapter in PEFT {apart:.1e}, merged {merged:.1e}, "
          f"(IA)3 in PEFT {scales:.1e}, prefix {prompts[0]:.1e}, prompt {prompts[1]:.1e}; archive equal")
    assert max(sparse, apart, merged, scales, *prompts) < 1e-5


for each in ["bert", "roberta", "gpt2"]:
    check(each)
