"""Expression and methylation in the public tier: what is said, what an attacker learns."""

import dataclasses
import json
import math

import attack
import fake_readouts as fake
import line_records as made
import numpy as np
import pandas as pd
import pytest
import readout_attack
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import tables
from linedrift.public import privacy, public_readouts, public_values
from linedrift.readout_tables import READOUTS
from linedrift.records import Readouts
from linedrift.report import exchange

NAN = math.nan
SETTINGS = made.settings()["public"]
BASIS = {"settings": made.settings()["verdict"]}
SAMPLES = ["KSB-1-p10", "KSB-1-p30"]
ASSAYS = ("snp_array", "rna", "methylation")
CHANGED = {"state": "gained", "value": 0.8371, "low": 0.79, "high": 0.88}
SECRETS = ("donor-7", "SECRET-3", "Kim", "rs12345")


def told(rows=(), found=(), settings=SETTINGS):
    """Return the public READOUTS of these private rows."""
    private = fake.readouts(rows, found)
    return public_readouts.public_readouts(private, SAMPLES, BASIS, settings)


def row_of(row, **settings):
    """Return the public row of one private one."""
    (found,) = told([row], settings=SETTINGS | settings).asked.to_dict("records")
    return found


def record(rows, found=(), **values):
    """Return the private record of a line with these readouts, judged with them."""
    arrays = made.measurements()
    both = pd.concat([arrays.assign(assay=name) for name in ASSAYS], ignore_index=True)
    private = made.record([], [], measurements=both, **values)
    return judged(dataclasses.replace(private, readouts=fake.readouts(rows, found)))


def judged(private):
    """Return the record with the verdict that its readouts make."""
    from linedrift.verdict import verdict

    findings, words = verdict.judge(
        private.line, private.measurements, private.events, private.trajectories,
        private.hotspots, private.quality, private.identity, private.verdict["basis"],
        private.variants, private.readouts,
    )  # fmt: skip
    return dataclasses.replace(private, findings=findings, verdict=words)


def public(private):
    return privacy.public_line(private, SETTINGS)


def everything(of):
    """Return all that a public record says of readouts, as one text."""
    parts = [json.dumps(of.verdict, ensure_ascii=False), of.findings.to_csv()]
    parts += [of.readouts.asked.to_csv(), of.readouts.differences.to_csv()]
    return "\n".join([*parts, json.dumps(of.readouts.facts)])


def test_a_change_is_told_with_its_value_on_steps_and_nothing_else():
    row = row_of(fake.row(**CHANGED, limit=0.18, against="8 other lines: SECRET-3, donor-7"))
    assert (row["state"], row["value"], row["n"]) == ("gained", 0.85, 40)
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])
    assert (row["expected_low"], row["expected_high"], row["limit"]) == (0.35, 0.65, 0.2)
    assert row["against"] == "other lines of the bank"
    assert row["place"] == fake.IMPRINTED[fake.H19]
    assert row["source"] == "PMID:28467909; doi:10.1016/j.celrep.2017.04.020"


def test_a_vector_that_the_bank_named_is_told_without_its_name(repository):
    label = "plasmid of Jane Doe 1970"
    known = fake.vector(item="wpre", label="WPRE of a lentiviral vector", present=True)
    rows = [known, fake.vector(item="contig:JaneDoe", label=label, present=True)]
    shown = told([*rows, fake.vector(item="JD2", label=label)]).asked
    assert shown["item"].tolist()[1:] == ["other_vector_1", "other_vector_2"]
    assert not shown.astype("str").apply(lambda text: text.str.contains("Jane|JD2")).any(axis=None)
    table = pd.read_csv(repository / "resources" / "vector_sequences.tsv", sep="\t")
    assert tuple(table["id"]) == public_readouts.VECTORS
    assert shown["label"].iloc[0] in set(table["label"])


def test_what_is_as_expected_is_a_state_without_a_number():
    row = row_of(fake.row())
    assert row["state"] == "normal"
    assert math.isnan(row["value"])
    assert row["n"] == 0
    gene = row_of(fake.gene(value=0.21))
    assert (gene["state"], gene["limit"]) == ("normal", 1.5)
    assert math.isnan(gene["value"])


def test_drift_of_the_whole_genome_keeps_its_number():
    whole = fake.row(
        group="drift", item="from_earliest", place="", value=0.0132, n=712_345, limit=0.0041,
        expected_low=NAN, expected_high=0.0175,
    )  # fmt: skip
    row = row_of(whole)
    assert (row["value"], row["limit"], row["expected_high"], row["n"]) == (
        0.015, 0.005, 0.02, 700_000,
    )  # fmt: skip
    locus = row_of(whole | {"place": "chr11:34,437,434-34,439,433"})
    assert math.isnan(locus["value"])


