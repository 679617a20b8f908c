"""Simulated exomes: planted truth is in the reads, and the reads are like those of a sequencer."""

import genome_files
import numpy as np
import pandas as pd
import pysam
import pysam.bcftools
import pysam.samtools
import pytest
import reduced_genome
import simulate_array
import simulate_exome as sim
from flat_sequence import CODE
from simulate_exome import Artefact, CopyEvent, Library, Variant

REGIONS = (
    ("chr17", 1_000_000, 60_000_000, 30),
    ("chr20", 300_000, 29_000_000, 60),
    ("chr20", 30_100_000, 33_300_000, 60),
    ("chrX", 3_000_000, 150_000_000, 50),
)
GAIN = CopyEvent("chr20", 30_450_000, 32_950_000, "gain", 1.0, haplotype=1)
R175H = Variant("chr17", 7_675_087, "C", "T", 0, 0.4, "R175H")


@pytest.fixture(scope="module")
def hotspots(repository):
    table = pd.read_csv(repository / "resources" / "snv_hotspots.tsv", sep="\t")
    return table[table["scope"] == "point"]


@pytest.fixture(scope="module")
def array():
    """Loci of a thin array, and the haplotypes of a woman."""
    rng = np.random.default_rng(1)
    loci = simulate_array.loci(rng, chromosomes=["chr17", "chr20", "chrX"], per_mb=60)
    platform = simulate_array.platform(rng, loci)
    return loci, simulate_array.person(rng, loci, platform, "female")


@pytest.fixture(scope="module")
def genome(array, hotspots):
    return make(array, hotspots)


def make(array, hotspots, seed=2):
    panel = pd.DataFrame(
        {"chrom": "chr17", "start": [5_000_000, 7_674_000], "ref": "G", "alt": "A"}
    )
    rng = np.random.default_rng(seed)
    return reduced_genome.make(rng, loci=array[0], panel=panel, hotspots=hotspots, regions=REGIONS)


@pytest.fixture(scope="module")
def woman(genome, array):
    return sim.person(np.random.default_rng(3), genome, "female", array[1])


@pytest.fixture(scope="module")
def files(genome, tmp_path_factory):
    """Return a folder with genome.fa.gz, targets.bed and genes.gff3."""
    folder = tmp_path_factory.mktemp("genome")
    genome_files.write_sequence(folder / "genome.fa.gz", genome)
    genome_files.write_targets(folder / "targets.bed", genome)
    genome_files.write_genes(folder / "genes.gff3", genome)
    return folder


def bcor_frameshift(genome, cell_fraction=0.3):
    start = 40_064_900
    while genome.text("chrX", start, start + 1) == genome.text("chrX", start + 1, start + 2):
        start += 1
    ref = genome.text("chrX", start, start + 2)
    return Variant("chrX", start, ref, ref[0], 1, cell_fraction, "frameshift")


def sequence(genome, who, path, seed=5, **settings):
    settings = {"library": Library(depth=100), "sample": "S"} | settings
    return sim.sequence(np.random.default_rng(seed), genome, who, path, **settings)


@pytest.fixture(scope="module")
def exome(genome, woman, tmp_path_factory):
    """Return the BAM of a woman's line with a gain, R175H and a frameshift."""
    path = tmp_path_factory.mktemp("exome") / "line.bam"
    variants = [R175H, bcor_frameshift(genome)]
    return sequence(
        genome, woman, path, events=[GAIN], variants=variants, library=Library(depth=300)
    )


def depths(path, targets):
    """Return the mean depth of each target, without duplicates, overlapping mates once."""
    with pysam.AlignmentFile(path) as file:
        found = []
        for row in targets.itertuples():
            counts = np.zeros(row.end - row.start)
            names = set()
            for read in file.fetch(row.chrom, row.start, row.end):
                if read.is_duplicate:
                    continue
                first, last = read.reference_start, read.reference_end
                if read.query_name in names:  # the overlap with the mate counts once
                    first = max(first, read.next_reference_start + 100)
                names.add(read.query_name)
                counts[max(first - row.start, 0) : max(last - row.start, 0)] += 1
            found.append(counts.mean())
    return np.array(found)


