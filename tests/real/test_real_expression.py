"""Copy number by expression alone, on real banks: melanomas with arrays, a family, three lines."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from linedrift.readers import counts, genes
from linedrift.signals import expression, rna_bank

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # last: demo/ has a run.py as well

import engine  # noqa: E402
import rna_banks  # noqa: E402
import rna_data  # noqa: E402
import rna_dosage  # noqa: E402

pytestmark = pytest.mark.real


def test_arms_of_melanomas_are_those_of_their_arrays(real_data):
    folder = real_data / "rna" / "tcga_skcm_counts"
    matrix = counts.read_matrix(folder / "htseq_counts_53.tsv.gz")
    bank = rna_data.located(matrix, rna_data.annotation())
    settings = engine.config()["rna"]
    arms = rna_dosage.autosomal_arms()
    gc = rna_dosage.gc_of_genes()
    place, of, figures = rna_bank.expressed(bank, list(bank), arms, settings, gc)
    assert figures["follows_gc"]
    # Every third tumour, each against the bank of all of them.
    asked = list(bank)[::3]
    levels = np.column_stack([expression.dosage(of, name, settings)[0] for name in asked])
    truth = rna_dosage.segments(folder / "snp6_segments.tsv.gz")
    by_chromosome = rna_dosage.chromosomes(place, levels, asked)
    found, wanted = by_chromosome.align(rna_dosage.by_chromosome(truth), join="inner")
    assert found.corrwith(wanted).median() > 0.88
    found = pd.DataFrame(
        expression.arm_means(levels, of.arms), index=np.unique(of.arm), columns=asked
    )
    found, wanted = found.align(rna_dosage.by_arm(truth, arms), join="inner")
    level, copies = found.to_numpy().ravel(), wanted.to_numpy().ravel()
    level, copies = level[np.isfinite(copies)], copies[np.isfinite(copies)]
    called, changed = np.abs(level) > 0.35, np.abs(copies) > rna_dosage.CHANGED
    right = called & changed & (np.sign(level) == np.sign(copies))
    assert right.sum() / called.sum() > 0.9
    assert right.sum() / changed.sum() > 0.55


def test_a_third_chr21_is_called_in_the_child_alone(real_data):
    folder = real_data / "rna" / "trisomy21_lcl"
    known = genes.read(folder / "annotation" / "gene.bed.gz")
    bank = rna_data.located(counts.read_matrix(folder / rna_banks.COUNTS), known)
    called = rna_banks.calls(bank, [name.partition("_")[0] for name in bank])
    for name, events in called.items():
        wanted = [("chr21", "gain")] if name.startswith("T21") else []
        assert list(zip(events["chrom"].astype(str), events["kind"], strict=True)) == wanted
        assert (events["end"] - events["start"] > 30e6).all()


def test_three_lines_are_too_few_and_say_so(real_data):
    matrix = counts.read_matrix(real_data / "rna" / "ipsc_bulk_counts" / "data" / "reads-bulk.txt")
    bank = rna_data.located(matrix, rna_data.annotation())
    with pytest.raises(ValueError, match="RNA of 2 other lines; .* at least 3"):
        rna_banks.calls(bank, [name.partition(".")[0] for name in bank])
