"""What the check says of RNA files before any job runs."""

import pandas as pd
import pytest
from linedrift.genome import GRCH38
from linedrift.readers import rna_heads

MARKERS = pd.DataFrame(
    {"chrom": "chr1", "pos_hg18": range(7, 307, 3), "pos_GRCh37": range(5, 305, 3)}
).assign(pos_GRCh38=range(900, 1200, 3))
GENES = "gene_id\tgene_name\tA-1\tB\n" + "".join(f"G{n}\tN\t{n}\t{n % 3}\n" for n in range(50))
ALLELES = "contig\tposition\trefAllele\taltAllele\trefCount\taltCount\n"


def look(tmp_path, text, format, **row):
    path = tmp_path / "file"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return rna_heads.problems({"path": str(path), "format": format} | row, {}, MARKERS)


def sites(positions):
    return ALLELES + "".join(f"1\t{position}\tA\tG\t5\t6\n" for position in positions)


def test_right_files_have_no_problem(tmp_path):
    assert look(tmp_path, GENES, "gene_counts", name_in_file="A-1") == []
    assert look(tmp_path, sites(MARKERS["pos_GRCh38"]), "ase") == []


@pytest.mark.parametrize(
    ("text", "format", "row", "words"),
    [
        (GENES, "gene_counts", {"name_in_file": "A.1"}, "differs only by what R changes"),
        (GENES, "star", {}, "Write gene_counts into the column format"),
        (
            GENES.replace("G7\tN\t7", "G7\tN\t-7"),
            "gene_counts",
            {"name_in_file": "A-1"},
            "negative",
        ),
        (
            GENES.replace("G7\tN\t7", "G7\tN\tx"),
            "gene_counts",
            {"name_in_file": "A-1"},
            "found 'x'",
        ),
        (GENES[:-1], "gene_counts", {"name_in_file": "A-1"}, "is cut in the middle"),
        (GENES, "salmon", {}, "unknown format 'salmon'"),
        (sites(MARKERS["pos_GRCh37"]), "ase", {"build": "GRCh38"}, "are those of GRCh37"),
        (sites(MARKERS["pos_GRCh37"]), "ase", {"build": "hg19"}, "need a chain file"),
        (sites([GRCH38.lengths["chr1"] + 9]), "ase", {}, "beyond the end"),
        (sites([5]), "ase", {"build": "mm10"}, "unknown genome build"),
        ("no alignment\n", "bam", {}, "cannot be read as BAM"),
        (b"", "htseq", {}, "is empty"),
    ],
)
def test_problems_are_told_in_words(text, format, row, words, tmp_path):
    (problem,) = look(tmp_path, text, format, **row)
    assert words in problem