def count(path, chrom, start, alt):
    """Return reads of `alt` on either strand and all reads, good bases only, no duplicates."""
    with pysam.AlignmentFile(path) as file:
        by_strand = [
            np.array(
                file.count_coverage(
                    chrom,
                    start,
                    start + 1,
                    quality_threshold=20,
                    read_callback=lambda read, reverse=reverse: (
                        not read.is_duplicate
                        and read.mapping_quality >= 20
                        and read.is_reverse == reverse
                    ),
                )
            )[:, 0]
            for reverse in (False, True)
        ]
    forward, reverse = (int(counts[CODE[alt]]) for counts in by_strand)
    return forward, reverse, int(sum(counts.sum() for counts in by_strand))


def test_the_bam_is_whole_and_its_pairs_are_proper(exome):
    assert pysam.samtools.quickcheck(str(exome)) == ""
    with pysam.AlignmentFile(exome) as file:
        assert file.has_index()
        assert file.header["RG"][0]["SM"] == "S"
        assert file.header["HD"]["SO"] == "coordinate"
        reads = list(file)
    n = len(reads)
    places = [(read.reference_id, read.reference_start) for read in reads]
    assert places == sorted(places)
    assert all(read.is_proper_pair and read.get_tag("RG") == "S" for read in reads)
    pairs = {}
    for read in reads:
        pairs.setdefault(read.query_name, []).append(read)
    assert all(len(pair) == 2 for pair in pairs.values())
    for one, two in pairs.values():
        assert one.is_read1 != two.is_read1
        assert one.is_reverse != two.is_reverse
        assert one.template_length == -two.template_length
        assert (one.next_reference_start, two.next_reference_start) == (
            two.reference_start,
            one.reference_start,
        )
        assert one.mate_is_reverse == two.is_reverse
    length = np.array([abs(read.template_length) for read in reads])
    assert np.median(length) == pytest.approx(200, abs=5)
    assert np.mean([read.is_duplicate for read in reads]) == pytest.approx(0.048, abs=0.006)
    quality = np.array([read.mapping_quality for read in reads])
    assert 0.85 < np.mean(quality == 60) < 0.97
    assert np.mean(quality < 20) > 0.01
    assert n > 50_000


def test_reads_agree_with_the_reference(exome, files, genome):
    """All but errors and planted alleles, also around gaps."""
    differ = total = gaps = 0
    with pysam.AlignmentFile(exome) as file, pysam.FastaFile(files / "genome.fa.gz") as fasta:
        for chrom in ("chr17", "chrX"):
            sequence = fasta.fetch(chrom)
            for read in file.fetch(chrom):
                gapped = len(read.cigartuples) > 1
                if gapped or read.reference_start % 7 == 0:
                    aligned = [p for p in read.get_aligned_pairs() if None not in p]
                    wrong = sum(read.query_sequence[q] != sequence[r] for q, r in aligned)
                    differ, total, gaps = differ + wrong, total + len(aligned), gaps + gapped
                    assert not gapped or wrong < 25
    assert gaps > 100
    assert 0.001 < differ / total < 0.008


@pytest.mark.parametrize("depth", [50, 200])
def test_the_depth_is_as_asked_and_peaks_in_the_middle(genome, woman, tmp_path, depth):
    path = sequence(genome, woman, tmp_path / "x.bam", library=Library(depth=depth))
    found = depths(path, genome.targets)
    lengths = genome.targets["end"] - genome.targets["start"]
    assert np.average(found, weights=lengths) == pytest.approx(depth, rel=0.05)
    middle = genome.targets.assign(
        start=lambda t: (t["start"] + t["end"]) // 2 - 10, end=lambda t: t["start"] + 20
    )
    edge = genome.targets.assign(end=lambda t: t["start"] + 20)
    far = genome.targets.assign(start=lambda t: t["end"] + 800, end=lambda t: t["end"] + 1800)
    inside, border, outside = (depths(path, p).mean() for p in (middle, edge, far))
    assert inside > 1.2 * border
    assert outside < 0.03 * depth
    assert outside > 0


