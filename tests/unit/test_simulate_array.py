"""The simulator: planted truth is in the signals, and the noise is that of real arrays."""

import numpy as np
import pandas as pd
import pytest
import simulate_array as sim
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import genome, tables
from simulate_array import Event


@pytest.fixture(scope="module")
def bands(repository):
    names = ["chrom", "start", "end", "band", "stain"]
    return pd.read_csv(repository / "resources" / "cytoBand.hg38.txt", sep="\t", names=names)


@pytest.fixture(scope="module")
def array(bands):
    """Loci, platform, and the haplotypes of a woman and of a man."""
    rng = np.random.default_rng(11)
    loci = sim.loci(rng, chromosomes=["chr20", "chr21", "chrX", "chrY"], per_mb=150, bands=bands)
    platform = sim.platform(rng, loci)
    return loci, platform, *(sim.person(rng, loci, platform, sex) for sex in ("female", "male"))


def measure(array, events=(), sex="female", seed=3, **settings):
    loci, platform, woman, man = array
    person = woman if sex == "female" else man
    rng = np.random.default_rng(seed)
    return sim.measure(rng, loci, platform, person, events, sex=sex, **settings)


def test_loci_lie_where_arrays_have_markers(bands):
    loci = sim.loci(np.random.default_rng(1), per_mb=30, bands=bands)
    tables.check(
        loci.assign(level=0, level_sd=0, b_fraction=0, b_sd=0, genotype="", usable=True),
        tables.SIGNALS,
    )
    assert list(loci["chrom"].unique()) == list(genome.CHROMOSOMES)
    assert loci["name"].is_unique
    assert not loci.duplicated(["chrom", "start"]).any()
    for band in bands[bands["stain"].isin(["acen", "gvar", "stalk"])].itertuples():
        on = loci[loci["chrom"] == band.chrom]
        assert not on["start"].between(band.start, band.end - 1).any(), band
    chr21 = loci.loc[loci["chrom"] == "chr21", "start"]
    assert chr21.min() > 13_000_000
    measured = 248_956_422 - 20_000 - (128_100_000 - 121_700_000)
    assert len(loci[loci["chrom"] == "chr1"]) == pytest.approx(30 * measured / 1e6, rel=0.1)
    assert not genome.is_pseudoautosomal(loci["chrom"], loci["start"])[
        (loci["chrom"] == "chrY").to_numpy()
    ].any()


def test_same_seed_gives_the_same_array(bands):
    first, second = (
        sim.loci(np.random.default_rng(5), chromosomes=["chr21"], bands=bands) for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)
    platforms = [sim.platform(np.random.default_rng(6), first) for _ in range(2)]
    pd.testing.assert_frame_equal(*platforms)


def test_without_bands_the_whole_chromosome_is_open():
    loci = sim.loci(np.random.default_rng(1), chromosomes=["chr21"], per_mb=20)
    assert loci["start"].min() < 1_000_000


def test_a_person_has_the_copies_of_his_or_her_sex(array):
    loci, _, woman, man = array
    for person, sex in ((woman, "female"), (man, "male")):
        expected = genome.Karyotype(sex).copies_at(loci["chrom"], loci["start"])
        assert ((person >= 0).sum(axis=1) == expected).all()
    on_y = (loci["chrom"] == "chrY").to_numpy()
    assert (man[on_y, 1] >= 0).all()
    autosomal = loci["chrom"].isin(["chr20", "chr21"]).to_numpy()
    heterozygous = woman[autosomal, 0] != woman[autosomal, 1]
    assert heterozygous.mean() == pytest.approx(0.28, abs=0.015)


@pytest.mark.parametrize(
    ("kind", "copies"),
    [("gain", 3), ("loss", 1), ("deep_loss", 0), ("amplification", 4), ("cn_loh", 2)],
)
def test_doses_are_those_of_the_kind(array, kind, copies):
    loci, _, woman, man = array
    event = Event("chr20", 0, 70_000_000, kind)
    inside = (loci["chrom"] == "chr20").to_numpy()
    dose_a, dose_b = sim.allele_doses(loci, woman, [event])
    assert np.allclose((dose_a + dose_b)[inside], copies)
    untouched = sim.allele_doses(loci, woman, [])
    assert np.array_equal(dose_b[~inside], untouched[1][~inside])
    if kind == "cn_loh":
        assert not ((dose_a > 0) & (dose_b > 0))[inside].any()
    # On the single X of a man, whichever haplotype is named, the only copy is meant.
    single = ((loci["chrom"] == "chrX") & (man >= 0).sum(axis=1).__eq__(1)).to_numpy()
    x_copies = {"gain": 2, "loss": 0, "deep_loss": 0, "amplification": 3, "cn_loh": 1}[kind]
    for haplotype in (0, 1):
        event = Event("chrX", 0, 156_040_895, kind, haplotype=haplotype)
        assert np.allclose(sum(sim.allele_doses(loci, man, [event]))[single], x_copies)


