"""Real tables of RNA-seq: counts of five kinds, annotations, allele counts, one alignment."""

import numpy as np
import pandas as pd
import pysam
import pysam.bcftools
import pytest
from linedrift import tables
from linedrift.readers import allele_tables, counts, genes, rna_alignments, rna_variants
from linedrift.readers.files import ReadingError
from linedrift.readouts import marker_bank
from linedrift.readouts.expression_readouts import compare, of_sets, of_x
from linedrift.readouts.imprinted_expression import genotypes, of_alleles
from linedrift.rna_tables import ALLELE_COUNTS, GENES, LOCATED_COUNTS
from linedrift.signals import rna_bank, rna_signals
from truth import CONFIG

pytestmark = pytest.mark.real

SETTINGS = {
    "stranded_share": 0.8, "unstranded_difference": 0.1, "least_strand_reads": 1000,
    "least_genes_found": 0.2, "most_low_mapping": 0.1, "most_other_bases": 0.05,
    "min_mapping_quality": 20, "min_base_quality": 20, "strand_reads": 200_000,
}  # fmt: skip
COUNTS21 = "counts/rna/res_featureCounts_gene_idfull_143138.coverage.csv.gz"
FASTA = "reference/fasta/hg38_chr22_16570000-16610000.nfcore.fa.gz"


@pytest.fixture(scope="module")
def rna(real_data):
    return real_data / "rna"


@pytest.fixture(scope="module")
def known(repository):
    return pd.read_csv(repository / "resources" / "hotspot_genes.tsv", sep="\t")


@pytest.fixture(scope="module")
def gencode(real_data, known):
    path = real_data / "reference/genes/gencode.v26.GRCh38.genes_annotation_table.txt.gz"
    return genes.read(path, known=known)


def read(path, name):
    return counts.read(path, format="gene_counts", name_in_file=name, settings=SETTINGS)


def test_tcga_counts_are_read_and_located(rna, gencode):
    path = rna / "tcga_skcm_counts" / "htseq_counts_53.tsv.gz"
    matrix = counts.read_matrix(path)
    assert matrix.counts.shape == (60_483, 53) and matrix.samples[0] == "TCGA-BF-A1PU-01"
    one = read(path, "TCGA-BF-A1PU-01")
    assert one.genes["count"].to_numpy() == pytest.approx(matrix.counts[:, 0])
    assert one.facts["summary"]["no_feature"] == 2_160_046
    found = genes.locate(path, one.genes, gencode, "gencode.v26", SETTINGS)
    assert found.facts["share_of_genes"] > 0.97 and found.facts["share_protein_coding"] > 0.9
    with pytest.raises(ReadingError, match="it has 'TCGA-BF-A1PU-01'"):
        read(path, "TCGA.BF.A1PU.01")
    with pytest.raises(ReadingError, match="no sample 'TCGA-BF-A1PU-02'; the nearest name is"):
        read(path, "TCGA-BF-A1PU-02")


def test_counts_of_refseq_transcripts_need_their_bed(rna, gencode):
    path = rna / "trisomy21_lcl" / COUNTS21
    one = read(path, "T21_A")
    assert one.facts["id_kind"] == "RefSeq" and one.facts["total"] == 99_891_117
    bed = genes.read(rna / "trisomy21_lcl" / "annotation" / "gene.bed.gz")
    found = genes.locate(path, one.genes, bed, "gene.bed.gz", SETTINGS)
    assert 0.3 < found.facts["share_of_genes"] < 0.4
    with pytest.raises(ReadingError, match=r"\(RefSeq\), the annotation with .*\(Ensembl\)"):
        genes.locate(path, one.genes, gencode, "gencode.v26", SETTINGS)


