"""FASTQ of RNA aligned across splice junctions by STAR, with reads counted for each gene."""

from __future__ import annotations

import gzip
import math
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pysam

from linedrift.genome import ucsc_chromosome
from linedrift.readers.aligners import last_words, mark, run, samtools
from linedrift.readers.files import ReadingError, is_gzip
from linedrift.tables import write_beside

PROGRAM = "STAR"
_INSTALL = (
    "Install STAR so that it is on the PATH, run with --software-deployment-method conda "
    "(envs/splicing.yaml), or give counts of genes and the BAM"
)
_GFF = ("chrom", "source", "kind", "start", "end", "score", "strand", "phase", "attributes")
# Rows of GFF3 that tell which gene an exon is of: their identifier and their parent.
_ID, _PARENT = r"(?:^|;)ID=([^;]+)", r"(?:^|;)Parent=([^;,]+)"
_GTF_GENE, _GTF_TRANSCRIPT = r'gene_id "([^"]+)"', r'transcript_id "([^"]+)"'
_GFF_GENE = r"(?:^|;)gene_id=([^;]+)"
# STAR wants words of min(14, log2(length) / 2 - 1) bases for its index (manual 2.7.10, 2.2.5).
_LONGEST_WORD = 14


def installed() -> str:
    """Return the path of STAR.

    Raises
    ------
    ReadingError
        When it is not on the PATH, saying what to do.
    """
    if path := shutil.which(PROGRAM):
        return path
    raise ReadingError(f"{PROGRAM} not found, which FASTQ of RNA needs to be aligned. {_INSTALL}")