def test_samples_of_a_kit_share_the_efficiency_of_targets(genome, woman, tmp_path):
    paths = [sequence(genome, woman, tmp_path / f"{seed}.bam", seed=seed) for seed in (7, 8)]
    first, second = (np.log2(depths(path, genome.targets)) for path in paths)
    assert first.std() > 0.35
    assert np.corrcoef(first, second)[0, 1] > 0.85
    assert (first - second).std() < 0.5 * first.std()


def test_a_gain_raises_depth_and_one_allele(exome, genome, woman):
    inside = (genome.targets["chrom"] == "chr20") & genome.targets["start"].between(
        GAIN.start, GAIN.end
    )
    found = depths(exome, genome.targets) / genome.targets["efficiency"]
    assert inside.sum() > 40
    assert found[inside].mean() / found[~inside].mean() == pytest.approx(1.5, rel=0.1)
    sites = genome.sites.assign(a=woman.alleles[:, 0], b=woman.alleles[:, 1])
    sites = sites[
        (sites["chrom"] == "chr20")
        & sites["start"].between(GAIN.start, GAIN.end)
        & (sites["a"] != sites["b"])
        & (sites["ref"].str.len() + sites["alt"].str.len() == 2)
    ]
    of_gained = []
    for row in sites.head(25).itertuples():
        forward, reverse, total = count(exome, row.chrom, row.start, row.alt)
        if total > 100:
            share = (forward + reverse) / total
            of_gained.append(share if row.b == 1 else 1 - share)
    assert len(of_gained) > 8
    assert np.mean(of_gained) == pytest.approx(2 / 3, abs=0.03)


def test_planted_alleles_are_there_at_their_fractions(exome, genome, files):
    forward, reverse, total = count(exome, "chr17", R175H.start, "T")
    assert total > 200
    assert (forward + reverse) / total == pytest.approx(0.2, abs=0.05)
    assert min(forward, reverse) > 10
    planted = bcor_frameshift(genome)
    text = pysam.bcftools.mpileup(
        "-f", str(files / "genome.fa.gz"), "-r", f"chrX:{planted.start - 5}-{planted.start + 5}",
        "-a", "AD", "-L", "2000", str(exome), catch_stdout=True,
    )  # fmt: skip
    rows = [line.split("\t") for line in text.splitlines() if "INDEL;" in line]
    assert len(rows) == 1
    assert len(rows[0][3]) == len(rows[0][4].split(",")[0]) + 1
    ref, alt = (int(n) for n in rows[0][9].split(":")[-1].split(",")[:2])
    assert alt / (ref + alt) == pytest.approx(0.15, abs=0.05)


def test_two_bases_side_by_side_stand_on_the_same_reads(genome, woman, tmp_path):
    ref = genome.text("chr17", 7_675_100, 7_675_102)
    alt = "".join("ACGT"[3 - CODE[base]] for base in ref)
    planted = Variant("chr17", 7_675_100, ref, alt, 0, 1.0)
    path = sequence(genome, woman, tmp_path / "x.bam", variants=[planted])
    pairs = []
    with pysam.AlignmentFile(path) as file:
        for read in file.fetch("chr17", 7_675_100, 7_675_102):
            if read.cigarstring == "100M" and 7_675_001 < read.reference_start <= 7_675_100:
                at = 7_675_100 - read.reference_start
                pairs.append(read.query_sequence[at : at + 2])
    assert np.mean([pair == alt for pair in pairs]) == pytest.approx(0.5, abs=0.15)
    assert np.mean([pair in (ref, alt) for pair in pairs]) > 0.9


def test_a_man_carries_variants_of_x_in_all_reads(genome, tmp_path):
    man = sim.person(np.random.default_rng(4), genome, "male")
    ref = genome.text("chrX", 40_064_900, 40_064_901)
    alt = "ACGT"[3 - CODE[ref]]
    planted = Variant("chrX", 40_064_900, ref, alt, 1, 1.0)
    path = sequence(genome, man, tmp_path / "x.bam", variants=[planted])
    with pysam.AlignmentFile(path) as file:
        counts = file.count_coverage("chrX", 40_064_900, 40_064_901, quality_threshold=20)
    counts = np.array(counts)[:, 0]
    assert counts[CODE[alt]] / counts.sum() > 0.95
    found = depths(path, genome.targets) / genome.targets["efficiency"]
    on_x = genome.targets["chrom"] == "chrX"
    assert found[on_x].mean() / found[~on_x].mean() == pytest.approx(0.5, rel=0.12)


