# SPDX-License-Identifier: Apache-2.0
"""Writes ../data/metrics.json: inputs of the metrics and what other implementations make of them.

Needs `pip install numpy scipy scikit-learn nltk sacrebleu pycocoevalcap` and a Java run time for the last of them.
"""
import json
import math
import pathlib
import random
import subprocess
import warnings
from collections import Counter

import numpy
import pycocoevalcap.tokenizer.ptbtokenizer
import scipy.stats
import sklearn.metrics
from nltk.translate.nist_score import corpus_nist
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS
from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

warnings.filterwarnings("ignore")
choose = random.Random(7)

HARD = [
    "I can't believe it's not the U.S. economy.",
    "The price is £20-25, or $30; 1,000.50 people came, 3.5% more.",
    "Dr. Smith's dog, don't you think? \"Quoted 'inner' text\" and more...",
    "Wait... what?! Really -- no - yes — maybe – ok",
    "a 5-star pub, 3/4 full at 10:30am or 5 p.m. in the 1990s",
    "it's they're we'll I'd he's I'm you've didn't o'clock",
    "The family-friendly pub [here] {x} <b>bold</b> &amp; more; AT&T R&D",
    "J.R.R. Tolkien wrote for Harper Inc. in St. Petersburg.",
    "Café ÉCOLE, İzmir, Ángel and 日本語 “quoted” it’s…",
    "It is cannot gonna wanna gimme , said 's they .",
    "25°C for US$10 or €5",
    "",
    "!!! ??? ;;: ''",
]

# Strings on which only mteval's cut is compared.
ODD = ["1.,2 a.,b .5 -5 3-4 &quot;x&quot; &lt;y&gt; c:d e/f g_h", "a<skipped>b, c .,. 1.2.3 4,,5 6-7-8"]

def stanford(lines):
    """The tokens of PTBTokenizer as coco-caption calls it; its wrapper stumbles over empty lines."""
    jar = pathlib.Path(pycocoevalcap.tokenizer.ptbtokenizer.__file__).parent / "stanford-corenlp-3.4.1.jar"
    out = subprocess.run(
        ["java", "-Dfile.encoding=UTF-8", "-cp", jar, "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"],
        input="\n".join(lines) + "\n", capture_output=True, check=True, encoding="utf-8").stdout.split("\n")
    return [[w for w in line.split() if w not in PUNCTUATIONS] for line in out[: len(lines)]]

def mteval(line):
    return Tokenizer13a()(line).lower().split()

def sentence(facts, style):
    name, food, area, price = facts
    forms = [
        f"{name} is a {price} {food} restaurant in the {area}.",
        f"The {food} restaurant {name}, near the {area}, isn't expensive ({price}).",
        f"There is a {food} place called {name} in the {area} area. Its prices are {price}!",
        f"If you're in the {area}, try {name}'s {food} food - it costs {price}.",
        f"{name} serves {food} food; {price}; {area}.",
        f"In the {area} is {name}, the family-friendly {price} pub with {food} food.",
    ]
    return forms[style]

def corpus():
    made = []
    for _ in range(30):
        facts = [choose.choice(o) for o in (["Blue Spice", "The Eagle", "Café Noir", "Zizzi"],
                                            ["Italian", "Thai", "fast", "Chinese"],
                                            ["riverside", "city centre"], ["£20-25", "less than £20", "cheap", "high"])]
        styles = choose.sample(range(6), choose.randint(1, 5))
        written = facts if choose.random() < 0.5 else [choose.choice([f, "Zizzi", "high"]) for f in facts]
        text = sentence(written, choose.randrange(6)).split(" ")
        made.append({"text": " ".join(text[: choose.randint(1, len(text))] if choose.random() < 0.3 else text),
                     "references": [sentence(facts, s) for s in styles]})
    return made

def grams(words, n):
    return Counter(tuple(words[i:i + n]) for i in range(len(words) - n + 1))

def nist(texts, references):
    """Doddington's formula, with the mean length of the references of each sentence."""
    everywhere = [Counter() for _ in range(6)]
    for refs in references:
        for ref in refs:
            for n in range(1, 6):
                everywhere[n] += grams(ref, n)
    everywhere[0][()] = sum(everywhere[1].values())
    score = 0
    for n in range(1, 6):
        gain = total = 0
        for text, refs in zip(texts, references):
            most = Counter()
            for ref in refs:
                most |= grams(ref, n)
            total += max(0, len(text) - n + 1)
            for gram, hits in (grams(text, n) & most).items():
                gain += hits * math.log2(everywhere[n - 1][gram[:-1]] / everywhere[n][gram])
        score += gain / max(total, 1)
    length = sum(map(len, texts)) / sum(numpy.mean([len(r) for r in refs]) for refs in references)
    return score * math.exp(math.log(0.5) * (math.log(min(1, length)) / math.log(1.5)) ** 2)