def test_expression_and_vectors_are_told_on_coarse_steps():
    lost = row_of(fake.gene("XIST", group="x_chromosome", state="lost", value=-6.12))
    assert (lost["value"], lost["unit"]) == (-6.0, "log2")
    # The range of other lines is what other donors' genes do; a stated one is nobody's.
    assert math.isnan(lost["expected_low"])
    stated = row_of(fake.gene(against="stated range"))
    assert (stated["expected_low"], stated["expected_high"]) == (-2.0, 2.0)
    there = row_of(fake.vector(present=True))
    assert (there["value"], there["n"]) == (30.0, 800)
    absent = row_of(fake.vector(limit=0.131))
    assert (absent["state"], absent["limit"]) == ("absent", 0.2)


@pytest.mark.parametrize(
    "row",
    [
        fake.gene("v-175", group="variant", label="TP53 R175H", state="present", unit="share"),
        fake.gene("BCL2L1", group="hotspot_gene", state="gained"),
        fake.gene("MEG3", group="imprinting", unit="share", state="gained"),
        fake.gene("MEG3", group="imprinting", state="not_testable", unit=""),
        fake.gene("XIST", group="x_chromosome", unit="share"),
        fake.gene(unit="TPM"),
        fake.row(unit="log2"),
        fake.row(assay="wes"),
        fake.row(line="donor-7", passage=0),
        fake.row(item="probe\trs12345"),
        fake.row(label="<b>Kim</b>"),
        fake.row(label="x" * 61),
    ],
)
def test_what_is_not_listed_is_not_told(row):
    assert told([row]).asked.empty


def test_a_methylation_of_one_or_two_cpgs_is_not_told():
    for n in (1, 2):
        row = row_of(fake.row(n=n, **CHANGED))
        assert (row["state"], row["reason"]) == ("not_testable", public_values.NO_STATEMENT)
        assert all(math.isnan(row[name]) for name in ("value", "expected_low", "limit"))
    assert row_of(fake.row(n=3, **CHANGED))["state"] == "gained"


def test_a_state_that_sums_up_others_is_told_without_its_words():
    state = {"group": "x_chromosome", "item": "x_state", "n": 0, "value": NAN, "state": "lost"}
    row = row_of(fake.row(place="", reason="eroded, as donor-7", **state))
    assert (row["state"], row["reason"]) == ("lost", "")
    somewhere = row_of(fake.row(place="chrX:1-2", **state))
    assert somewhere["state"] == "not_testable"


@pytest.mark.parametrize(
    ("private", "shown"),
    [
        ("too few probes: 1 of 3 beside donor-7", "too few loci"),
        ("too few reads: 4", "too few reads"),
        ("no sequence was given", "no sequence of it was given"),
        ("no baseline: SECRET-3 was never measured", "no baseline"),
        ("sex: a male line", "not a question for this sex"),
        ("no data", "no data"),
        ("Kim's lane", public_values.NO_STATEMENT),
    ],
)
def test_reasons_are_one_of_a_few_phrases(private, shown):
    assert row_of(fake.untested(reason=private))["reason"] == shown
    assert row_of(fake.row(reason=private))["reason"] == ""


def test_differences_are_counted_to_one_digit():
    found = [fake.difference(start=1_000_000 + 5000 * k) for k in range(37)]
    found += [fake.difference(start=9_000_000, q_value=0.2)]
    shown = told([fake.row(10), fake.row(30)], found)
    assert shown.differences.empty
    assert shown.facts == {"differences": {"KSB-1-p10": 0, "KSB-1-p30": 30}}
    assert told().facts == {}


def test_the_verdict_is_told_by_what_is_published():
    shown = public(record([fake.row(10), fake.row(30, **CHANGED)]))
    assert shown.verdict["verdict"] == "watch"
    assert "H19/IGF2:IG-DMR gained: 85 %, expected 35 to 65 %" in shown.verdict["sentence"]
    assert privacy.public_bank(bank(), [shown]).lines.iloc[0]["readouts_present"] == (
        "H19/IGF2:IG-DMR gained"
    )


def test_a_verdict_that_rests_on_what_is_withheld_says_so():
    private = record([fake.row(30, n=2, **CHANGED)])
    assert private.verdict["verdict"] == "watch"
    shown = public(private)
    assert shown.verdict["verdict"] == "watch"
    assert "not published" in shown.verdict["sentence"]
    assert "H19" not in shown.verdict["sentence"]


