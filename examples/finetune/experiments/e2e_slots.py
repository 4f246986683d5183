# SPDX-License-Identifier: Apache-2.0
"""Makes small classification tasks of E2E: which value has a slot in the meaning that a sentence tells?

    python3 e2e_slots.py E2E_FILE OUT [SLOT...]

E2E_FILE has lines `slot : value | slot : value || sentence`. OUT/SLOT gets train.tsv and dev.tsv for the tasks `sentences` of
pst-finetune; sentences whose meaning lacks the slot are left out. Every fifth meaning is for dev, so no meaning is in
both. Without SLOT: area, family friendly, price, customer rating, food, Type.
"""

import pathlib
import sys

SLOTS = ["area", "family friendly", "price", "customer rating", "food", "Type"]


def read(file):
    """(meaning, sentence) of each line, in the order of the file."""
    for line in pathlib.Path(file).read_text(encoding="utf-8").splitlines():
        meaning, _, sentence = line.partition("||")
        yield meaning.strip(), " ".join(sentence.split())


def value_of(meaning, slot):
    for part in meaning.split("|"):
        name, _, value = part.partition(" : ")
        if name.strip() == slot:
            return value.strip()
    return None


def main(file, out, slots):
    lines = list(read(file))
    number = {meaning: i for i, meaning in enumerate(dict.fromkeys(meaning for meaning, _ in lines))}
    for slot in slots:
        rows = {"train": [], "dev": []}
        for meaning, sentence in lines:
            value = value_of(meaning, slot)
            if value is not None:
                rows["dev" if number[meaning] % 5 == 4 else "train"].append(f"{sentence}\t{value}\n")
        if not rows["train"]:
            sys.exit(f"{file}: no meaning has the slot {slot!r}, expected one of {', '.join(SLOTS)}")
        folder = pathlib.Path(out) / slot.lower().replace(" ", "_")
        folder.mkdir(parents=True, exist_ok=True)
        for part, lines_of_part in rows.items():
            (folder / f"{part}.tsv").write_text("sentence\tlabel\n" + "".join(lines_of_part), encoding="utf-8")
        print(f"{folder}: {len(rows['train'])} to train, {len(rows['dev'])} for dev", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:] or SLOTS)