def test_the_array_and_the_exome_have_one_genotype_and_one_phase(genome, woman, array):
    loci, haplotypes = array
    shared = genome.sites[genome.sites["locus"] >= 0]
    assert len(shared) > 60
    at = shared["locus"].to_numpy()
    assert (loci["start"].to_numpy()[at] == shared["start"]).all()
    assert (loci["chrom"].astype(str).to_numpy()[at] == shared["chrom"].astype(str)).all()
    strong = shared["alt"].isin(["C", "G"])
    assert (strong != shared["ref"].isin(["C", "G"])).all()
    b = woman.alleles[shared.index] == strong.to_numpy()[:, None].astype(int)
    assert (b == (haplotypes[at] == 1)).all()


def test_an_artefact_stands_on_one_strand_and_slips_in_repeats(genome, woman, tmp_path):
    start = genome.targets.query("chrom == 'chr17' and gene == 'TP53'")["start"].iloc[3] + 60
    ref = genome.text("chr17", start, start + 1)
    alt = "ACGT"[3 - CODE[ref]]
    artefact = Artefact("chr17", int(start), alt, reverse=True, fraction=0.3)
    library = Library(depth=300, slips=4)
    path = sequence(genome, woman, tmp_path / "x.bam", artefacts=[artefact], library=library)
    forward, reverse, _ = count(path, "chr17", int(start), alt)
    assert forward <= 3
    assert reverse > 10
    gaps = []
    with pysam.AlignmentFile(path) as file:
        for read in file:
            if len(read.cigartuples) == 3:
                gaps.append((read.reference_id, read.reference_start + read.cigartuples[0][1]))
    chrom, start = genome.place(genome.repeats["flat"].to_numpy())
    repeats = set(zip(chrom, start, strict=True))
    assert len(gaps) > 300
    assert np.mean([gap in repeats for gap in gaps]) > 0.5


def test_another_person_in_the_tube_shows(genome, woman, tmp_path):
    other = sim.person(np.random.default_rng(9), genome, "female")
    library = Library(depth=150)
    paths = [
        sequence(genome, woman, tmp_path / f"{share}.bam", contamination=mixed, library=library)
        for share, mixed in ((0, None), (20, (other, 0.2)))
    ]
    own = (woman.alleles == 0).all(axis=1) & (other.alleles == 1).all(axis=1)
    sites = genome.sites[own & (genome.sites["ref"].str.len() + genome.sites["alt"].str.len() == 2)]
    fractions = []
    for path in paths:
        counts = np.array([count(path, s.chrom, s.start, s.alt) for s in sites.itertuples()])
        fractions.append(counts[:, :2].sum() / counts[:, 2].sum())
    assert fractions[0] < 0.02
    assert fractions[1] == pytest.approx(0.2, abs=0.04)


def test_the_same_seed_gives_the_same_reads(genome, array, hotspots, woman, tmp_path):
    again = make(array, hotspots)
    assert (again.codes == genome.codes).all()
    pd.testing.assert_frame_equal(again.sites, genome.sites)
    paths = [
        sequence(genome, woman, tmp_path / f"{i}.bam", seed=seed, library=Library(depth=15))
        for i, seed in enumerate((5, 5, 6))
    ]
    first, second, other = (path.read_bytes() for path in paths)
    assert first == second
    assert first != other


def test_the_sequence_stands_where_it_should(genome, files):
    with pysam.FastaFile(files / "genome.fa.gz") as fasta:
        assert dict(zip(fasta.references, fasta.lengths, strict=True)) == {
            "chr17": 83_257_441, "chr20": 64_444_167, "chrX": 156_040_895,
        }  # fmt: skip
        for row in genome.targets.iloc[::9].itertuples():
            text = fasta.fetch(row.chrom, row.start - 50, row.end + 50)
            assert text == genome.text(row.chrom, row.start - 50, row.end + 50)
            assert set(text) <= set("ACGT")
        assert set(fasta.fetch("chr17", 70_000_000, 70_001_000)) == {"N"}
        for row in genome.sites.itertuples():
            assert fasta.fetch(row.chrom, row.start, row.start + len(row.ref)) == row.ref
    with pytest.raises(ValueError, match=r"chr17:70000000 is N"):
        genome.text("chr17", 70_000_000, 70_000_001)
    gc = genome.targets["gc"]
    assert gc.quantile(0.02) < 0.36
    assert gc.quantile(0.98) > 0.58


