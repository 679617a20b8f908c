"""The exome of a donor and that of its line exchanged in the sheet: said, and nothing lost."""

import json

import pandas as pd
import pytest
from linedrift import tables
from linedrift.sequencing_tables import VARIANT_COURSES, VARIANTS
from small_alignments import Library, random_bases, write_fasta

pytestmark = pytest.mark.workflow

LENGTH, DEPTH = 20_000, 80
GENOME = random_bases(LENGTH, 3)
STARTS = range(1_000, LENGTH - 1_000, 500)  # targets of 200 bases


def changed(at):
    """Return a transition at a place."""
    return (at, GENOME[at], {"A": "G", "G": "A", "C": "T", "T": "C"}[GENOME[at]])


GERMLINE = [changed(at + 40) for at in STARTS]
ACQUIRED = [changed(at + 120) for at in STARTS[::4]]  # in one allele of every cell of the line


def write_bank(folder, files):
    """Write a donor and a line of two passages; `files` says which BAM the sheet has for whom."""
    write_fasta(folder / "r.fa", {"chr1": GENOME})
    (folder / "kit.bed").write_text("".join(f"chr1\t{at}\t{at + 200}\n" for at in STARTS))
    for number, (name, own) in enumerate({"donor": [], "p5": ACQUIRED, "p20": ACQUIRED}.items()):
        library = Library(GENOME).cover(DEPTH / 2, seed=2 * number)
        library.cover(DEPTH / 2, sorted(GERMLINE + own), 1.0, 2 * number + 1)
        library.write(folder / f"{name}.bam")
    (folder / "lines.tsv").write_text(
        "line\tkind\tparent\tsex\nD\tdonor\t\tfemale\nL\tline\tD\tfemale\n"
    )
    rows = [
        f"{line}\t{passage}\twes\tbam\t{files[line, passage]}.bam\tGRCh38\tkit\n"
        for line, passage in files
    ]
    head = "line\tpassage\tassay\tformat\tpath\tbuild\tplatform\n"
    (folder / "samples.tsv").write_text(head + "".join(rows))
    (folder / "bank.yaml").write_text(
        f"lines: {folder}/lines.tsv\nsamples: {folder}/samples.tsv\nresults: {folder}/results\n"
        f"resources: {{reference: {folder}/r.fa}}\nwes: {{capture: {{any: {folder}/kit.bed}}}}\n"
        "variants: {parts: 1}\n"
    )


@pytest.fixture(scope="module")
def swapped(pristine, tmp_path_factory):
    """Return the results of a line whose last passage and donor were exchanged in the sheet."""
    folder = tmp_path_factory.mktemp("swapped")
    write_bank(folder, {("D", 0): "p20", ("L", 5): "p5", ("L", 20): "donor"})
    done = pristine.run(
        *("--cores", "2", "--configfile", str(folder / "bank.yaml"), "--quiet"),
        *("--directory", str(folder), f"{folder}/results/report/L.html"),
    )
    assert done.returncode == 0, done.stdout
    return folder / "results"


def test_a_swap_is_asked_for_in_the_findings_the_page_and_the_facts(swapped):
    question = "are donor and line swapped?"
    facts = json.loads((swapped / "lines" / "L" / "variants.facts.json").read_text())
    assert facts["warning"].endswith(question)
    findings = pd.read_csv(swapped / "lines" / "L" / "findings.tsv", sep="\t")
    said = findings[findings["text"].str.contains(question, regex=False)]
    assert set(said["passage"]) == {5, 20}
    assert question in (swapped / "report" / "L.html").read_text(encoding="utf-8")


def test_every_variant_is_listed_as_lost_and_none_as_acquired(swapped):
    variants = tables.read(swapped / "lines" / "L" / "variants.tsv", VARIANTS)
    assert set(variants["origin"]) == {"lost"}
    assert set(variants["start"]) == {at for at, _, _ in ACQUIRED}
    courses = tables.read(swapped / "lines" / "L" / "variant_courses.tsv", VARIANT_COURSES)
    states = courses.groupby("sample", observed=True)["state"].unique()
    assert states["L-p20"].tolist() == ["absent"]
    assert states["D-p0"].tolist() == states["L-p5"].tolist() == ["present"]
