"""What a variant does to a gene: one consequence of those that `bcftools csq` gives.

Method: doi:10.1093/bioinformatics/btx100. Its terms are kept as they are; changes of proteins are
written as people know them (p.Arg175His; HGVS without its parentheses).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

# Terms of bcftools csq, the gravest first: the order of Ensembl's calculated consequences.
TERMS = (
    "splice_acceptor", "splice_donor", "stop_gained", "frameshift", "stop_lost", "start_lost",
    "inframe_altering", "inframe_insertion", "inframe_deletion", "missense", "splice_region",
    "start_retained", "stop_retained", "synonymous", "coding_sequence", "5_prime_utr",
    "3_prime_utr", "non_coding", "feature_elongation", "feature_truncation", "intron",
)  # fmt: skip
_GRAVITY = {term: place for place, term in enumerate(TERMS)}

_RESIDUES = {
    "A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "C": "Cys", "Q": "Gln", "E": "Glu",
    "G": "Gly", "H": "His", "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe",
    "P": "Pro", "S": "Ser", "T": "Thr", "W": "Trp", "Y": "Tyr", "V": "Val", "U": "Sec",
    "*": "Ter", "X": "Xaa",
}  # fmt: skip
_CHANGE = re.compile(r"(\d+)([A-Z*]+)(?:>\d+([A-Z*]*))?")


class Consequence(NamedTuple):
    """One line of a variant's annotation; texts are empty where nothing is known."""

    gene: str = ""
    consequence: str = ""
    protein_change: str = ""


def gravest(text: str, preferred: Collection[str] = ()) -> Consequence:
    """Return the gravest consequence of an INFO value BCSQ.

    Parameters
    ----------
    text
        Consequences joined by ``,``: term, gene, transcript, biotype, strand, amino acids, bases,
        joined by ``|``.
    preferred
        Transcripts that speak for their genes: of equally grave consequences theirs is taken, for
        the numbers of residues are those that people use.
    """
    found = []
    for place, one in enumerate(filter(None, text.split(","))):
        fields = [*one.split("|"), *[""] * 7][:7]
        # A term after * lies behind a stop; one that begins with @ is told at another variant.
        terms = fields[0].lstrip("*").split("&")
        term = min(terms, key=lambda name: _GRAVITY.get(name, len(TERMS)))
        if term in _GRAVITY:
            rank = (_GRAVITY[term], fields[2] not in preferred, place)
            found.append((rank, Consequence(fields[1], term, protein_change(fields[5], term))))
    return min(found)[1] if found else Consequence()


def protein_change(text: str, term: str) -> str:
    """Return a change of amino acids (175R>175H) as p.Arg175His; empty where there is none."""
    match = _CHANGE.fullmatch(text)
    if not match:
        return ""
    at, before, after = int(match[1]), match[2], match[3]
    first = _RESIDUES.get(before[0], "Xaa")
    if term == "start_lost":
        return f"p.{first}{at}?"
    if after is None:
        return f"p.{first}{at}="
    if term == "frameshift":
        return f"p.{first}{at}fs"
    if term == "stop_lost":
        return f"p.{first}{at}{_spelled(after[:1])}ext"
    if len(before) == len(after) == 1:
        return f"p.{first}{at}{_spelled(after)}"
    return _replaced(at, before, after)


def _replaced(at: int, before: str, after: str) -> str:
    """Return a change of several residues: a deletion, or a deletion with what is there instead."""
    while len(before) > 1 and after and before[0] == after[0]:
        at, before, after = at + 1, before[1:], after[1:]
    while len(before) > 1 and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    place = f"{_spelled(before[0])}{at}"
    if len(before) > 1:
        place += f"_{_spelled(before[-1])}{at + len(before) - 1}"
    # What follows a stop is not made.
    after = after[: after.index("*") + 1] if "*" in after else after
    return f"p.{place}delins{_spelled(after)}" if after else f"p.{place}del"


def _spelled(residues: str) -> str:
    return "".join(_RESIDUES.get(letter, "Xaa") for letter in residues)
