"""Imprinted alleles, vectors and variants of RNA: present, absent down to a limit, or why not."""

import numpy as np
import pandas as pd
import pysam
import pytest
import small_alignments
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import tables
from linedrift.readers import rna_alignments, rna_variants
from linedrift.readers.files import ReadingError
from linedrift.readouts import readouts
from linedrift.readouts.imprinted_expression import genotypes, of_alleles
from linedrift.readouts.rna_variant_readouts import asked, of_variants
from linedrift.readouts.vector_readouts import of_vectors
from linedrift.rna_tables import ALLELE_COUNTS, EXTRA_CONTIGS
from linedrift.sequencing_tables import VARIANTS
from test_readers_rna_alignments import SETTINGS as READING
from test_readers_rna_alignments import Rna

SNRPN = ("chr15", 24_900_000)
MAPPED = 20_000_000


@pytest.fixture(scope="module")
def config(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text())


def curated(repository, name):
    return pd.read_csv(
        repository / "resources" / f"{name}.tsv", sep="\t", keep_default_na=False, dtype=str
    )


@pytest.fixture(scope="module")
def sets(repository):
    return curated(repository, "expression_gene_sets")


@pytest.fixture(scope="module")
def vectors(repository):
    return curated(repository, "vector_sequences")


@pytest.fixture(scope="module")
def hotspots(repository):
    return curated(repository, "snv_hotspots")


def by_item(rows, sample="A-p3"):
    return readouts.frame(rows, sample, 3, "rna").set_index("item")


# Imprinted genes


def snp(chrom, start, ref, alt):
    return {
        "chrom": chrom, "start": start, "end": start + 1, "name": "rs1", "ref": "A", "alt": "G",
        "ref_count": ref, "alt_count": alt, "total": ref + alt, "other": 0, "usable": True,
    }  # fmt: skip


def counted(*rows):
    columns = pd.DataFrame([snp(*row) for row in rows]) if rows else ALLELE_COUNTS.empty()
    return tables.in_genome_order(tables.conform(columns, ALLELE_COUNTS))


def measured(*rows):
    """Return SIGNALS with the genotypes of chrom, start, genotype."""
    frame = pd.DataFrame(rows, columns=["chrom", "start", "genotype"])
    frame = frame.assign(
        end=frame["start"] + 1, name="", level=0, level_sd=1, b_fraction=0.5, b_sd=1, usable=True
    )
    return genotypes([tables.conform(frame, tables.SIGNALS)])


def imprinted(counts, known, sets, config):
    return by_item(of_alleles(counts, known, sets, config))


@pytest.mark.parametrize(
    ("ref", "alt", "genotype", "state", "words"),
    [
        (200, 2, "AB", "normal", "SNP rs1, 202 reads"),
        (2, 200, "AB", "normal", "202 reads"),
        (110, 90, "AB", "gained", "both alleles"),
        (110, 90, "", "gained", "both alleles"),
        (110, 90, "AA", "not_testable", "too few loci"),
        (200, 2, "", "not_testable", "too few loci"),
        (200, 2, "AA", "not_testable", "too few loci"),
        (9, 8, "AB", "not_testable", "too few loci"),
        (21, 4, "AB", "not_testable", "too few reads"),
    ],
)
def test_an_imprinted_gene_has_one_allele_or_both(ref, alt, genotype, state, words, sets, config):
    known = measured((*SNRPN, genotype), ("chr1", 500, "AB"))
    row = imprinted(counted((*SNRPN, ref, alt)), known, sets, config).loc["SNRPN"]
    assert row["state"] == state and words in row["reason"]
    if state == "gained":
        assert row["low"] > row["expected_high"] and row["value"] == pytest.approx(0.45)


def test_without_genotypes_a_silent_allele_is_not_told_from_a_homozygous_snp(sets, config):
    row = imprinted(counted((*SNRPN, 300, 0)), None, sets, config).loc["SNRPN"]
    assert row["state"] == "not_testable" and "without an array or exome" in row["reason"]
    row = imprinted(counted((*SNRPN, 150, 150)), None, sets, config).loc["SNRPN"]
    assert row["state"] == "gained"


def test_both_alleles_of_a_gene_that_has_both_are_normal(sets, config):
    gnas = ("chr20", 58_880_000)
    known = measured((*gnas, "AB"))
    row = imprinted(counted((*gnas, 110, 90)), known, sets, config).loc["GNAS"]
    assert row["state"] == "normal" and row["expected_high"] == 0.5