def test_trisomy_of_chr21_shows_in_what_was_read(rna):
    matrix = counts.read_matrix(rna / "trisomy21_lcl" / COUNTS21)
    bed = genes.read(rna / "trisomy21_lcl" / "annotation" / "gene.bed.gz").genes
    expressed = (matrix.counts >= 200).all(axis=1)
    log2 = np.log2(matrix.counts[expressed])
    log2 -= np.median(log2, axis=0)
    of = matrix.genes.loc[expressed, "gene_id"].map(bed.set_index("gene_id")["chrom"].astype(str))
    child = [name.startswith("T21") for name in matrix.samples]
    ratio = log2[:, child].mean(axis=1) - log2[:, ~np.array(child)].mean(axis=1)
    by_chrom = pd.Series(ratio).groupby(of.to_numpy()).median()
    assert by_chrom.idxmax() == "chr21" and 0.35 < by_chrom["chr21"] < 0.6


def test_ipsc_counts_are_read_and_the_layout_by_sample_refused(rna, gencode):
    folder = rna / "ipsc_bulk_counts" / "data"
    one = read(folder / "reads-bulk.txt", "NA19098.r1.bulk")
    found = genes.locate("reads-bulk.txt", one.genes, gencode, "gencode.v26", SETTINGS)
    assert one.facts["total"] == 30_414_339 and found.facts["share_of_genes"] > 0.97
    with pytest.raises(ReadingError, match="samples in rows and genes in columns"):
        read(folder / "reads-raw-bulk-per-sample.txt", "NA19098")


@pytest.mark.parametrize(
    ("path", "n"),
    [
        ("reference/gtf/chr21_gencode.hg38.gtf.gz", 272),
        ("reference/gtf/gencode.v38.annotation.chr17.gtf.gz", 3057),
        ("reference/ensembl-gene-info.hg38.tsv.gz", 58_206),
        ("wes/nfcore_chr22/data/genomics/homo_sapiens/genome/genome.gff3", 7),
    ],
)
def test_annotations_are_read(path, n, real_data, known):
    found = genes.read(real_data / path, known=known)
    assert len(found.genes) == n
    tables.check(found.genes, GENES)


@pytest.mark.parametrize("line", ["HPSI0314i-xugn_1", "HPSI0314i-xugn_2"])
def test_allele_counts_are_lifted_and_show_trisomy_12(line, rna, real_data, repository):
    markers = pd.read_csv(repository / "resources" / "build_markers.tsv", sep="\t")
    path = rna / "hipsci_allele_counts" / f"{line}.ase.table.gz"
    chains = {"GRCh37": str(real_data / "reference" / "hg19_to_hg38.chain.gz")}
    how = {"settings": SETTINGS, "chains": chains, "build_markers": markers}
    reading = allele_tables.read(path, build="GRCh37", **how)
    sites = tables.check(reading.sites, ALLELE_COUNTS)
    assert reading.facts["n_usable"] > 0.95 * reading.facts["n_rows"]
    assert 0.51 < reading.facts["ref_share"] < 0.55
    deep = sites[sites["usable"] & (sites["total"] >= 40)]
    major = np.maximum(deep["ref_count"], deep["alt_count"]) / deep["total"]
    by_chrom = major.groupby(deep["chrom"].astype(str)).median()
    autosomes = by_chrom.drop("chrX")
    if line.endswith("_1"):
        assert autosomes.idxmax() == "chr12" and autosomes["chr12"] > 0.63
    else:
        assert autosomes.max() < 0.6
    with pytest.raises(ReadingError, match="the positions are those of GRCh37"):
        allele_tables.read(path, build="GRCh38", **how)