@settings(max_examples=30, deadline=None)
@given(
    cells=st.floats(0, 1),
    kind=st.sampled_from(["gain", "loss", "cn_loh"]),
    haplotype=st.sampled_from([0, 1]),
)
def test_the_shift_of_balance_is_the_textbook_one(array, cells, kind, haplotype):
    loci, _, woman, _ = array
    event = Event("chr20", 0, 70_000_000, kind, cells, haplotype)
    dose_a, dose_b = sim.allele_doses(loci, woman, [event])
    het = ((loci["chrom"] == "chr20") & (woman[:, 0] != woman[:, 1])).to_numpy()
    shift = np.abs(dose_b[het] / (dose_a + dose_b)[het] - 0.5)
    expected = {"gain": cells / (2 * (2 + cells)), "loss": cells / (2 * (2 - cells))}
    assert np.allclose(shift, expected.get(kind, cells / 2))


def test_a_measurement_is_a_signals_frame_and_repeats(array):
    first, second = measure(array), measure(array)
    pd.testing.assert_frame_equal(first, second)
    assert tables.check(first, tables.SIGNALS) is not None
    assert first["b_fraction"].dropna().between(0, 1).all()
    assert not measure(array, seed=4)["level"].equals(first["level"])


@pytest.mark.parametrize("cells", [0.08, 0.3, 0.85])
def test_a_planted_gain_is_in_the_signals(array, cells):
    loci, _, woman, _ = array
    event = Event("chr20", 30_450_000, 60_000_000, "gain", cells, haplotype=1)
    plain, changed = measure(array), measure(array, [event])
    inside = ((loci["chrom"] == "chr20") & loci["start"].between(30_450_000, 60_000_000)).to_numpy()
    het = inside & (woman[:, 0] != woman[:, 1]) & changed["b_fraction"].notna().to_numpy()
    sign = np.where(woman[het, 1] == 1, 1, -1)
    shift = (sign * (changed["b_fraction"] - plain["b_fraction"])[het]).mean()
    # The same seed: noise cancels but for its growth with the dose.
    assert shift == pytest.approx(cells / (2 * (2 + cells)), abs=0.004)
    rise = (changed["level"] - plain["level"])[inside].mean()
    assert rise == pytest.approx(0.55 * np.log2(1 + cells / 2), abs=0.01)
    assert np.allclose(changed["level"][~inside], plain["level"][~inside])


def test_a_homozygous_loss_saturates_and_its_balance_is_noise(array):
    signals = measure(array, [Event("chr21", 20_000_000, 40_000_000, "deep_loss")])
    gone = signals[(signals["chrom"] == "chr21") & signals["start"].between(20_000_000, 39_999_999)]
    assert -4.5 < gone["level"].median() < -3
    assert np.quantile(gone["b_fraction"].dropna(), [0.25, 0.75]) == pytest.approx(
        [0.25, 0.75], abs=0.05
    )
    assert (gone["genotype"] == "").mean() > 0.99


def test_sex_chromosomes_look_like_those_of_the_sex(array):
    woman, man = measure(array), measure(array, sex="male")
    x, y = (
        {sex: s[s["chrom"] == chrom] for sex, s in (("f", woman), ("m", man))}
        for chrom in ("chrX", "chrY")
    )
    assert x["m"]["level"].median() == pytest.approx(-0.55, abs=0.08)
    assert x["f"]["level"].median() == pytest.approx(0, abs=0.08)
    inner = ~genome.is_pseudoautosomal(x["m"]["chrom"], x["m"]["start"])
    assert (x["m"]["genotype"][inner] == "AB").mean() < 0.005
    assert (x["f"]["genotype"] == "AB").mean() > 0.2
    assert abs(y["m"]["level"].median()) < 0.15
    assert y["f"]["level"].median() < -2
    lost = measure(array, [Event("chrY", 0, 57_227_415, "loss", 0.5)], sex="male")
    fall = lost.loc[lost["chrom"] == "chrY", "level"].median() - y["m"]["level"].median()
    assert -0.7 < fall < -0.3