def bank():
    from linedrift.records import BankRecord

    return BankRecord(
        "private", "Bank", pd.DataFrame({"line": ["KSB-1"], "page": ["KSB-1.html"]}),
        tables.HOTSPOTS.empty(), tables.QUALITY.empty(), tables.IDENTITY.empty(),
        tables.IDENTITY_PAIRS.empty(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def private():
    """A record whose texts name what must not get out."""
    named = {"against": "8 lines, SECRET-3 among them", "reason": "beside donor-7, rs12345"}
    rows = [fake.row(p, **named, **CHANGED, source="Kim, unpublished") for p in (10, 30)]
    rows += [fake.gene(passage=p, **named) for p in (10, 30)]
    rows += [fake.gene("BCL2L1", p, group="hotspot_gene", state="gained") for p in (10, 30)]
    rows += [fake.row(0, "donor-7")]
    found = [fake.difference(baseline="donor-7-p0"), fake.difference(10, start=7_777_000)]
    return record(rows, found)


def test_nothing_that_names_a_person_gets_out(private, tmp_path):
    shown = public(private)
    said = everything(shown)
    for secret in (*SECRETS, "BCL2L1 gained", "7777000", "0.42"):
        assert secret not in said, secret
    exchange.write_all(shown, tmp_path)
    assert (tmp_path / "KSB-1.readouts.tsv").is_file()
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in SECRETS)
    read = exchange.read_json(tmp_path / "KSB-1.json")
    pd.testing.assert_frame_equal(read.readouts.asked, shown.readouts.asked)
    assert read.readouts.facts == shown.readouts.facts


TOLD_AS_THEY_ARE = {
    "sample", "passage", "assay", "group", "item", "label", "place", "state", "unit", "role",
}  # fmt: skip


@pytest.mark.parametrize("name", [c.name for c in READOUTS.columns if c.name not in (
    TOLD_AS_THEY_ARE)])  # fmt: skip
def test_no_column_gets_out_as_it_is(private, name):
    asked = private.readouts.asked
    value = {"str": "SECRET-3", "int64": 123_457}.get(str(asked[name].dtype), 0.123457)
    asked = asked.assign(**{name: value})
    wider = dataclasses.replace(private.readouts, asked=asked.assign(genotype="AB"))
    shown = public(dataclasses.replace(private, readouts=wider)).readouts.asked
    assert list(shown.columns) == READOUTS.names
    assert not (shown[name].astype(str).str.contains("SECRET-3|123457")).any()


def test_every_public_frame_keeps_its_contract(private):
    shown = public(private).readouts.asked
    pd.testing.assert_frame_equal(tables.check(shown, READOUTS), shown)
    assert set(shown["group"]) == {"imprinting", "pluripotency"}
    assert set(shown["sample"]) == set(SAMPLES)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0.001, 1)] * 3), min_size=1, max_size=20))
def test_ranges_are_widened_and_limits_raised(bounds):
    rows = [
        fake.row(item=f"r{k}", expected_low=low, expected_high=high, limit=limit)
        for k, (low, high, limit) in enumerate(bounds)
    ]
    rows += [fake.vector(item=f"v{k}", limit=limit) for k, (_, _, limit) in enumerate(bounds)]
    shown = told(rows).asked
    low, high, limit = (np.array(values) for values in zip(*bounds, strict=True))
    regions, vectors = shown[: len(bounds)], shown[len(bounds) :]
    assert (regions["expected_low"].to_numpy() <= low + 1e-6).all()
    assert (regions["expected_high"].to_numpy() >= high - 1e-6).all()
    assert (regions["limit"].to_numpy() >= limit - 1e-6).all()
    assert (vectors["limit"].to_numpy() >= limit - 1e-6).all()
    assert (vectors["limit"].to_numpy() <= 2 * limit + 1e-6).all()


# Other parts of the public record ----------------------------------------------------------------


