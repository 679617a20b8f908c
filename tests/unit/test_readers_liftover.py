"""Lifting by a chain file: against a plain reading of the format, one position at a time."""

import numpy as np
import pytest
import snp_array_files as files
from hypothesis import given
from hypothesis import strategies as st
from linedrift.genome import BUILDS, GRCH38
from linedrift.readers import liftover
from linedrift.readers.files import ReadingError

SOURCE = BUILDS["GRCh37"]
OLD, NEW = SOURCE.lengths["chr20"], GRCH38.lengths["chr20"]

block = st.tuples(st.integers(1, 40), st.integers(0, 20), st.integers(0, 20))
one_chain = st.tuples(
    st.integers(0, 200), st.integers(0, 200), st.booleans(), st.lists(block, min_size=1, max_size=5)
)


def by_hand(chains, pos):
    """Lift one 0-based position of chr20: the first chain that covers it decides."""
    for start, to, minus, blocks in chains:
        for size, skip, to_skip in blocks:
            if start <= pos < start + size:
                lifted = to + pos - start
                return NEW - 1 - lifted if minus else lifted
            start, to = start + size + skip, to + size + to_skip
    return -1


def write(path, chains, name="chr20", to_name="chr20"):
    lines = []
    for rank, (start, to, minus, blocks) in enumerate(chains):
        size = sum(sum(part[:2]) for part in blocks) - blocks[-1][1]
        to_size = sum(part[0] + part[2] for part in blocks) - blocks[-1][2]
        head = (f"{1000 - rank} {name} {OLD} + {start} {start + size} {to_name} {NEW} "
                f"{'-' if minus else '+'} {to} {to + to_size} {rank}")  # fmt: skip
        body = ["\t".join(map(str, part)) for part in blocks[:-1]] + [str(blocks[-1][0])]
        lines.append((head, body))
    return files.chain(path, lines)


@given(chains=st.lists(one_chain, min_size=1, max_size=4))
def test_every_position_is_lifted_as_by_hand(chains, tmp_path_factory):
    path = write(tmp_path_factory.mktemp("chain") / "c.chain", chains)
    pos = np.random.default_rng(0).permutation(600)
    lifted, found = liftover.lift(
        liftover.read_chain(path, SOURCE), np.full(600, "chr20"), pos.astype(np.int64)
    )
    assert lifted.tolist() == [by_hand(chains, one) for one in pos.tolist()]
    assert (found == (lifted >= 0)).all()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_ensembl_names_are_read(suffix, tmp_path):
    path = write(tmp_path / f"c.chain{suffix}", [(5, 9, False, [(10, 0, 0)])], "20", "20")
    lifted, found = liftover.lift(
        liftover.read_chain(path, SOURCE),
        np.array(["chr20", "chr20", "chr1"]),
        np.array([7, 15, 7]),
    )
    assert lifted.tolist() == [11, -1, -1] and found.tolist() == [True, False, False]


def test_the_best_chain_to_another_chromosome_leaves_a_marker_unlifted(tmp_path):
    best = (f"900 chr20 {OLD} + 0 50 chr2 242193529 + 0 50 1", ["50"])
    next_best = (f"100 chr20 {OLD} + 0 100 chr20 {NEW} + 0 100 2", ["100"])
    path = files.chain(tmp_path / "c.chain", [next_best, best])
    lifted, _ = liftover.lift(
        liftover.read_chain(path, SOURCE), np.array(["chr20", "chr20"]), np.array([10, 60])
    )
    assert lifted.tolist() == [-1, 60]


def test_a_bad_chain_file_is_named(tmp_path):
    whole = [(0, 0, False, [(10, 2, 3), (10, 0, 0)])]
    path = write(tmp_path / "c.chain", whole)
    with pytest.raises(ReadingError, match="leads from GRCh37 .*expected from hg18"):
        liftover.read_chain(path, BUILDS["hg18"])
    text = (tmp_path / "c.chain").read_text()
    for wrong, words in (
        (text.rstrip()[:-2], "is cut in chain"),
        (text.replace("10\t2\t3", "10\t2"), "is cut in chain"),
        (text.replace("10\t2\t3", "10\tx\t3"), "damaged chain"),
        ("chr20\t1\t2\n", "is not a chain file from GRCh37 to GRCh38"),
    ):
        (tmp_path / "bad.chain").write_text(wrong)
        with pytest.raises(ReadingError, match=words):
            liftover.read_chain(str(tmp_path / "bad.chain"), SOURCE)
    with pytest.raises(ReadingError, match="no such file"):
        liftover.read_chain(str(tmp_path / "none.chain"), SOURCE)