def test_contamination_moves_homozygous_loci_off_their_cluster(array):
    loci, _, woman, man = array
    mixed = measure(array, contamination=(man, 0.2))
    autosomal = loci["chrom"].isin(["chr20", "chr21"]).to_numpy()
    here = autosomal & (woman.sum(axis=1) == 0) & (man.sum(axis=1) == 2)
    here &= mixed["b_fraction"].notna().to_numpy()
    assert mixed["b_fraction"][here].mean() == pytest.approx(0.2, abs=0.03)


def test_a_wave_has_the_sd_asked_for(array):
    levels = [measure(array, wave_sd=sd, lrr_sd=0.0, seed=8)["level"] for sd in (0.0, 0.05)]
    autosomal = array[0]["chrom"].isin(["chr20", "chr21", "chrX"]).to_numpy()
    wave = (levels[1] - levels[0])[autosomal]
    assert wave.std() == pytest.approx(0.05, rel=0.35)
    # Smooth: neighbours hardly differ.
    assert np.abs(np.diff(wave)).mean() < 0.005


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "translocation"}, "kind is one of"),
        ({"cell_fraction": 1.2}, "share of cells"),
        ({"haplotype": 2}, "haplotype is 0 or 1"),
        ({"end": 10}, "no length"),
    ],
)
def test_an_impossible_event_is_refused(change, message):
    fields = {"chrom": "chr1", "start": 10, "end": 20, "kind": "gain"} | change
    with pytest.raises(ValueError, match=message):
        Event(**fields)


def marginals(first, second):
    """Return the figures in which a simulated array should be like a real one."""
    both = (first["genotype"] == "AB") & (second["genotype"] == "AB")
    levels = [s["level"].clip(-1, 1).fillna(0) for s in (first, second)]
    het = first.loc[first["genotype"] == "AB", "b_fraction"]
    ends = first.loc[first["genotype"] == "AA", "b_fraction"]
    deviation = (levels[0] - levels[0].median()).abs().median()
    blocks = levels[0].to_numpy()[: len(first) // 100 * 100].reshape(-1, 100)
    own = blocks.var(axis=1, ddof=1).mean() / 100
    return {
        "level_mad": 1.4826 * deviation,
        "level_tail": np.diff(np.quantile(levels[0], [0.001, 0.999]))[0],
        "level_correlation": np.corrcoef(*levels)[0, 1],
        "wave": np.sqrt(max(blocks.mean(axis=1).var() - own, 0)),
        "b_sd": het.std(),
        "b_correlation": first["b_fraction"][both].corr(second["b_fraction"][both]),
        "b_homozygous": np.sqrt((ends**2).mean()),
        "heterozygosity": (first["genotype"] == "AB").mean(),
    }


@pytest.mark.real
def test_marginals_are_those_of_a_real_trio(real_data, bands):
    folder = real_data / "snp_array" / "trio_humanhap550"
    columns = {"GType": "genotype", "Log R Ratio": "level", "B Allele Freq": "b_fraction"}
    people = []
    for person in ("father", "mother", "offspring"):
        frame = pd.read_csv(folder / f"{person}.txt.gz", sep="\t", dtype={"Chr": str})
        frame.columns = [columns.get(c.split(".")[-1], c) for c in frame.columns]
        frame = frame[frame["Chr"].isin(["3", "11", "20"])]
        people.append(frame.sort_values(["Chr", "Position"], ignore_index=True))
    real = pd.DataFrame([marginals(people[i], people[j]) for i, j in ((0, 1), (1, 0), (2, 1))])

    rng = np.random.default_rng(2)
    loci = sim.loci(rng, chromosomes=["chr3", "chr11", "chr20"], bands=bands)
    platform = sim.platform(rng, loci, **sim.HUMANHAP550_PLATFORM)
    samples = [
        sim.measure(
            rng,
            loci,
            platform,
            sim.person(rng, loci, platform, "female"),
            sex="female",
            **sim.HUMANHAP550_NOISE,
        )
        for _ in range(2)
    ]
    simulated = marginals(*samples)
    for figure, value in simulated.items():
        low, high = real[figure].min(), real[figure].max()
        assert 0.8 * low < value < 1.25 * high, (figure, value, low, high)