def cider(texts, references):
    """Vedantam's formulas (arXiv 1411.5726), with the clipping and the Gaussian that coco-caption adds."""
    total = 0
    for n in range(1, 5):
        having = Counter(g for refs in references for g in set().union(*(grams(r, n) for r in refs)))
        def vector(words):
            return {g: c * math.log(len(texts) / max(1, having[g])) for g, c in grams(words, n).items()}
        for text, refs in zip(texts, references):
            for ref in refs:
                g, r = vector(text), vector(ref)
                norms = math.sqrt(sum(x * x for x in g.values()) * sum(x * x for x in r.values()))
                cosine = sum(min(x, r.get(k, 0)) * r.get(k, 0) for k, x in g.items()) / norms if norms else 0
                bigrams = max(0, len(text) - 1) - max(0, len(ref) - 1)
                total += cosine * math.exp(-bigrams**2 / (2 * 6.0**2)) / len(refs)
    return 10 * total / 4 / len(texts)

def captions(texts, references):
    gts = {i: [" ".join(r) for r in refs] for i, refs in enumerate(references)}
    res = {i: [" ".join(t)] for i, t in enumerate(texts)}
    return Rouge().compute_score(gts, res)[0], Cider().compute_score(gts, res)[0]

def scored(sentences):
    refs = [s["references"] for s in sentences]
    most = max(map(len, refs))
    streams = [[r[i] if i < len(r) else None for r in refs] for i in range(most)]
    bleu = BLEU(lowercase=True, tokenize="13a").corpus_score([s["text"] for s in sentences], streams).score / 100
    texts, words = [mteval(s["text"]) for s in sentences], [[mteval(r) for r in rs] for rs in refs]
    single = [rs[:1] for rs in words]
    # nltk agrees where there is one reference; with more it takes the best one, which is another definition.
    assert abs(nist(texts, single) - corpus_nist(single, texts, 5)) < 1e-9
    lines = stanford([s["text"] for s in sentences] + [r for rs in refs for r in rs])
    cut, rest = lines[: len(sentences)], iter(lines[len(sentences):])
    cut_refs = [[next(rest) for _ in rs] for rs in refs]
    rouge, consensus = captions(cut, cut_refs)
    assert abs(cider(cut, cut_refs) - consensus) < 1e-9
    return {"sentences": sentences, "bleu": float(bleu), "nist": float(nist(texts, words)), "rouge_l": float(rouge),
            "cider": float(consensus)}

def labels(predicted, expected):
    return {"predicted": predicted, "expected": expected,
            "accuracy": float(sklearn.metrics.accuracy_score(expected, predicted)),
            "f1": float(sklearn.metrics.f1_score(expected, predicted)),
            "matthews": float(sklearn.metrics.matthews_corrcoef(expected, predicted))}

def numbers(predicted, expected):
    return {"predicted": predicted, "expected": expected,
            "pearson": float(scipy.stats.pearsonr(predicted, expected)[0]),
            "spearman": float(scipy.stats.spearmanr(predicted, expected)[0])}

def main():
    binary = [([choose.randrange(2) for _ in range(n)], [int(choose.random() < p) for _ in range(n)])
              for n, p in ((5, 0.5), (60, 0.8), (200, 0.1))]
    grades = [round(choose.uniform(0, 5) * 5) / 5 for _ in range(80)]  # with many ties
    guesses = [round(g + choose.gauss(0, 1.5), 1) for g in grades]
    everything = corpus()
    one_each = [{"text": s["text"], "references": s["references"][:1]} for s in everything]
    apart = [{"text": "red fox", "references": ["a dog barks in the yard", "the dog barks"]},
             {"text": "a cat", "references": ["the cat sat on the mat today"]},
             {"text": "some birds sing here today", "references": ["birds are singing now in trees"]}]
    made = {
        "labels": [labels(*b) for b in binary],
        "numbers": [numbers(guesses, grades), numbers([1e-3 * g * g for g in grades], grades),
                    numbers([1e8 + g for g in guesses], grades), numbers(grades[:3], guesses[:3])],
        "corpora": [scored(everything), scored(one_each), scored(apart)],
        "words": [{"text": t, "mteval": mteval(t), "caption": c} for t, c in zip(HARD, stanford(HARD))]
                 + [{"text": t, "mteval": mteval(t)} for t in ODD],
    }
    path = pathlib.Path(__file__).parent.parent / "data" / "metrics.json"
    path.write_text(json.dumps(made, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")

main()
