"""FASTQ of RNA aligned: junctions crossed, genes counted, annotations of both kinds understood."""

import gzip

import numpy as np
import pysam
import pytest
from linedrift.readers import counts, spliced_aligners
from linedrift.readers.files import ReadingError

COMPLEMENT = str.maketrans("ACGT", "TGCA")
# Two genes of two exons each (1-based, closed), the second on the reverse strand.
EXONS = {"ENSG01": [(1001, 1400), (3001, 3400)], "ENSG02": [(9001, 9300), (12001, 12400)]}
STRANDS = {"ENSG01": "+", "ENSG02": "-"}


def gff3(chrom):
    rows = ["##gff-version 3"]
    for gene, exons in EXONS.items():
        place = f"{exons[0][0]}\t{exons[-1][1]}\t.\t{STRANDS[gene]}\t."
        rows.append(f"{chrom}\tx\tgene\t{place}\tID=gene:{gene};biotype=protein_coding")
        rows.append(f"{chrom}\tx\tmRNA\t{place}\tID=transcript:{gene}T;Parent=gene:{gene}")
        for start, end in exons:
            place = f"{start}\t{end}\t.\t{STRANDS[gene]}\t."
            rows.append(f"{chrom}\tx\texon\t{place}\tParent=transcript:{gene}T;rank=1")
    return "\n".join(rows) + "\n"


def gtf(chrom):
    return "".join(
        f"{chrom}\tx\texon\t{start}\t{end}\t.\t{STRANDS[gene]}\t.\t"
        f'gene_id "{gene}"; transcript_id "{gene}T";\n'
        for gene, exons in EXONS.items()
        for start, end in exons
    )


@pytest.mark.parametrize("text", [gff3, gtf])
def test_exons_know_their_gene_and_stand_on_the_contigs_of_the_reference(tmp_path, text):
    (tmp_path / "genes.gff3").write_text(text("20"))
    rows = spliced_aligners.exons_of(str(tmp_path / "genes.gff3"), ["chr1", "chr20"])
    fields = [row.split("\t") for row in rows]
    assert [(row[0], int(row[3]), int(row[4])) for row in fields] == [
        ("chr20", start, end) for exons in EXONS.values() for start, end in exons
    ]
    assert [row[8].split('"')[1] for row in fields] == ["ENSG01", "ENSG01", "ENSG02", "ENSG02"]


def test_an_annotation_of_another_genome_is_refused(tmp_path):
    (tmp_path / "genes.gff3").write_text(gff3("20"))
    with pytest.raises(ReadingError, match="found 4 exons, none of a gene on a contig"):
        spliced_aligners.exons_of(str(tmp_path / "genes.gff3"), ["mm10_chr2"])


@pytest.fixture(scope="module")
def star():
    """Skip where STAR is not installed."""
    try:
        return spliced_aligners.installed()
    except ReadingError:
        pytest.skip("STAR is not on the PATH")


@pytest.fixture(scope="module")
def genome(tmp_path_factory, star):
    """Return the folder of an index, and the sequence."""
    folder = tmp_path_factory.mktemp("genome")
    sequence = "".join(np.random.default_rng(1).choice(list("ACGT"), 20_000))
    with gzip.open(folder / "r.fa.gz", "wt") as file:
        file.write(f">chr20\n{sequence}\n")
    # What is read by position has to be packed in blocks.
    plain = gzip.open(folder / "r.fa.gz").read()
    with pysam.BGZFile(str(folder / "r.fa.gz"), "w") as file:
        file.write(plain)
    pysam.faidx(str(folder / "r.fa.gz"))
    (folder / "genes.gff3").write_text(gff3("20"))
    index = folder / "star"
    index.mkdir()
    exons = spliced_aligners.make_index(
        str(folder / "r.fa.gz"), str(folder / "genes.gff3"), index, 1
    )
    assert exons == 4
    return str(index), sequence


def write_lane(folder, sequence, name, fragments):
    """Write a pair of FASTQ with fragments (gene, start in its transcript) of 200 bases."""
    texts = ["", ""]
    for number, (gene, start) in enumerate(fragments):
        transcript = "".join(sequence[first - 1 : last] for first, last in EXONS[gene])
        fragment = transcript[start : start + 200]
        ends = fragment[:75], fragment[::-1].translate(COMPLEMENT)[:75]
        for which, bases in enumerate(ends):
            texts[which] += f"@{name}{number}/{which + 1}\n{bases}\n+\n{'I' * 75}\n"
    paths = tuple(str(folder / f"{name}_{which}.fq.gz") for which in (1, 2))
    for path, text in zip(paths, texts, strict=True):
        with gzip.open(path, "wt") as file:
            file.write(text)
    return paths


def test_lanes_are_aligned_over_junctions_and_genes_are_counted(tmp_path, genome):
    index, sequence = genome
    rng = np.random.default_rng(2)
    first = [("ENSG01", int(start)) for start in rng.integers(0, 600, 60)]
    second = [("ENSG02", int(start)) for start in rng.integers(0, 500, 30)]
    lanes = [
        write_lane(tmp_path, sequence, "a", first),
        write_lane(tmp_path, sequence, "b", second),
    ]
    targets = str(tmp_path / "out" / "s.bam"), str(tmp_path / "out" / "s.tab")
    spliced_aligners.align(lanes, index, "한국-1-p10", targets, 2)
    with pysam.AlignmentFile(targets[0]) as file:
        head = file.header.to_dict()
        assert [group["ID"] for group in head["RG"]] == ["한국-1-p10.1", "한국-1-p10.2"]
        assert head["HD"]["SO"] == "coordinate"
        reads = list(file.fetch("chr20", 0, 20_000))
    assert sum("N" in read.cigarstring for read in reads if read.cigarstring) > 10
    assert {read.get_tag("RG") for read in reads} == {"한국-1-p10.1", "한국-1-p10.2"}
    settings = {"stranded_share": 0.8, "unstranded_difference": 0.1, "least_strand_reads": 1000}
    found = counts.read(targets[1], format="star", settings=settings, strandedness="unstranded")
    counted = dict(zip(found.genes["gene_id"], found.genes["count"], strict=True))
    assert counted["ENSG01"] >= 57
    assert counted["ENSG02"] >= 28


def test_packed_and_plain_lanes_together_are_refused(tmp_path, genome):
    index, sequence = genome
    packed = write_lane(tmp_path, sequence, "a", [("ENSG01", 0)])
    plain = tuple(path.replace(".gz", "") for path in packed)
    for path, other in zip(packed, plain, strict=True):
        with gzip.open(path) as file, open(other, "wb") as out:
            out.write(file.read())
    with pytest.raises(ReadingError, match="all or none"):
        spliced_aligners.align([packed, plain], index, "A-p1", ("s.bam", "s.tab"), 1)