def make_index(reference: str, genes: str, folder: Path, threads: int) -> int:
    """Make STAR's index of a FASTA and its genes in `folder`; return the number of exons.

    Raises
    ------
    ReadingError
        When STAR is not there or fails, or when no exon lies on the reference.
    """
    program = installed()
    with pysam.FastaFile(reference) as fasta:
        names, length = list(fasta.references), sum(fasta.lengths)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".star.") as scratch:
        exons = exons_of(genes, names)
        gtf = Path(scratch, "exons.gtf")
        gtf.write_text("\n".join(exons) + "\n", encoding="utf-8")
        # STAR reads no packed FASTA.
        plain = _unpacked(reference, Path(scratch, "genome.fa"))
        word = min(_LONGEST_WORD, int(math.log2(length) / 2 - 1))
        command = [
            program, "--runMode", "genomeGenerate", "--genomeDir", str(folder),
            "--genomeFastaFiles", plain, "--sjdbGTFfile", str(gtf),
            "--genomeSAindexNbases", str(word), "--runThreadN", str(threads),
            "--outTmpDir", str(Path(scratch, "tmp")),
            "--outFileNamePrefix", f"{scratch}/",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise ReadingError(f"{reference}: STAR cannot index it: {last_words(done.stderr)}")
    return len(exons)


def exons_of(path: str, contigs: Sequence[str]) -> list[str]:
    """Return the exons of an annotation (GFF3 or GTF) as rows of GTF on these contigs.

    Contigs are matched by the chromosome that their names mean: 20 and chr20 are one. Genes have
    the identifiers that counts are looked up by.

    Raises
    ------
    ReadingError
        When the file has no exon of a gene on any of the contigs.
    """
    named = {ucsc_chromosome(name) or name: name for name in contigs}
    rows = pd.read_csv(
        path, sep="\t", names=_GFF, comment="#", dtype=str, na_filter=False, compression="infer"
    )
    exons = rows[rows["kind"] == "exon"]
    told = exons["attributes"].str.extract(_GTF_GENE, expand=False)
    if told.notna().any():
        transcript = exons["attributes"].str.extract(_GTF_TRANSCRIPT, expand=False)
        gene = told
    else:
        transcript = exons["attributes"].str.extract(_PARENT, expand=False)
        gene = transcript.map(_genes_of(rows))
    contig = exons["chrom"].map(lambda name: named.get(ucsc_chromosome(name) or name))
    kept = (gene.notna() & transcript.notna() & contig.notna()).to_numpy()
    if not kept.any():
        raise ReadingError(
            f"{path}: found {len(exons)} exons, none of a gene on a contig of the reference "
            f"(such as {', '.join(contigs[:2])}); expected GFF3 or GTF of the same genome"
        )
    parts = exons[kept].assign(
        chrom=contig[kept],
        attributes='gene_id "' + gene[kept] + '"; transcript_id "' + transcript[kept] + '";',
    )
    return parts[list(_GFF)].agg("\t".join, axis=1).tolist()


def _genes_of(rows: pd.DataFrame) -> dict[str, str]:
    """Return the gene of each transcript of a GFF3, by the identifiers of its rows."""
    named = rows.assign(
        id=rows["attributes"].str.extract(_ID, expand=False),
        parent=rows["attributes"].str.extract(_PARENT, expand=False),
        gene=rows["attributes"].str.extract(_GFF_GENE, expand=False),
    ).dropna(subset=["id"])
    genes = named[named["parent"].isna()]
    name = dict(
        zip(genes["id"], genes["gene"].fillna(genes["id"].str.removeprefix("gene:")), strict=True)
    )
    below = named[named["parent"].isin(genes["id"])]
    return dict(zip(below["id"], below["parent"].map(name), strict=True))


def _unpacked(reference: str, target: Path) -> str:
    """Return the path of a FASTA that is not packed: itself, or a copy at `target`."""
    if not is_gzip(reference):
        return reference
    with gzip.open(reference) as packed, target.open("wb") as plain:
        shutil.copyfileobj(packed, plain, 1 << 20)
    return str(target)


def align(
    lanes: Sequence[tuple[str, str]],
    index: str,
    sample: str,
    targets: tuple[str, str],
    threads: int,
) -> None:
    """Align the lanes of a sample, count reads of genes, sort, mark duplicates.

    Parameters
    ----------
    lanes
        Pairs of FASTQ files, all packed or none.
    index
        Folder that `make_index` made.
    sample
        Name of the sample, for the read groups.
    targets
        BAM and table of counts (ReadsPerGene.out.tab) to write; the index is the BAM's name and
        .bai.
    threads
        For STAR and for sorting.

    Raises
    ------
    ReadingError
        When STAR is not there or fails, or when some lanes are packed and others are not.
    """
    alignment, counts = targets
    Path(alignment).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=Path(alignment).parent, prefix=".star.") as folder:
        part = str(Path(folder, "sorted.bam"))
        sort = ("sort", "-l", "1", "-@", str(threads), "-m", "500M")
        commands = [
            _command(lanes, index, sample, folder, threads),
            samtools("fixmate", "-m", "-u", "-", "-"),
            samtools(*sort, "-T", str(Path(folder, "part")), "-o", part, "-"),
        ]
        run(commands, folder, " and ".join(lanes[0]))
        write_beside(alignment, lambda beside: mark([part], str(beside), folder, sample))
        write_beside(
            f"{alignment}.bai",
            lambda beside: run(
                [samtools("index", "-o", str(beside), alignment)], folder, alignment
            ),
        )
        write_beside(
            counts, lambda beside: shutil.copyfile(Path(folder, "ReadsPerGene.out.tab"), beside)
        )


def _command(
    lanes: Sequence[tuple[str, str]], index: str, sample: str, folder: str, threads: int
) -> list[str]:
    """Return the command line of STAR, which writes unsorted BAM to its output."""
    packed = {is_gzip(path) for pair in lanes for path in pair}
    if len(packed) > 1:
        raise ReadingError(
            f"{sample}: some FASTQ are packed (gzip) and others are not; expected all or none"
        )
    groups = [
        f"ID:{sample}.{number} SM:{sample} LB:{sample} PL:ILLUMINA"
        for number in range(1, len(lanes) + 1)
    ]
    return [
        installed(), "--runThreadN", str(threads), "--genomeDir", index,
        "--readFilesIn", *(",".join(each) for each in zip(*lanes, strict=True)),
        *(["--readFilesCommand", "gzip", "-cd"] if packed == {True} else []),
        "--outSAMattrRGline", *" , ".join(groups).split(),
        "--outSAMtype", "BAM", "Unsorted", "--outStd", "BAM_Unsorted",
        "--outSAMunmapped", "Within", "--quantMode", "GeneCounts",
        "--outFileNamePrefix", f"{folder}/", "--outTmpDir", f"{folder}/tmp",
    ]  # fmt: skip
