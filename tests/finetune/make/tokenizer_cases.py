#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/finetune/data/tokenizers: small tokenizers, and what Hugging Face's library makes of hard texts.

pip install tokenizers==0.23.3 transformers==5.24.0
tokenizer_cases.py [folder of GPT-2's vocab.json and merges.txt]
"""
import json
import os
import random
import shutil
import sys
import tempfile
import unicodedata
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
from tokenizers import (AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers)
from transformers import BertTokenizer, GPT2Tokenizer, RobertaTokenizer

OUT = Path(__file__).resolve().parent.parent / "data" / "tokenizers"
CORPUS = """
The quick brown fox jumps over the lazy dog, and the dog doesn't mind: it's used to that. We've seen 123 foxes,
they'll come again, I'm sure; you're welcome to look. In 2019 the price was $3.50 (or 1,234.5 yen), now it is twice
that. This movie was not very good, but the acting is excellent, and the ending of the story surprised everyone there.
The Eagle is a restaurant near the river that serves Italian food. Its customer rating is high; the price range is low.
Le café était fermé, l'été à la plage où les élèves naïfs mangent. Die Größe der Straße überraschte Müller.
Мама мыла раму, и мир был прекрасен. Η γλώσσα είναι ένας κόσμος. 東京は日本の首都です。我们在北京吃饭。
그는 학교에 간다. नमस्ते दुनिया। مرحبا بالعالم. שלום עולם. สวัสดีชาวโลก
"""
SPECIAL = {"bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
           "roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "gpt2": ["<|endoftext|>"]}

WRITTEN = [
    "", " ", "   ", "\t", "\n", "\n\n", " \n", "\r\n", "a", " a", "a ", "  a", "a  ", "  a  b  ", "a\nb", "a\n\nb",
    "a \n b", "a\t\tb", "\n\n\nabc", "abc\n\n\n", "Hello, world!", "hello   world", "The quick brown fox doesn't jump.",
    "It's", "it's we've they'll I'm you're he'd don't", "IT'S WE'VE THEY'LL I'M YOU'RE", "'s", "''s", "' s", " 's",
    "'sa", "'re're", "'lla 'l l", "'d'd'd", "x'tx", "rock 'n' roll", "“it’s”", "they’ll", "O'Neil's", "'", "''", "'v",
    "1", "12", "1,234.56", "3.14e-10", "$3.50", "50%", "½ ² ³ ① Ⅷ", "٣٤٥ ૫ 五", "abc123def", "123abc", "1st 2nd", "−5",
    "café", "cafe\u0301", "CAFÉ", "naïve résumé", "Ångström \u212b", "ÀÉÎÕÜ", "İstanbul ısı", "ΑΣ Σας ΟΔΟΣ", "straße STRASSE ẞ",
    "ﬁ ﬂ ﬀ", "ǅ ǆ Ǆ", "ṩ s\u0323\u0307 s\u0307\u0323", "e\u0301\u0302\u0303\u0304", "\u0301", "\u0301a", "a \u0301 b", "Ạ̈",
    "Å\u0301\u0316x", "ệ Ḁ", "각 \u1100\u1161\u11a8 한글", "ガ カ\u3099 ﾊﾞ", "が", "क़ ड़", "\u0344", "\u2126 \u212a \u2160",
    "東京", "東京 tokyo", "a東b京c", "我们在北京吃饭。", "日本の首都です", "カタカナ ｶﾀｶﾅ", "\u3400\u4dbf\u4e00\u9fff", "\U00020000\U0002a6df",
    "\U0002b820\U0002b91f\U0002b920", "\U0002f800", "\uf900", "〇々〆", "한국어 조선말", "그는 학교에", "。、「」！？", "Ａｂｃ１２３！",
    "😀", "😀😀", "a😀b", "👨\u200d👩\u200d👧\u200d👦", "🏳\ufe0f\u200d🌈", "👍🏽", "🇩🇪🇯🇵", "1\ufe0f\u20e3", "☺ ☺\ufe0f", "🤷🏽\u200d♀\ufe0f",
    "\x00", "a\x00b", "\x01\x02\x7f", "a\x07b", "a\x0bb", "a\x0cb", "a\x1cb\x1db\x1eb\x1fb", "a\x85b", "\x80\x9f", "a\u200bb",
    "a\u200cb\u200dc", "\u200e\u200f", "\u202aabc\u202c", "\u2060\ufeffabc", "\ufeff", "soft\u00adhyphen", "\u061c", "\u180e",
    "a\u00a0b", "a\u00a0\u00a0b", " \u00a0b", "\u00a0 b", "a\u1680b", "a\u2000\u2001\u2002\u2003b", "a\u2009b\u200ac", "a\u2028b\u2029c",
    "a\u202fb", "a\u205fb", "a\u3000b", "\u3000\u3000", "a\u3000 b", "\u2003x", " \u2003x", "\u2003 x", "a \t b", "a\t b", "a\r\n\r\nb",
    "\ufffd", "a\ufffdb", "\ufffe\uffff", "\U0010ffff", "\ue000\uf8ff", "\U000f0000", "\U000e0001\U000e0061", "\u0378", "\ufdd0",
    "x" * 99, "x" * 100, "x" * 101, "é" * 100, "é" * 101, "東" * 101, "ß" * 101, "ab" * 300, "a" * 257, " " * 70 + "a", "!" * 120,
    "1" * 130, "e\u0301" * 60, "thethethethethe" * 8, "Donaudampfschifffahrtsgesellschaftskapitän", "the" * 33 + "x",
    "[CLS]", "[SEP]", "[cls]", "[ CLS ]", "a[CLS]b", "[CLS][SEP]", "[MASK]", "the [MASK] dog", "the[MASK]dog", "[UNK]", "[PAD] [PAD]",
    "[CLS", "CLS]", "[[CLS]]", "[CL[CLS]S]", "[C\u0301LS]", "<s>", "</s>", "<s>a</s>", "<mask>", "the <mask> dog", "a<mask>", "<mask>  b",
    "<pad>", "<unk>", "<S>", "<|endoftext|>", "a<|endoftext|>b", "a <|endoftext|> b", "<|endoftext|><|endoftext|>", "<|endoftext", "< s >",
    "foo", " foo ", "a foo b", "foobar", "foo bar", "barfoo", "foo-bar", "FOO Foo", "left", "  left  ", "a  left b", "left left", "right  a",
    "a right   b", "right right", "both  both", " a  both  b ", "whole", "wholeness", "a whole b", "un-whole!", "whole_x", "éwhole", "whole\u0301",
    "Ünï", "ünï", "uni", "UNI x", "left\u00a0\u3000right", "leftright", "foo\nleft\nright\nfoo",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "a.b,c;d", "...", "--", "—–-", "a_b", "a/b\\c", "C++ C# f(x)=y^2", "https://example.com/?q=a&b=c#d",
    "me@example.org", "¡¿ «»", "§¶©®™", "€£¥¢", "°C", "a·b", "\u2018\u2019\u201c\u201d\u2026", "\u0964\u0965", "\u166d\u111c9", "\U000111c9 \u166d x",
    "\u2e43\u2e5d", "\u09fd\u0a76", "Мама мыла раму", "ЁЖИК Йод", "ёжик", "Η γλώσσα", "नमस्ते दुनिया", "مرحبا بالعالم", "مُحَمَّد", "שָׁלוֹם", "สวัสดีชาวโลก",
    "ქართული ᲥᲐᲠᲗᲣᲚᲘ", "Ꭰꭰ Ᏸ", "𐐀𐐨", "𝐀𝒷ℂ", "ᾳ ᾼ Ὠ", "ŉ ǰ ΐ", "K \u212a k", "Ⓐⓐ", "𞤀𞤢", "ⅷ Ⅷ", "a1б2東3", "mixedМикс混合믹스", "x²+y₂", "H₂O",
    "\u1734", "\u1885\u1886", "\ua9bd", "\u08e2", "\u17b4\u17b5", "\u0600\u06dd\u070f", "\u110bd\u13430", "\ufff9\ufffa\ufffb", "\u115f\u1160",
    "do not", "do n't , he 's ! ? .", "' quoted '", " . ,", "I do not know . He said ' no '", "n't",
]


def generated():
    draw = random.Random(20240229)
    planes = [(0x20, 0x7F), (0xA0, 0x250), (0x2B0, 0x530), (0x590, 0x800), (0x900, 0x1200), (0x1D00, 0x2400), (0x2E00, 0x3200), (0x4E00, 0xA000),
              (0xA000, 0xD7A4), (0xF900, 0x10000), (0x10000, 0x12000), (0x1D000, 0x1FB00), (0x20000, 0x20100), (0xE0000, 0xE0200)]
    known = "the a of dog café 's 123 !? \n  \t".split(" ") + [" ", " ", " "]

    def character():
        while True:
            c = chr(draw.randrange(*draw.choice(planes)))
            # Later versions of Unicode differ between libraries.
            if unicodedata.category(c) not in ("Cn", "Cs"):
                return c

    texts = ["".join(character() for _ in range(draw.randrange(1, 10))) for _ in range(60)]
    texts += ["".join(character() if draw.random() < 0.25 else draw.choice(known) for _ in range(draw.randrange(3, 14))) for _ in range(60)]
    return texts


BROKEN = ["ff", "61ff62", "c3", "c328", "61c3", "e282", "e28261", "e28228", "f09f98", "f09f9861", "f0289fbc", "eda080", "edbfbf", "c080", "e08080",
          "f0808080", "f4908080", "f8888080", "80", "8080", "e282e282ac", "f09f98f09f9880", "c3a9c3", "20c320", "fe", "61e28020", "f1808061", "e0a061"]
PAIRS = [("the quick brown fox", "the dog"), ("the dog", "the quick brown fox"), ("the the the the", "dog dog dog dog"), ("", "the dog"),
         ("the dog", ""), ("", ""), ("It's the river.", "[SEP] café"), ("<s> a </s>", "left  both")]


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")


def train():
    lines = CORPUS.strip().split("\n")
    piece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    piece.normalizer = normalizers.BertNormalizer(lowercase=False)
    piece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    lowered = [line.lower() for line in lines] * 2 + [normalizers.BertNormalizer().normalize_str(line) for line in lines]
    piece.train_from_iterator(lines + lowered, trainers.WordPieceTrainer(vocab_size=640, special_tokens=SPECIAL["bert"], show_progress=False))
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.train_from_iterator(lines * 2, trainers.BpeTrainer(vocab_size=620, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    model = json.loads(bpe.to_str())["model"]
    pieces = sorted(piece.get_vocab().items(), key=lambda entry: entry[1])
    return [token for token, _ in pieces], list(sorted(model["vocab"], key=model["vocab"].get)), model["merges"]


def write_folders(pieces, symbols, merges):
    for name, lower in (("bert", True), ("bert_cased", False)):
        (OUT / name).mkdir(parents=True)
        (OUT / name / "vocab.txt").write_text("\n".join(pieces) + "\n")
        write(OUT / name / "tokenizer_config.json", {"do_lower_case": lower, "tokenizer_class": "BertTokenizer", "model_max_length": 512})
    write(OUT / "bert_cased" / "tokenizer_config.json",
          {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False, "tokenizer_class": "BertTokenizerFast"})
    for name, vocabulary in (("gpt2", symbols + SPECIAL["gpt2"]), ("roberta", SPECIAL["roberta"][:4] + symbols + ["<mask>"])):
        write(OUT / name / "vocab.json", {token: i for i, token in enumerate(vocabulary)})
        (OUT / name / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    write(OUT / "roberta" / "tokenizer_config.json", {"add_prefix_space": True, "tokenizer_class": "RobertaTokenizer"})


def with_added(tokenizer):
    tokenizer.add_tokens([AddedToken("foo", normalized=False), AddedToken("foo bar", normalized=False), AddedToken("left", lstrip=True),
                          AddedToken("right", rstrip=True), AddedToken("both", lstrip=True, rstrip=True),
                          AddedToken("whole", single_word=True), AddedToken("Ünï", normalized=True)])
    return tokenizer


def write_json_tokenizers(pieces, symbols, merges):
    ids = {token: i for i, token in enumerate(pieces)}
    bert = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=40))
    bert.normalizer, bert.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    bert.decoder = decoders.WordPiece(cleanup=False)
    bert.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    bert.add_special_tokens(SPECIAL["bert"])
    write(OUT / "bert_json" / "tokenizer.json", json.loads(with_added(bert).to_str()))
    ids = {token: i for i, token in enumerate(SPECIAL["roberta"][:4] + symbols + ["<mask>"])}
    roberta = Tokenizer(models.BPE(ids, [tuple(merge) for merge in merges]))
    roberta.pre_tokenizer, roberta.decoder = pre_tokenizers.ByteLevel(add_prefix_space=True), decoders.ByteLevel()
    roberta.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    roberta.add_special_tokens(SPECIAL["roberta"][:4] + [AddedToken("<mask>", lstrip=True)])
    written = json.loads(with_added(roberta).to_str())
    write(OUT / "roberta_json" / "tokenizer.json", written)
    ids = {token: i for i, token in enumerate(symbols + SPECIAL["gpt2"])}
    gpt2 = Tokenizer(models.BPE(ids, [tuple(merge) for merge in merges]))
    gpt2.pre_tokenizer, gpt2.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    gpt2.post_processor = processors.ByteLevel()
    gpt2.add_special_tokens([AddedToken("<|endoftext|>", normalized=True)])
    written = json.loads(gpt2.to_str())
    written["model"]["merges"] = [" ".join(merge) for merge in merges]  # as files were written until 2024
    write(OUT / "gpt2_json" / "tokenizer.json", written)


class Reference:
    """One face for the classes of transformers and for a bare tokenizer.json."""

    def __init__(self, name, folder):
        classes = {"bert": BertTokenizer, "bert_cased": BertTokenizer, "gpt2": GPT2Tokenizer, "roberta": RobertaTokenizer}
        self.tokenizer = (classes[name].from_pretrained(folder)._tokenizer if name in classes else Tokenizer.from_file(str(folder / "tokenizer.json")))

    def encode(self, *texts, max_length=None):
        if max_length is None:
            self.tokenizer.no_truncation()
        else:
            self.tokenizer.enable_truncation(max_length, strategy="longest_first")
        return self.tokenizer.encode(*texts)

    def decode(self, ids, leave_out):
        return self.tokenizer.decode(ids, skip_special_tokens=leave_out)


def cases_of(name, folder, texts):
    reference = Reference(name, folder)
    frame = len(reference.encode("", "").ids)
    ids = [reference.encode(text).ids for text in texts]
    written = len(WRITTEN)
    cases = {"ids": ids, "broken": [reference.encode(bytes.fromhex(code).decode("utf-8", errors="replace")).ids for code in BROKEN],
             "decoded": [reference.decode(row, True) for row in ids[:written]],
             "decoded_all": [reference.decode(row, False) for row in ids[:written:4]], "pairs": []}
    for first, second in PAIRS:
        for max_length in [None, *range(frame, frame + 9)]:
            both = reference.encode(first, second, max_length=max_length)
            cases["pairs"].append([first, second, max_length, both.ids, both.type_ids])
    single = len(reference.encode("").ids)
    cases["single"] = [[PAIRS[0][0], n, reference.encode(PAIRS[0][0], max_length=n).ids] for n in range(single, single + 6)]
    return cases


def ranges(wanted):
    """Code points of `wanted` as first, last, first, last, ... among those assigned in Unicode 14."""
    result = []
    for c in ASSIGNED:
        if c in wanted:
            if result and result[-1] == before:
                result[-1] = c
            else:
                result += [c, c]
        before = c
    return result


ASSIGNED = [c for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]


def fnv(hashed, text):
    for byte in text.encode():
        hashed = ((hashed ^ byte) * 0x100000001B3) % 2**64
    return hashed


def characters():
    """What the library does with each character that Unicode 14 has."""
    assert unicodedata.unidata_version == "14.0.0", "use Python 3.11: the fixture is about Unicode 14"
    plain = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    clean = normalizers.BertNormalizer(**{**plain, "clean_text": True})
    chinese = normalizers.BertNormalizer(**{**plain, "handle_chinese_chars": True})
    strip = normalizers.BertNormalizer(**{**plain, "strip_accents": True})
    lower = normalizers.BertNormalizer(**{**plain, "lowercase": True})
    words, level = pre_tokenizers.BertPreTokenizer(), pre_tokenizers.ByteLevel(add_prefix_space=False)
    text = {c: chr(c) for c in ASSIGNED}
    joined = lambda front, c: len(level.pre_tokenize_str(front + text[c])) == 1
    facts = {"removed": ranges({c for c in ASSIGNED if clean.normalize_str(f"a{text[c]}b") == "ab"}),
             "blank": ranges({c for c in ASSIGNED if clean.normalize_str(f"a{text[c]}b") == "a b"}),
             "ideograph": ranges({c for c in ASSIGNED if chinese.normalize_str(text[c]) == f" {text[c]} "}),
             "sign": ranges({c for c in ASSIGNED if len(words.pre_tokenize_str(f"a{text[c]}b")) == 3}),
             "letter": ranges({c for c in ASSIGNED if joined("a", c)}), "number": ranges({c for c in ASSIGNED if joined("1", c)}),
             "space": ranges({c for c in ASSIGNED if len(level.pre_tokenize_str(text[c] + "\n")) == 1})}
    blocks = {}
    for c in ASSIGNED:
        stripped, lowered = blocks.get(c >> 10, (0, 0))
        blocks[c >> 10] = (fnv(stripped, strip.normalize_str(text[c]) + "\n"), fnv(lowered, lower.normalize_str(text[c]) + "\n"))
    # JSON's numbers end at 2^53 for many readers.
    facts["blocks"] = [[block, *(f"{value:016x}" for value in hashes)] for block, hashes in sorted(blocks.items())
                       if not (0x3400 <= block << 10 < 0xA000 or 0x20000 <= block << 10)]
    return facts


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    pieces, symbols, merges = train()
    write_folders(pieces, symbols, merges)
    write_json_tokenizers(pieces, symbols, merges)
    texts = WRITTEN + generated()
    write(OUT / "texts.json", {"texts": texts, "written": len(WRITTEN), "broken": BROKEN})
    for name in ("bert", "bert_cased", "bert_json", "gpt2", "gpt2_json", "roberta", "roberta_json"):
        every = name in ("bert", "gpt2")
        with tempfile.TemporaryDirectory() as copy:  # transformers may write into the folder
            shutil.copytree(OUT / name, Path(copy) / name)
            write(OUT / name / "cases.json", cases_of(name, Path(copy) / name, texts if every else WRITTEN))
    write(OUT / "characters.json", characters())
    if len(sys.argv) > 1:
        real = GPT2Tokenizer.from_pretrained(sys.argv[1])
        write(OUT / "gpt2_vocabulary.json", {"ids": [real(text)["input_ids"] for text in texts]})


main()