def test_an_alignment_is_counted_as_mpileup_counts_it(rna, real_data, tmp_path):
    path = str(rna / "nfcore_chr22" / "bam" / "test.rna.paired_end.sorted.bam")
    with pysam.FastaFile(str(real_data / FASTA)) as fasta:
        bases = fasta.fetch("chr22").upper()
    plain = tmp_path / "g.fa"
    plain.write_text(f">chr22\n{bases}\n")
    pysam.faidx(str(plain))
    sites = pd.DataFrame({"chrom": "chr22", "start": range(len(bases)), "ref": list(bases)})
    sites["alt"] = sites["ref"].map({"A": "G", "C": "T", "G": "A", "T": "C"})
    found = rna_alignments.read(path, sites, settings=SETTINGS).sites.set_index("start")
    bcf = str(tmp_path / "a.bcf")
    pysam.bcftools.mpileup(
        *("-B", "-A", "-f", str(plain), "-q", "20", "-Q", "20", "-d", "100000", "-a", "AD"),
        *("-Ou", "-o", bcf, path),
        catch_stdout=False,
    )
    text = pysam.bcftools.query("-e", "INFO/INDEL=1", "-f", "%POS\t[%AD]\n", bcf)
    rows = (line.split("\t") for line in text.splitlines())
    theirs = {int(pos) - 1: [int(n) for n in reads.split(",")] for pos, reads in rows}
    deep = [pos for pos, reads in theirs.items() if sum(reads) >= 30]
    ours = found.loc[deep]
    depth = np.array([sum(theirs[pos]) for pos in deep])
    ref = np.array([theirs[pos][0] for pos in deep])
    # Which of two mates counts where they overlap, and from what quality, is each one's own.
    assert len(deep) > 300
    assert abs((ours["total"] + ours["other"]).sum() / depth.sum() - 1) < 0.01
    shares = ours["ref_count"] / (ours["total"] + ours["other"]) - ref / depth
    assert shares.abs().max() < 0.05 and abs(shares.mean()) < 0.001


# Findings of expression


@pytest.fixture(scope="module")
def sets(repository):
    path = repository / "resources" / "expression_gene_sets.tsv"
    return pd.read_csv(path, sep="\t", keep_default_na=False, dtype=str)


def located_bank(path, gencode):
    """Return LOCATED_COUNTS of every sample of a table of counts."""
    matrix = counts.read_matrix(path)
    of = matrix.genes.assign(count=matrix.counts.sum(axis=1, dtype=float))
    found = tables.conform(genes.locate(path, of, gencode, "v26", SETTINGS).genes, LOCATED_COUNTS)
    own = pd.DataFrame(matrix.counts, index=matrix.genes["gene_id"]).reindex(found["gene_id"])
    return {
        name: found.assign(count=own[k].to_numpy(float)) for k, name in enumerate(matrix.samples)
    }


def readouts_of(bank, sets, names=()):
    """Return the readouts of samples that are taken for a line each, and their sex by RNA."""
    of = {name: name for name in bank}
    frame, facts = marker_bank.of_bank(bank, list(bank), [False] * len(bank), sets, CONFIG["rna"])
    markers = marker_bank.from_frame(frame, facts, of, dict.fromkeys(bank, False))
    rows = []
    for name in names or bank:
        found = compare(markers, name, CONFIG["rna"])
        seen = rna_bank.of_counts(bank[name])
        sex, _ = rna_bank.sex(seen, CONFIG["quality"]["rna"])
        own = of_sets(found, sets, CONFIG, False) + of_x(found, sets, sex, seen, (), CONFIG)
        rows.append(pd.DataFrame(own).assign(sample=name, sex=sex))
    return pd.concat(rows, ignore_index=True)


def test_replicates_of_ipsc_are_normal_and_male(rna, gencode, sets):
    bank = located_bank(rna / "ipsc_bulk_counts" / "data" / "reads-bulk.txt", gencode)
    found = readouts_of(bank, sets)
    assert set(found["sex"]) == {"male"}
    # Replicates of three people stand for nine lines: what people differ in is beyond its range.
    asked = found[found["state"] != "not_testable"]
    assert asked["state"].isin(["gained", "lost"]).mean() < 0.02
    assert (asked.loc[asked["group"] == "lineage", "state"] == "normal").all()
    assert (asked.loc[asked["item"] == "x_dosage", "state"] == "normal").all()
    # The table is of protein-coding genes.
    xist = found[found["item"] == "XIST"]
    assert (xist["state"] == "not_testable").all() and xist["reason"].str.startswith(
        "no data"
    ).all()


