# SPDX-License-Identifier: Apache-2.0
"""Makes tests/finetune/data/generation: a small GPT-2 with room for long sentences, and what transformers generates.

    pip install torch transformers safetensors
    python3 generation.py

cases.json has, for this model and for tests/finetune/data/gpt2, the sentences of greedy and of beam search, and the
tokens that sampling may draw. All is computed in double and once more in float: where rounding decides the sentence,
the script fails, and another seed must be chosen.
"""
import json
import pathlib

import torch
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.generation.logits_process import (TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper)

from make_models import randomise

DATA = pathlib.Path(__file__).parent.parent / "data"
PAPER = dict(num_beams=10, length_penalty=0.8, no_repeat_ngram_size=4)
SETTINGS = [
    dict(),
    dict(no_repeat_ngram_size=2),
    dict(no_repeat_ngram_size=4),
    dict(num_beams=4),
    dict(num_beams=4, no_repeat_ngram_size=4),
    dict(num_beams=4, length_penalty=0.8, no_repeat_ngram_size=4),
    dict(num_beams=4, length_penalty=0.0),
    dict(num_beams=4, length_penalty=-1.0),
    dict(num_beams=4, early_stopping=True),
    dict(num_beams=4, early_stopping="never", length_penalty=2.0),
    dict(num_beams=3, no_repeat_ngram_size=2),
    PAPER,
    dict(PAPER, length_penalty=1.0),
    dict(PAPER, early_stopping=True),
    dict(PAPER, no_repeat_ngram_size=0),
]
WARPS = [dict(temperature=1.0, top_k=0, top_p=1.0), dict(temperature=0.7, top_k=0, top_p=0.9),
         dict(temperature=1.3, top_k=5, top_p=1.0), dict(temperature=0.5, top_k=10, top_p=0.6),
         dict(temperature=1.0, top_k=3, top_p=0.05), dict(temperature=2.0, top_k=0, top_p=0.35)]


def make_model():
    config = GPT2Config(vocab_size=24, n_positions=64, n_embd=16, n_layer=1, n_head=2, n_inner=24, bos_token_id=23,
                        eos_token_id=23, attn_implementation="eager")
    model = GPT2LMHeadModel(config).eval()
    randomise(model, 29)
    model.save_pretrained(DATA / "generation")
    (DATA / "generation" / "generation_config.json").unlink(missing_ok=True)


def generate(model, prompt, new, end, settings):
    ends = end if isinstance(end, list) else [end]
    out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                         do_sample=False, max_new_tokens=new, eos_token_id=end, pad_token_id=ends[0], return_dict_in_generate=True,
                         output_scores=True, **settings)
    ids = out.sequences[0, len(prompt):].tolist()
    ended = [i for i, token in enumerate(ids) if token in ends]
    if ended:
        ids = ids[:ended[0] + 1]  # what follows is padding
    return ids, out.sequences_scores[0].item() if "num_beams" in settings else 0.0


def cases_of(folder, end, prompts, new):
    exact = GPT2LMHeadModel.from_pretrained(DATA / folder).eval().double()
    rounded = GPT2LMHeadModel.from_pretrained(DATA / folder).eval()
    cases = []
    for settings in SETTINGS:
        made = [generate(exact, prompt, new, end, settings) for prompt in prompts]
        for prompt, (ids, _) in zip(prompts, made):
            assert generate(rounded, prompt, new, end, settings)[0] == ids, (folder, prompt, settings)
        cases.append(dict(settings=settings, max_new_tokens=new, ids=[ids for ids, _ in made],
                          scores=[round(score, 6) for _, score in made]))
    ended = sum(ids[-1] in (end if isinstance(end, list) else [end]) for case in cases for ids in case["ids"])
    print(folder, ":", ended, "of", len(cases) * len(prompts), "sentences end")
    return dict(folder=folder, end=end, prompts=prompts, cases=cases)


def warped():
    generator = torch.Generator().manual_seed(5)
    logits = (torch.randn(1, 30, generator=generator) * 2).float()
    cases = []
    for warp in WARPS:
        scores = TemperatureLogitsWarper(warp["temperature"])(None, logits)
        if warp["top_k"]:
            scores = TopKLogitsWarper(warp["top_k"])(None, scores)
        scores = TopPLogitsWarper(warp["top_p"])(None, scores)
        probability = scores.double().softmax(-1)[0]
        order = probability.argsort(descending=True)
        kept = [i for i in order.tolist() if probability[i] > 0]
        cases.append(dict(warp, ids=kept, probabilities=[round(probability[i].item(), 7) for i in kept]))
    return dict(logits=[round(x, 6) for x in logits[0].tolist()], cases=cases)


if __name__ == "__main__":
    (DATA / "generation").mkdir(exist_ok=True)
    make_model()
    models = [cases_of("gpt2", 33, [[5], [3, 17, 2], [30, 1, 1, 8, 22, 4, 9], [12, 0, 31, 31, 7]], 9),
              cases_of("generation", 23, [[3], [1, 2, 3, 4], [20, 11, 5, 5, 5, 5, 19, 2, 7], [9, 9], [14, 0, 22, 13, 6]],
                       40),
              cases_of("generation", [5, 23, 1], [[3], [20, 11, 5, 5, 5, 5, 19, 2, 7], [9, 9]], 40)]
    text = json.dumps(dict(models=models, drawn=warped()), separators=(",", ":"))
    (DATA / "generation" / "cases.json").write_text(text.replace('{"settings"', '\n{"settings"') + "\n")
