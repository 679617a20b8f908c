"""Alignments of a few thousand bases, made read by read: what was sequenced is known exactly."""

from pathlib import Path

import numpy as np
import pysam

READ = 100
MATCH, INSERTION, DELETION = 0, 1, 2


def random_bases(length, seed=1):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def write_fasta(path, contigs):
    """Write contigs (name -> bases) as FASTA with its index; return its path."""
    lines = [f">{name}\n{bases}\n" for name, bases in contigs.items()]
    Path(path).write_text("".join(lines), encoding="ascii")
    pysam.faidx(str(path))
    return path


def aligned(genome, start, variants=(), length=READ):
    """Return bases and CIGAR of a read that begins at `start` of a genome with these variants.

    `variants` are (position, ref, alt) as in VCF but 0-based; the alignment is the one that
    variants of this spelling imply.
    """
    bases, cigar = [], []

    def add(kind, n):
        if cigar and cigar[-1][0] == kind:
            cigar[-1] = (kind, cigar[-1][1] + n)
        elif n:
            cigar.append((kind, n))

    changes = {position: (ref, alt) for position, ref, alt in variants if position >= start}
    at = start
    while sum(map(len, bases)) < length:
        ref, alt = changes.get(at, (genome[at], genome[at]))
        assert genome[at : at + len(ref)] == ref
        shared = min(len(ref), len(alt))
        bases.append(alt)
        add(MATCH, shared)
        add(INSERTION, len(alt) - shared)
        add(DELETION, len(ref) - shared)
        at += len(ref)
    extra = sum(map(len, bases)) - length
    kind, n = cigar[-1]
    assert kind == MATCH and n > extra
    cigar[-1] = (kind, n - extra)
    return "".join(bases)[:length], tuple(cigar)


class Library:
    """Reads of one sample, written as BAM in the order of their positions."""

    def __init__(self, genome, contig="chr1", others=()):
        self.genome, self.contig = genome, contig
        contigs = [(contig, len(genome)), *others]
        self.header = pysam.AlignmentHeader.from_dict(
            {
                "HD": {"VN": "1.6", "SO": "coordinate"},
                "SQ": [{"SN": name, "LN": length} for name, length in contigs],
                "RG": [{"ID": "one", "SM": "same"}],
            }
        )
        self.reads = []

    def pair(self, start, variants=(), insert=200, **changed):
        """Add a pair: the first read forward at `start`, its mate reverse at the fragment's end."""
        name = f"pair{len(self.reads)}"
        mate = start + insert - READ
        for first, at, other in ((True, start, mate), (False, mate, start)):
            read = self._read(name, at, variants, **changed)
            read.flag = 0x63 if first else 0x93  # proper, first forward, second reverse
            read.flag |= changed.get("flag", 0)
            read.next_reference_id, read.next_reference_start = 0, other
            read.template_length = insert if first else -insert
        return self

    def single(self, start, variants=(), reverse=False, **changed):
        """Add a read that has no mate."""
        read = self._read(f"single{len(self.reads)}", start, variants, **changed)
        read.flag = (0x10 if reverse else 0) | changed.get("flag", 0)
        return self

    def _read(self, name, start, variants, mapping_quality=60, base_quality=35, **_):
        bases, cigar = aligned(self.genome, start, variants)
        read = pysam.AlignedSegment(self.header)
        read.query_name, read.query_sequence = name, bases
        read.query_qualities = pysam.qualitystring_to_array(chr(base_quality + 33) * READ)
        read.reference_id, read.reference_start = 0, start
        read.mapping_quality, read.cigartuples = mapping_quality, cigar
        read.set_tag("RG", "one")
        self.reads.append(read)
        return read

    def cover(self, depth, variants=(), share=0.0, seed=0, first=0, last=None):
        """Add single reads over the contig; `share` of them have the variants, evenly mixed."""
        rng = np.random.default_rng(seed)
        last = (len(self.genome) if last is None else last) - READ - 20
        n = max(1, round(depth * (last - first) / READ))
        starts = np.linspace(first, last, n).astype(int)
        has = (np.arange(n) * share) % 1 + share >= 1
        for start, with_variant in zip(starts, has, strict=True):
            carried = variants if with_variant else ()
            # An aligner would clip a read that ends within or beside an insertion or deletion.
            ends = [
                at - start
                for at, ref, alt in carried
                if len(ref) != len(alt) and (-15 < at - start < 15 or 75 < at - start <= READ)
            ]
            self.single(int(start), () if ends else carried, reverse=bool(rng.integers(2)))
        return self

    def write(self, path):
        """Write and index the BAM; return its path as text."""
        with pysam.AlignmentFile(str(path), "wb", header=self.header) as file:
            for read in sorted(self.reads, key=lambda read: read.reference_start):
                file.write(read)
        pysam.index(str(path))
        return str(path)