def test_the_sites_and_targets_are_in_order(genome, files):
    bed = pd.read_csv(files / "targets.bed", sep="\t", names=["chrom", "start", "end", "gene"])
    assert len(bed) == len(genome.targets)
    same = bed["chrom"] == bed["chrom"].shift()
    assert (bed["start"] > bed["end"].shift())[same].all()
    assert {"TP53", "BCOR", "BCL2L1"} <= set(bed["gene"])
    assert not genome.sites.duplicated(["chrom", "start"]).any()
    assert (np.diff(genome.sites["flat"]) > 0).all()


def test_csq_names_every_hotspot_of_tp53_and_the_frameshift(genome, hotspots, files, tmp_path):
    own = hotspots[hotspots["gene"] == "TP53"].sort_values("start")
    planted = bcor_frameshift(genome)
    expected = {}
    for number, row in enumerate(own.itertuples()):
        consequence = one_consequence(files, tmp_path / f"{number}.vcf", row)
        kind, gene, change = (consequence[i] for i in (0, 1, 5))
        number, before, after = row.hgvs_p[5:-3], row.hgvs_p[2:5], row.hgvs_p[-3:]
        short = {name: letter for letter, name in reduced_genome.SHORT.items()}
        assert gene == "TP53"
        assert change == f"{number}{short[before]}>{number}{short[after]}"
        expected[change] = kind
    assert expected["175R>175H"] == "missense"
    assert expected["213R>213*"] == "stop_gained"
    frameshift = one_consequence(files, tmp_path / "frameshift.vcf", planted)
    assert frameshift[:2] == ["frameshift", "BCOR"]


def one_consequence(files, path, variant):
    path.write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=chr17,length=83257441>\n"
        "##contig=<ID=chrX,length=156040895>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        f"{variant.chrom}\t{variant.start + 1}\t.\t{variant.ref}\t{variant.alt}\t.\t.\t.\n"
    )
    text = pysam.bcftools.csq(
        "-f", str(files / "genome.fa.gz"), "-g", str(files / "genes.gff3"), str(path),
        catch_stdout=True,
    )  # fmt: skip
    return text.splitlines()[-1].split("BCSQ=")[1].split("|")


def test_no_gene_has_a_stop_inside(genome):
    for gene, own in genome.exons.groupby("gene", sort=False):
        text = "".join(genome.text(e.chrom, e.start, e.end) for e in own.itertuples())
        if own["strand"].iloc[0] == -1:
            text = text[::-1].translate(str.maketrans("ACGT", "TGCA"))
        assert len(text) % 3 == 0, gene
        codons = [
            reduced_genome.CODONS[tuple(CODE[b] for b in text[i : i + 3])]
            for i in range(0, len(text), 3)
        ]
        assert codons[0] == "Met"
        assert codons.index("Ter") == len(codons) - 1, gene


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell_fraction": 1.5}, "share of cells"),
        ({"haplotype": 2}, "haplotype is 0 or 1"),
        ({"alt": "C"}, "not two alleles"),
        ({"alt": "N"}, "not two alleles"),
        ({"ref": "CG", "alt": "T"}, "anchor"),
    ],
)
def test_impossible_variants_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Variant(**({"chrom": "chr17", "start": 1, "ref": "C", "alt": "T"} | settings))


def test_a_variant_whose_reference_is_another_is_refused(genome, woman, tmp_path):
    with pytest.raises(ValueError, match=r"chr17:7675087 is C, not G"):
        sequence(
            genome, woman, tmp_path / "x.bam", variants=[Variant("chr17", 7_675_087, "G", "T")]
        )
