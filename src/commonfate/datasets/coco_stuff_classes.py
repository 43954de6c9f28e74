"""COCO-Stuff's labels merged into 27 classes.

COCO-Stuff (Caesar et al., CVPR 2018) orders its classes in a hierarchy, whose third level has 12
groups of things and 15 of stuff. PiCIE (Cho et al., CVPR 2021) numbered these groups; its table, as
STEGO (src/data.py, `fine_to_coarse`) and FlowDINO (dataset/coco.py, `Fine2Coarse`) print it, is the
one below. Values of pixels are the numbers of COCO-Stuff's labels.txt less 1, so 0 is person and
181 wood; 255 is unlabelled. The 11 values of things that COCO never annotated (street sign, hat,
...) do not occur, which leaves 171 of the 182.
"""

from collections.abc import Iterator

GROUPS = (
    ("electronic", "71-76"),
    ("appliance", "77-82"),
    ("food (things)", "51-60"),
    ("furniture (things)", "61-70"),
    ("indoor", "83-90"),
    ("kitchen", "43-50"),
    ("accessory", "25-32"),
    ("animal", "15-24"),
    ("outdoor", "9-14"),
    ("person", "0"),
    ("sports", "33-42"),
    ("vehicle", "1-8"),
    ("ceiling", "101-102"),
    ("floor", "100 113-117"),
    ("food (stuff)", "120-121 152 169"),
    ("furniture (stuff)", "97 106-107 109 111 122 129 132 155 160 164"),
    ("raw material", "99 131 138 142"),
    ("textile", "91-92 103-104 108 130 136 140 151 166-167"),
    ("wall", "170-176"),
    ("window", "179-180"),
    ("building", "94-95 127 150 157 165"),
    ("ground", "110 124-125 135 139 143-144 146 148 153 158"),
    ("plant", "93 96 118 123 128 133 141 162 168"),
    ("sky", "105 156"),
    ("solid", "126 134 149 159 161 181"),
    ("structural", "98 112 137 145 163"),
    ("water", "119 147 154 177-178"),
)
"""Name of each class in the order of its labels, and the pixel values that belong to it."""
CLASSES = tuple(name for name, _ in GROUPS)
VOID = 255


def table() -> list[int]:
    """Label of each pixel value from 0 to 255; `VOID` for values without a class."""
    labels = [VOID] * 256
    for label, (_, values) in enumerate(GROUPS):
        for value in _values(values):
            labels[value] = label
    return labels


def _values(text: str) -> Iterator[int]:
    """Numbers of a text of numbers and ranges, e.g. `1 4-6`."""
    for part in text.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