def test_tracks_and_quality_of_rna_and_methylation_are_listed_by_name(private):
    names = {
        "rna": ("n_reads", "n_genes", "reference_bias", "xist", "y", "n_lines"),
        "methylation": ("share_detected", "conversion", "n_snp_probes"),
        "new_assay": ("n_reads",),
    }
    figures = [
        made.quality(assay=assay, figure=figure, value="12")
        for assay, own in names.items()
        for figure in own
    ]
    tracks = [made.tracks().assign(assay=assay) for assay in (*names, "snp_array")]
    wider = dataclasses.replace(
        private,
        quality=pd.concat(figures, ignore_index=True),
        tracks=pd.concat(tracks, ignore_index=True),
    )
    shown = public(wider)
    told = set(zip(shown.quality["assay"], shown.quality["figure"], strict=True))
    assert told == {
        ("rna", "n_reads"), ("methylation", "share_detected"), ("methylation", "conversion"),
    }  # fmt: skip
    assert set(shown.tracks["assay"]) == {"snp_array", "methylation"}


# The attack: an attacker holds the genotypes of 100 people and of the donor at every variant that
# drives a readout, and knows what each does. A rank of 1 names the donor, .5 is chance.

DONORS = 20
MODELS = (False, True)  # one probe of a region is moved, or all of them


@pytest.fixture(scope="module")
def crowd():
    rng = np.random.default_rng(2026)
    people = [readout_attack.Person.make(rng) for _ in range(100)]
    attacked = []
    for whole in MODELS:
        for _ in range(DONORS):
            donor = readout_attack.Person.make(rng)
            asked = donor.asked(rng, whole)
            attacked.append((donor, whole, asked, shown_of(asked)))
    # What the public tier would say of a line of each, without noise.
    statements = {id(p): cells(shown_of(p.asked())) for p in people}
    statements |= {id(p): cells(shown_of(p.asked())) for p, *_ in attacked}
    return people, attacked, statements


def shown_of(asked):
    """Return the public rows of a line of the attack."""
    return public_readouts.public_readouts(Readouts(asked), SAMPLES, BASIS, SETTINGS).asked


def cells(shown):
    return shown.astype(str).to_numpy()


def mean_rank(crowd, score):
    """Return the mean rank of the donors; `score` takes private and public rows."""
    people, attacked, _ = crowd
    ranks = []
    for donor, whole, asked, shown in attacked:
        score_of = score(asked, shown, whole)
        ranks.append(attack.rank(score_of(donor), [score_of(person) for person in people]))
    return float(np.mean(ranks))


def numbers(rows, assay, n):
    """Return the values of the first passage, of regions or of genes."""
    own = rows[rows["assay"] == assay]
    return own["value"].to_numpy(float)[:n]


def by_regions(rows, whole):
    shown = numbers(rows, "methylation", readout_attack.REGIONS)
    sd = readout_attack.REGION_SD
    return lambda person: readout_attack.likelihood(shown, person.regions(whole), sd)


def by_genes(rows):
    shown = numbers(rows, "rna", readout_attack.GENES)
    return lambda person: readout_attack.likelihood(shown, person.genes(), readout_attack.GENE_SD)


def by_testable_genes(rows):
    own = rows[rows["item"].str.startswith("IMP")]
    testable = (own["state"] != "not_testable").to_numpy()
    return lambda person: float((testable == (person.imprinted == 1)[: len(testable)]).sum())


CONTROLS = {
    "values of regions": lambda asked, _, whole: by_regions(asked, whole),
    "values of genes": lambda asked, *_: by_genes(asked),
    "genes with two alleles": lambda asked, *_: by_testable_genes(asked),
}
ATTACKS = {
    "values of regions": lambda _, shown, whole: by_regions(shown, whole),
    "values of genes": lambda _, shown, whole: by_genes(shown),
    "genes with two alleles": lambda _, shown, whole: by_testable_genes(shown),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_the_attacker_finds_the_donor_in_the_private_record(crowd, name):
    assert mean_rank(crowd, CONTROLS[name]) > 0.95


@pytest.mark.parametrize("name", ATTACKS)
def test_the_attacker_is_near_chance_with_the_public_record(crowd, name):
    # The mean of 40 uniform ranks has an sd of .046: .64 is three of them.
    assert 0.36 <= mean_rank(crowd, ATTACKS[name]) < 0.64


def test_every_cell_of_the_public_table_together_says_no_more(crowd):
    statements = crowd[2]

    def score(_, shown, whole):
        table = cells(shown)
        return lambda person: float((statements[id(person)] == table).sum())

    assert 0.36 <= mean_rank(crowd, score) < 0.64


def test_values_of_what_is_normal_would_name_the_donor_even_on_steps(crowd):
    def on_steps(asked, _, whole):
        step = SETTINGS["readout_steps"]["log2"]
        return by_genes(asked.assign(value=(asked["value"] / step).round() * step))

    assert mean_rank(crowd, on_steps) > 0.9