def test_a_snp_in_the_intron_of_another_gene_counts_for_the_shorter(sets, config):
    inside = ("chr11", 2_650_000)  # KCNQ1OT1, within KCNQ1
    found = imprinted(counted((*inside, 100, 100)), measured((*inside, "AB")), sets, config)
    assert found.loc["KCNQ1OT1", "state"] == "gained"
    assert found.loc["KCNQ1", "state"] == "not_testable"


def test_without_alleles_every_imprinted_gene_says_so(sets, config):
    found = imprinted(None, None, sets, config)
    assert set(found["state"]) == {"not_testable"}
    assert found["reason"].str.startswith("no data: no alleles").all()
    assert len(found) == len(imprinted(counted(), None, sets, config)) == 42


@settings(deadline=None, max_examples=25)
@given(share=st.floats(0.25, 0.75), reads=st.integers(400, 5000))
def test_lost_imprinting_is_found_whatever_the_allele(share, reads, sets, config):
    alt = round(share * reads)
    known = measured((*SNRPN, "AB"))
    row = imprinted(counted((*SNRPN, reads - alt, alt)), known, sets, config).loc["SNRPN"]
    assert row["state"] == "gained"


# Vectors


def contigs(**reads):
    """Return EXTRA_CONTIGS with so many reads."""
    names = {"chrEBV": "epstein_barr", "ERCC_1": "spike_in"}
    frame = pd.DataFrame({"contig": list(reads), "unique_reads": list(reads.values())})
    frame = frame.assign(
        kind=frame["contig"].map(names).fillna("added"), length=9000, reads=frame["unique_reads"],
        per_million=frame["unique_reads"] / MAPPED * 1e6,
    )  # fmt: skip
    return tables.conform(frame, EXTRA_CONTIGS)


def vector_rows(extra, vectors, config, regions=None, counted=None, **named):
    own = {**config, "rna": {**config["rna"], "vectors": named}}
    rows = of_vectors(extra, regions or {}, MAPPED, counted or {}, 1e7, vectors, own)
    return by_item(rows)


def test_reads_of_a_vector_make_it_present(vectors, config):
    found = vector_rows(contigs(SeV_KOS=120, pCXLE_EBNA1=0), vectors, config)
    assert found.loc["sendai", "state"] == "present"
    assert found.loc["sendai", "value"] == pytest.approx(6.0)
    assert found.loc["sendai", "low"] < 6 < found.loc["sendai", "high"]
    assert found.loc["sendai", "role"] == "review" and "lane" not in found.loc["sendai", "reason"]
    few = vector_rows(contigs(SeV=6), vectors, config).loc["sendai"]
    assert few["state"] == "present" and "another sample of the lane" in few["reason"]
    assert found.loc["plasmid", "state"] == "absent"
    assert found.loc["wpre", "reason"].startswith("no sequence: ")
    assert set(found["unit"]) == {"reads per million", ""}


def test_absence_has_the_limit_that_depth_gives(vectors, config):
    row = vector_rows(contigs(SeV=0), vectors, config).loc["sendai"]
    rng = np.random.default_rng(1)
    reads = rng.poisson(row["limit"] * MAPPED / 1e6, 4000)
    least = config["rna"]["readouts"]["vector_reads"]
    assert np.mean(reads >= least) == pytest.approx(0.95, abs=0.015)
    few = vector_rows(contigs(SeV=least - 1), vectors, config).loc["sendai"]
    assert few["state"] == "absent" and few["value"] > 0


def test_an_episome_is_told_from_the_virus(vectors, config):
    episome = {"episome": 400.0, "elsewhere": 3.0}
    found = vector_rows(contigs(chrEBV=403), vectors, config, episome)
    assert found.loc[["ebv_episome", "ebv_genome"], "state"].tolist() == ["present", "absent"]
    virus = {"episome": 40.0, "elsewhere": 900.0}
    found = vector_rows(contigs(chrEBV=940), vectors, config, virus)
    assert found.loc["ebv_genome", "state"] == "present"
    assert "the virus" in found.loc["ebv_episome", "reason"]
    nothing = vector_rows(contigs(chrEBV=0), vectors, config, {"episome": 0.0, "elsewhere": 0.0})
    assert set(nothing.loc[["ebv_episome", "ebv_genome"], "state"]) == {"absent"}


def test_what_the_settings_name_is_asked_by_contig_or_gene(vectors, config):
    found = vector_rows(
        contigs(SeV=0, mine=50),
        vectors,
        config,
        counted={"tg1": 70.0},
        mine="our vector",
        tg1="OCT4 transgene",
        nowhere="another one",
    )
    assert found.loc["mine", ["label", "state"]].tolist() == ["our vector", "present"]
    assert found.loc["tg1", "value"] == pytest.approx(7.0)
    assert found.loc["nowhere", "reason"].startswith("no sequence: ")


