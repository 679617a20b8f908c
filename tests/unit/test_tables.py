"""Frame contracts: what breaks them is named, what is written is whole or absent."""

import numpy as np
import pandas as pd
import pytest
from linedrift import table_docs, tables
from linedrift.genome import CHROM_DTYPE
from linedrift.tables import TableError

NO_CHROMOSOME = pd.Categorical(["chr2", "chr10", None], dtype=CHROM_DTYPE)


def segments(**change):
    frame = pd.DataFrame(
        {
            "chrom": ["chr2", "chr10", "chrX"],
            "start": [5, 1, 7],
            "end": [9, 4, 8],
            "kind": ["gain", "loss", "cn_loh"],
            "cell_fraction": [0.1, 0.5, 1.0],
            "score": [10.0, 20.0, np.nan],
            "n_levels": [3, 4, 5],
            "n_shifts": [1, 0, 2],
        }
    )
    return frame.assign(**change)


def test_docs_say_what_the_contracts_say(repository):
    page = (repository / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page == table_docs.markdown(), "run: python -m linedrift.table_docs > docs/tables.md"


def test_every_column_has_a_meaning_and_every_table_its_own_name():
    assert len({table.name for table in table_docs.ALL}) == len(table_docs.ALL)
    for table in table_docs.ALL:
        assert table.rows
        assert len(set(table.names)) == len(table.names)
        assert all(column.doc for column in table.columns), table.name


@pytest.mark.parametrize("table", table_docs.ALL, ids=lambda table: table.name)
@pytest.mark.parametrize("suffix", ["parquet", "tsv"])
def test_an_empty_table_is_written_and_read(table, suffix, tmp_path):
    path = tmp_path / f"t.{suffix}"
    tables.write(table.empty(), path, table)
    back = tables.read(path, table)
    assert len(back) == 0
    assert list(back.columns) == table.names


@pytest.mark.parametrize("suffix", ["parquet", "tsv"])
def test_what_is_written_is_read_back(suffix, tmp_path):
    path = tmp_path / "deep" / "er" / f"t.{suffix}"
    written = tables.check(segments(), tables.SEGMENTS)
    tables.write(segments(), path, tables.SEGMENTS)
    pd.testing.assert_frame_equal(tables.read(path, tables.SEGMENTS), written)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_words_that_look_like_missing_numbers_stay_words(tmp_path):
    rows = pd.DataFrame(
        {"sample": ["NA"], "assay": ["nan"], "figure": ["x"], "label": [""], "value": ["1"]}
    ).assign(expected="", state="info", reason="")
    tables.write(rows, tmp_path / "q.tsv", tables.QUALITY)
    back = tables.read(tmp_path / "q.tsv", tables.QUALITY)
    assert back.loc[0, ["sample", "assay", "label"]].tolist() == ["NA", "nan", ""]


def test_extra_columns_are_dropped_and_order_and_types_are_those_of_the_contract():
    turned = segments(extra=1)[["extra", *tables.SEGMENTS.names[::-1]]]
    frame = tables.check(turned, tables.SEGMENTS)
    assert list(frame.columns) == tables.SEGMENTS.names
    assert frame["start"].dtype == "int32"
    assert str(frame["chrom"].dtype) == "category"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": ["gain", "duplication", "loss"]}, r"segments, row 1, column kind.*'duplication'"),
        ({"chrom": NO_CHROMOSOME}, r"segments: unknown chromosome in row 2"),
        ({"end": [9, 1, 8]}, r"segments, row 1: end is not beyond start"),
        ({"chrom": ["chr10", "chr2", "chrX"]}, r"segments: rows are not in genome order"),
        ({"start": ["five", 1, 7]}, r"segments.*five"),
        ({"n_levels": [np.nan, 1, 2]}, r"segments"),
    ],
)
def test_what_breaks_a_contract_is_named(change, words):
    with pytest.raises(TableError, match=words):
        tables.check(segments(**change), tables.SEGMENTS)


def test_an_unknown_chromosome_is_named():
    with pytest.raises(TableError, match=r"row 1: found 'chrM'"):
        tables.check(segments(chrom=["chr2", "chrM", "chrX"]), tables.SEGMENTS)


def test_a_missing_column_is_named_with_those_found():
    with pytest.raises(TableError, match=r"segments: no column kind, score; found chrom"):
        tables.check(segments().drop(columns=["kind", "score"]), tables.SEGMENTS)


def test_genome_order_is_by_chromosome_number_not_by_name():
    frame = tables.check(segments(), tables.SEGMENTS)
    shuffled = frame.iloc[[2, 1, 0]]
    pd.testing.assert_frame_equal(tables.in_genome_order(shuffled), frame)


@pytest.mark.parametrize("suffix", ["parquet", "tsv"])
def test_a_table_of_another_kind_is_refused_with_the_file_and_the_column(suffix, tmp_path):
    path = tmp_path / f"contrast.{suffix}"
    tables.write(segments(), path, tables.SEGMENTS)
    with pytest.raises(TableError, match=rf"contrast\.{suffix}.*table contrast: no column.*shift"):
        tables.read(path, tables.CONTRAST)


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing", b"\x00\xff\x00\xff"])
def test_a_broken_file_is_named(content, tmp_path):
    path = tmp_path / "broken.parquet"
    path.write_bytes(content)
    with pytest.raises(TableError, match=r"broken\.parquet.*table segments"):
        tables.read(path, tables.SEGMENTS)
    with pytest.raises(TableError, match=r"absent\.tsv"):
        tables.read(tmp_path / "absent.tsv", tables.SEGMENTS)


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def half(path):
        path.write_text("half of")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        tables.write_beside(tmp_path / "t.tsv", half)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_former_file(tmp_path):
    target = tmp_path / "t.tsv"
    target.write_text("former")

    def interrupted(path):
        path.write_text("half of")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tables.write_beside(target, interrupted)
    assert [p.name for p in tmp_path.iterdir()] == ["t.tsv"]
    assert target.read_text() == "former"


def test_a_bad_frame_is_not_written(tmp_path):
    with pytest.raises(TableError):
        tables.write(segments(end=0), tmp_path / "t.tsv", tables.SEGMENTS)
    assert list(tmp_path.iterdir()) == []
