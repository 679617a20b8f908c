"""Markers, lineages and X against the bank, on planted counts."""

import numpy as np
import pandas as pd
import pytest
import yaml
from linedrift.genome import CHROM_DTYPE
from linedrift.readouts import expression_readouts, marker_bank
from linedrift.readouts.expression_readouts import XIST, compare, of_sets, of_x, unanswered
from linedrift.signals import rna_bank

N_GENES = 1200
SILENT = ("naive_markers", "ectoderm", "mesoderm", "endoderm", "extraembryonic_trophectoderm")


@pytest.fixture(scope="module")
def settings(repository):
    config = yaml.safe_load((repository / "config" / "config.yaml").read_text())
    return {name: config[name] for name in ("rna", "verdict", "quality")}


@pytest.fixture(scope="module")
def sets(repository):
    path = repository / "resources" / "expression_gene_sets.tsv"
    return pd.read_csv(path, sep="\t", keep_default_na=False, dtype=str)


def located(sets, rng):
    """Return places of random genes, of X among them, and of the genes of the sets."""
    chrom = rng.choice(["chr1", "chr7", "chrX"], N_GENES, p=[0.5, 0.4, 0.1])
    start = rng.integers(3_000_000, 150_000_000, N_GENES)
    made = pd.DataFrame(
        {
            "chrom": chrom, "start": start, "end": start + 1000,
            "gene_id": [f"ENSG8{k:010d}" for k in range(N_GENES)],
            "symbol": [f"G{k}" for k in range(N_GENES)],
            "mean": 2.0 ** rng.normal(9, 1.5, N_GENES),
        }
    )  # fmt: skip
    named = sets.drop_duplicates("gene").assign(
        mean=lambda own: np.where(own["set"].isin(SILENT), 4.0, 2000.0)
    )
    named = named.rename(columns={"gene": "symbol", "ensembl_gene_id": "gene_id"})
    both = pd.concat([made, named[list(made.columns)]], ignore_index=True)
    both = both.astype({"start": int, "end": int, "chrom": CHROM_DTYPE})
    return both.sort_values(["chrom", "start"], ignore_index=True)


def bank(sets, n, changes=(), seed=1, sex="female", sd=0.2):
    """Return counts of n lines; `changes` are (line, symbol, factor)."""
    rng = np.random.default_rng(seed)
    genes = located(sets, rng)
    counts = {}
    for k in range(n):
        mean = genes["mean"] * 2 ** rng.normal(0, sd, len(genes)) * rng.uniform(0.5, 2)
        for line, symbol, factor in changes:
            mean[(genes["symbol"] == symbol) & (k == line)] *= factor
        mean[(genes["symbol"] == XIST) & (sex == "male")] = 0.1
        frame = genes[["chrom", "start", "end", "gene_id", "symbol"]]
        counts[f"L{k}-p5"] = frame.assign(count=rng.poisson(mean).astype(float))
    return counts


def markers(counts, sets, settings, donors=()):
    lines = {name: name.split("-")[0] for name in counts}
    is_donor = {name: line in donors for name, line in lines.items()}
    frame, facts = marker_bank.of_bank(
        counts, list(lines.values()), list(is_donor.values()), sets, settings["rna"]
    )
    return marker_bank.from_frame(frame, facts, lines, is_donor)


def asked(counts, sets, settings, sample="L0-p5", donors=(), sex="female", earlier=()):
    of = markers(counts, sets, settings, donors)
    found = compare(of, sample, settings["rna"])
    rows = of_sets(found, sets, settings, sample.split("-")[0] in donors)
    seen = rna_bank.of_counts(counts[sample])
    rows += of_x(found, sets, sex, seen, earlier, settings)
    return pd.DataFrame(rows).set_index(["group", "item"])


def test_what_was_planted_stands_out_and_nothing_else(sets, settings):
    changes = [(0, "POU5F1", 1 / 16), (0, "BCL2L1", 12.0)]
    lineage = sets.loc[sets["set"] == "mesoderm", "gene"]
    others = set(sets.loc[sets["set"] != "mesoderm", "gene"])
    changes += [(0, gene, 60.0) for gene in lineage if gene not in others]
    found = asked(bank(sets, 10, changes), sets, settings)
    assert found.loc[("pluripotency", "POU5F1"), "state"] == "lost"
    assert found.loc[("hotspot_gene", "BCL2L1"), "state"] == "gained"
    mesoderm = found.loc[("lineage", "mesoderm")]
    assert mesoderm["state"] == "gained" and "beyond their range: " in mesoderm["reason"]
    assert mesoderm["value"] > mesoderm["expected_high"] > 0
    rest = found.drop([("pluripotency", "POU5F1"), ("hotspot_gene", "BCL2L1")])
    rest = rest[(rest.index.get_level_values(0) != "lineage")]
    assert set(rest["state"]) == {"normal"}
    assert set(found.loc["lineage"].drop("mesoderm")["state"]) == {"normal"}
    row = found.loc[("pluripotency", "POU5F1")]
    assert row["low"] < row["value"] < row["high"] < row["expected_low"]
    assert row["unit"] == "log2" and row["against"] == "9 other lines of the bank"
    assert row["limit"] > (row["expected_high"] - row["expected_low"]) / 2


def test_normal_lines_are_normal_as_often_as_said(sets, settings):
    states = [
        asked(counts, sets, settings, sample)["state"]
        for seed in range(4)
        for counts in [bank(sets, 8, seed=seed)]
        for sample in ("L0-p5", "L3-p5", "L7-p5")
    ]
    every = pd.concat(states)
    assert (every == "normal").sum() >= len(every) - 4