def test_a_contig_nobody_knows_is_shown_and_spike_ins_are_not(vectors, config):
    found = vector_rows(contigs(mystery=9, ERCC_1=5000), vectors, config)
    assert found.loc["contig:mystery", "state"] == "present"
    assert "name it in rna.vectors" in found.loc["contig:mystery", "reason"]
    assert not found.index.str.contains("ERCC").any()


def test_without_an_alignment_no_vector_is_called_absent(vectors, config):
    found = vector_rows(None, vectors, config, mine="our vector")
    assert set(found["state"]) == {"not_testable"}
    assert len(found) == len(vectors) + 1


def test_reads_of_ebv_are_counted_within_the_episome_and_elsewhere(tmp_path):
    rna = Rna()
    for _ in range(4):
        rna.read(8000, contig="chrEBV")
    rna.read(160_000, contig="chrEBV").read(100)
    sites = pd.DataFrame({"chrom": ["chr20"], "start": [120], "ref": "A", "alt": "G"})
    found = rna_alignments.read(
        rna.write(tmp_path / "a.bam"), sites, settings=READING, episome=[(7314, 9312)]
    )
    assert found.facts["epstein_barr"] == {"episome": pytest.approx(4), "elsewhere": 1}
    none = rna_alignments.read(str(tmp_path / "a.bam"), sites, settings=READING)
    assert none.facts["epstein_barr"] == {}


# Variants


def exome(*rows):
    """Return VARIANTS of chrom, start, ref, alt, origin, consequence."""
    columns = ["chrom", "start", "ref", "alt", "origin", "consequence"]
    frame = pd.DataFrame(rows, columns=columns).assign(
        end=lambda own: own["start"] + own["ref"].str.len(), line="A", kind="snv", quality=60.0,
        first_passage=3, posterior=1.0, gene="G", protein_change="", hotspot_id="",
        disputed=False, note="", variant_id=[f"v{k}" for k in range(len(rows))],
    )  # fmt: skip
    return tables.conform(frame, VARIANTS)


def looked_up(variants, hotspots, config, reads, aligned=True):
    """Return readouts where each item has (ref, alt) reads, 0 where not given."""
    found = asked(variants, hotspots)
    pairs = [reads.get(item, (0, 0)) for item in found["item"]]
    found["ref_reads"], found["alt_reads"] = zip(*pairs, strict=True)
    return by_item(of_variants(found, aligned, config))


def test_variants_of_the_exome_are_present_absent_or_not_testable(hotspots, config):
    own = exome(
        ("chr1", 100, "A", "G", "acquired", "missense"),
        ("chr1", 200, "A", "G", "acquired", "stop_gained"),
        ("chr1", 300, "C", "CT", "expanded", "frameshift"),
        ("chr1", 400, "C", "T", "inherited", "missense"),
    )
    reads = {"v0": (60, 40), "v1": (60, 0), "v2": (4, 3)}
    found = looked_up(own, hotspots, config, reads)
    assert "v3" not in found.index
    assert found.loc[["v0", "v1", "v2"], "state"].tolist() == ["present", "absent", "not_testable"]
    assert found.loc["v0", "value"] == pytest.approx(0.4)
    assert "degraded" in found.loc["v1", "reason"] and 0 < found.loc["v1", "limit"] < 0.15
    assert found.loc["v2", "reason"].startswith("too few reads: 7")
    assert set(found.loc[["v0", "v1", "v2"], "role"]) == {"annotate"}


def test_hotspots_are_always_asked_and_need_more_than_one_variant_does(hotspots, config):
    one = "TP53:p.Arg175His"
    nothing = looked_up(exome(), hotspots, config, {})
    assert (nothing["state"] == "not_testable").all()
    assert (hotspots["scope"] == "point").sum() == len(nothing)
    found = looked_up(exome(), hotspots, config, {one: (100, 30)}).loc[one]
    assert found["state"] == "present" and found["role"] == "flag"
    few = {one: (295, 6)}
    assert looked_up(exome(), hotspots, config, few).loc[one, "state"] == "absent"
    row = hotspots[hotspots["id"] == one].iloc[0]
    seen = exome((row["chrom"], int(row["start"]), row["ref"], row["alt"], "acquired", "missense"))
    known = looked_up(seen, hotspots, config, few)
    assert known.loc[one, "state"] == "present" and "v0" not in known.index