def test_xist_follows_sex_in_real_tumours_and_a_planted_change_is_seen(rna, gencode, sets):
    bank = located_bank(rna / "tcga_skcm_counts" / "htseq_counts_53.tsv.gz", gencode)
    found = readouts_of(bank, sets)
    xist = found[found["item"] == "XIST"].set_index("sample")
    men, women = (xist[xist["sex"] == sex] for sex in ("male", "female"))
    assert len(men) > 20 and (men["state"] == "normal").mean() > 0.9
    assert len(women) > 10 and "lost" not in set(women["state"])
    assert (xist.loc[xist["sex"] == "unknown", "state"] == "not_testable").all()
    one = next(iter(bank))
    row = found[(found["sample"] == one) & (found["item"] == "BCL2L1")].iloc[0]
    assert row["state"] == "normal"
    own = bank[one].copy()
    own.loc[own["symbol"] == "BCL2L1", "count"] *= 2 ** (row["limit"] + 1)
    changed = readouts_of(bank | {one: own}, sets, [one]).set_index("item")
    assert changed.loc["BCL2L1", "state"] == "gained"


@pytest.fixture(scope="module")
def hipsci(rna, real_data, repository):
    """Return ALLELE_COUNTS of ten iPSC lines, by name."""
    markers = pd.read_csv(repository / "resources" / "build_markers.tsv", sep="\t")
    chains = {"GRCh37": str(real_data / "reference" / "hg19_to_hg38.chain.gz")}
    how = {"settings": SETTINGS, "chains": chains, "build_markers": markers}
    files = sorted((rna / "hipsci_allele_counts").glob("*.ase.table.gz"))
    return {
        path.name.split(".")[0].partition("-")[2]: allele_tables.read(
            path, build="GRCh37", **how
        ).sites
        for path in files
    }


def test_imprinted_genes_of_ipsc_have_the_alleles_that_the_table_says(hipsci, sets):
    states = []
    for sites in hipsci.values():
        # The tables are of the heterozygous SNPs of each person.
        known = sites.assign(
            genotype="AB", level=np.nan, level_sd=np.nan, b_fraction=0.5, b_sd=np.nan, usable=True
        )
        measured = genotypes([tables.conform(known, tables.SIGNALS)])
        states.append(pd.DataFrame(of_alleles(sites, measured, sets, CONFIG)).set_index("item"))
    every = pd.concat(states)
    assert (every["state"] == "normal").sum() > 60
    assert "gained" not in set(every["state"])
    assert (every.loc["SNRPN", "state"] == "normal").sum() == 7


def test_a_sister_is_left_out_where_she_is_aneuploid(hipsci, gencode):
    masked = pd.DataFrame(CONFIG["rna"]["masked"], columns=["chrom", "start", "end"])
    left_out = {}
    for line, sites in hipsci.items():
        own, _ = rna_signals.allele_signals(sites, gencode.genes, masked, None, CONFIG["rna"])
        sister = rna_signals.of_snps(sites, CONFIG["rna"])
        left_out[line] = rna_signals.without_events(sister, own, CONFIG["rna"])[1]
    assert "chr12" in left_out["xugn_1"] and "chr1" in left_out["qonc_1"]
    others = [chrom for line, found in left_out.items() for chrom in found]
    assert len(others) <= 4


def test_alleles_looked_up_are_those_of_the_whole_pass(rna, real_data):
    path = str(rna / "nfcore_chr22" / "bam" / "test.rna.paired_end.sorted.bam")
    with pysam.FastaFile(str(real_data / FASTA)) as fasta:
        bases = fasta.fetch("chr22").upper()
    sites = pd.DataFrame({"chrom": "chr22", "start": range(len(bases)), "ref": list(bases)})
    sites["alt"] = sites["ref"].map({"A": "G", "C": "T", "G": "A", "T": "C"})
    whole = rna_alignments.read(path, sites, settings=SETTINGS).sites
    deep = whole[whole["total"] >= 30].iloc[::7]
    asked = deep[["chrom", "start", "ref", "alt"]]
    found = rna_variants.count(path, asked, settings=SETTINGS)
    assert len(found) > 40
    reads = (found["ref_reads"] + found["alt_reads"]).to_numpy()
    assert abs(reads.sum() / deep["total"].sum() - 1) < 0.03
    share = found["alt_reads"].to_numpy() / reads - (deep["alt_count"] / deep["total"]).to_numpy()
    assert np.abs(share).max() < 0.06