def test_a_change_of_the_limit_is_found(sets, settings):
    counts = bank(sets, 10)
    limit = asked(counts, sets, settings).loc[("hotspot_gene", "BCL2L1"), "limit"]
    found = [
        asked(bank(sets, 10, [(0, "BCL2L1", 2.0**limit)], seed=seed), sets, settings)
        for seed in range(2, 10)
    ]
    states = [frame.loc[("hotspot_gene", "BCL2L1"), "state"] for frame in found]
    assert states.count("gained") >= 6


def test_a_small_bank_says_how_many_lines_it_wants(sets, settings):
    found = asked(bank(sets, 3), sets, settings)
    compared = found.drop(("x_chromosome", XIST))
    assert set(compared["state"]) == {"not_testable"}
    assert compared["reason"].str.contains("RNA of 2 other lines, .* at least 3").all()
    # XIST is asked by the sex of the line, not by the bank.
    assert found.loc[("x_chromosome", XIST), "state"] == "normal"
    alone = asked(bank(sets, 1), sets, settings)
    assert alone.loc[("pluripotency", "POU5F1"), "reason"].startswith("no baseline: ")
    assert alone.loc[("pluripotency", "POU5F1"), "value"] > 5


@pytest.mark.parametrize(
    ("sex", "factor", "y", "state", "words"),
    [
        ("female", 1.0, 0.0, "normal", ""),
        ("female", 0.0, 0.0, "lost", "passage 3 had 40 per million"),
        ("female", 1.0, 300.0, "not_testable", "sex: genes of Y"),
        ("male", 0.0, 300.0, "normal", ""),
        ("male", 1.0, 300.0, "gained", "a man's line"),
        ("unknown", 1.0, 0.0, "not_testable", "sex: "),
    ],
)
def test_xist_is_judged_by_sex(sex, factor, y, state, words, sets, settings):
    counts = bank(sets, 5, [(0, XIST, factor)])
    found = compare(markers(counts, sets, settings), "L0-p5", settings["rna"])
    rows = of_x(found, sets, sex, {"y": y, "xist": 0.0}, [(3, 40.0)], settings)
    row = next(row for row in rows if row["item"] == XIST)
    assert row["state"] == state and words in row["reason"]
    assert row["role"] == "review"


def test_xist_of_few_reads_is_not_testable(sets, settings):
    counts = bank(sets, 5, [(0, XIST, 0.0)])
    counts["L0-p5"]["count"] = (counts["L0-p5"]["count"] / 40).round()
    row = asked(counts, sets, settings).loc[("x_chromosome", XIST)]
    assert row["state"] == "not_testable" and row["reason"].startswith("too few reads")


def test_an_eroded_x_raises_its_genes(sets, settings):
    counts = bank(sets, 10)
    own = counts["L0-p5"]
    own.loc[own["chrom"] == "chrX", "count"] = (own["count"] * 1.6).round()
    row = asked(counts, sets, settings).loc[("x_chromosome", "x_dosage")]
    assert row["state"] == "gained" and row["value"] == pytest.approx(np.log2(1.6), abs=0.15)
    assert asked(counts, sets, settings, "L4-p5").loc[("x_chromosome", "x_dosage"), "state"] == (
        "normal"
    )


def test_a_donor_is_not_asked_for_pluripotency_and_no_line_is_compared_with_it(sets, settings):
    counts = bank(sets, 6)
    found = asked(counts, sets, settings, donors=("L0",))
    assert found.loc[("pluripotency", "POU5F1"), "reason"].startswith("no data: a donor's cells")
    assert found.loc[("lineage", "mesoderm"), "state"] == "not_testable"
    assert "0 other lines" in found.loc[("hotspot_gene", "BCL2L1"), "reason"]
    of_line = asked(counts, sets, settings, "L1-p5", donors=("L0",))
    assert of_line.loc[("pluripotency", "POU5F1"), "against"] == "4 other lines of the bank"


def test_what_is_not_verified_only_annotates(sets, settings):
    found = asked(bank(sets, 5), sets, settings)
    assert set(found["role"].drop(("x_chromosome", XIST))) == {"annotate"}


def test_genes_are_found_by_identifier_symbol_or_alias(sets):
    genes = pd.DataFrame(
        {
            "gene_id": ["ENSG00000204531", "x", "y", "z"],
            "symbol": ["other", "NANOG", "T", "POU5F1"],
        }
    )
    asked_of = sets[sets["gene"].isin(["POU5F1", "NANOG", "TBXT", "XIST"])]
    found = dict(zip(asked_of["gene"], marker_bank.places(genes, asked_of), strict=True))
    assert found == {"POU5F1": 0, "NANOG": 1, "TBXT": 2, "XIST": -1}


def test_a_sample_without_counts_is_asked_the_same_questions(sets, settings):
    found = asked(bank(sets, 5), sets, settings)
    nothing = pd.DataFrame(unanswered(sets, settings, "no data: none")).set_index(["group", "item"])
    assert list(nothing.index) == list(found.index)
    assert set(nothing["state"]) == {"not_testable"} and set(nothing["reason"]) == {"no data: none"}


def test_a_gene_that_was_not_counted_says_so(sets, settings):
    counts = {
        name: frame[frame["symbol"] != "SOX2"].reset_index(drop=True)
        for name, frame in bank(sets, 5).items()
    }
    row = asked(counts, sets, settings).loc[("pluripotency", "SOX2")]
    assert row["state"] == "not_testable" and "have the gene" in row["reason"]


def test_every_set_of_the_table_is_asked(sets):
    known = {*expression_readouts.PLURIPOTENCY, *expression_readouts.LINEAGES}
    known |= {expression_readouts.HOTSPOT, "x_inactivation", "imprinted_paternal"}
    assert set(sets["set"]) == known | {"imprinted_maternal"}