def test_a_change_that_editing_makes_is_said_so(hotspots, config):
    edited = hotspots[(hotspots["ref"] == "T") & (hotspots["alt"] == "C")].iloc[0]["id"]
    found = looked_up(exome(), hotspots, config, {edited: (60, 40)})
    assert "editing" in found.loc[edited, "reason"]


def test_without_an_alignment_no_variant_is_called_absent(hotspots, config):
    own = exome(("chr1", 100, "A", "G", "acquired", "missense"))
    found = looked_up(own, hotspots, config, {}, aligned=False)
    assert set(found["state"]) == {"not_testable"}
    assert found["reason"].str.startswith("no data: no alignment").all()


def test_errors_alone_make_no_hotspot_present(hotspots, config):
    rng = np.random.default_rng(3)
    rate = config["rna"]["readouts"]["error_rate"]
    items = asked(exome(), hotspots)["item"]
    for _ in range(12):
        depth = rng.integers(10, 3000, len(items))
        wrong = rng.binomial(depth, rate)
        reads = dict(zip(items, zip(depth - wrong, wrong, strict=True), strict=True))
        assert "present" not in set(looked_up(exome(), hotspots, config, reads)["state"])


GENOME = small_alignments.random_bases(4000)
BASE = {"A": "C", "C": "G", "G": "T", "T": "A"}
SNV = (1000, GENOME[1000], BASE[GENOME[1000]])
INSERTION = (1500, GENOME[1500], GENOME[1500] + "GATTACA")
DELETION = (2000, GENOME[2000:2006], GENOME[2000])
MNV = (2500, GENOME[2500:2502], BASE[GENOME[2500]] + BASE[GENOME[2501]])


@pytest.mark.parametrize("variant", [SNV, INSERTION, DELETION, MNV])
@pytest.mark.parametrize("indexed", [True, False])
def test_reads_of_each_kind_of_allele_are_counted(variant, indexed, tmp_path):
    library = small_alignments.Library(GENOME, contig="1").cover(60, [variant], share=0.4)
    path = library.write(tmp_path / "a.bam")
    if not indexed:
        (tmp_path / "a.bam.bai").unlink()
    position, ref, alt = variant
    wanted = pd.DataFrame({"chrom": ["chr1"], "start": [position], "ref": [ref], "alt": [alt]})
    row = rna_variants.count(path, wanted, settings=READING).iloc[0]
    depth = row["ref_reads"] + row["alt_reads"]
    assert 30 < depth < 75 and row["other_reads"] == 0
    # Aligners take some reads that end beside an indel for those of the reference.
    low = 0.3 if len(ref) == len(alt) else 0.25
    assert low < row["alt_reads"] / depth < 0.5
    assert not (tmp_path / "a.bam.csi").exists()


def test_mates_count_once_and_introns_tell_nothing(tmp_path):
    rna = Rna()
    spliced = [(0, 20), (3, 1080), (0, 30)]  # 110 to 130, intron, 1210 to 1240
    rna.read(100, base="G", at=20).read(110, cigar=spliced).read(100, mapq=3)
    rna.reads[1].query_name = rna.reads[0].query_name
    rna.reads[1].query_qualities[10] = 2
    sites = pd.DataFrame(
        {"chrom": "chr20", "start": [120, 500, 126], "ref": ["A", "A", "AAAAAA"], "alt": "G"}
    )
    found = rna_variants.count(rna.write(tmp_path / "a.bam"), sites, settings=READING)
    counted_ = found[["ref_reads", "alt_reads", "other_reads"]].to_numpy().tolist()
    assert counted_ == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]


def test_an_unsorted_alignment_is_refused_in_words(tmp_path):
    rna = Rna().read(900).read(100)
    rna.reads.sort(key=lambda read: -read.reference_start)
    with_order = tmp_path / "a.bam"
    with pysam.AlignmentFile(str(with_order), "wb", header=rna.header) as file:
        for read in rna.reads:
            file.write(read)
    sites = pd.DataFrame({"chrom": ["chr20"], "start": [120], "ref": ["A"], "alt": ["G"]})
    with pytest.raises(ReadingError, match="a.bam: cannot be indexed: .*sort it"):
        rna_variants.count(str(with_order), sites, settings=READING)


def test_a_question_asked_twice_is_refused():
    row = readouts.readout("vector", "one", "One")
    with pytest.raises(ValueError, match="readout one of vector was asked twice"):
        readouts.frame([row, row], "A-p1", 1, "rna")
    with pytest.raises(ValueError, match="no column colour"):
        readouts.readout("vector", "one", "One", colour="red")
