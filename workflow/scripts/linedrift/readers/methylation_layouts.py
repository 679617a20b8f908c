"""Layouts of tables of methylation arrays: which column is the probe, which are of a sample."""

from __future__ import annotations

import dataclasses
import re

from linedrift.readers.files import ReadingError, listed
from linedrift.readers.layouts import Layout, no_such_sample, normal, plain

# GEO's tables of a series or sample begin with lines of these and end with one of "!". Reports of
# GenomeStudio begin with lines of any kind, and have a section of control probes behind the table.
_COMMENTS = (b"#", b"!", b"^")
TABLE_END = ("!", "[")
# A probe among the first fields of a line: reports may begin with an index and an address.
_NAME = r'"?(?:cg\d{8}|ch\.\w+\.\d|rs\d{3,}|nv-\w)'
_ROW = re.compile(rf"(?:[^\t,;]*[\t,;]){{0,4}}{_NAME}".encode())
_TITLED_BY_PROBES = re.compile(rf"\s*(?:{_NAME})")
# Where none of these titles is there, the first column names the probes.
_PROBE = (
    "idref", "ilmnid", "targetid", "probeid", "probe", "probes", "probesetid", "cpg", "cg", "name",
    "id", "illuminaid",
)  # fmt: skip
# Columns that tables carry beside samples: annotation, and figures of no single sample.
_NOT_SAMPLES = {
    *_PROBE, "", "index", "chr", "chrom", "chromosome", "mapinfo", "pos", "position", "start",
    "end", "strand", "width", "gene", "genes", "ucscrefgenename", "addressaid", "addressbid",
    "infiniumdesigntype", "design", "colorchannel", "genomebuild", "probetype",
    # What GenomeStudio adds from its manifests.
    "probeida", "probeidb", "alleleaprobeseq", "allelebprobeseq", "nextbase", "sourceseq",
    "topgenomicseq", "forwardsequence", "chromosome36", "coordinate36", "probesnps", "probesnps10",
    "randomloci", "methyl27loci", "ucscrefgeneaccession", "ucscrefgenegroup", "ucsccpgislandsname",
    "relationtoucsccpgisland", "phantom", "dmr", "enhancer", "hmmisland", "regulatoryfeaturename",
    "regulatoryfeaturegroup", "dhs", "symbol", "annotation", "distancetotss", "tsscoordinate",
    "genestrand", "accession", "gid", "geneid", "synonym", "product", "cpgisland",
    "cpgislandlocations",
}  # fmt: skip
_DETECTION = r"detection[._ -]*p(?:[._ -]*val(?:ue)?s?)?"
_WHAT = {
    "unmethylated": r"un-?meth(?:ylated)?(?:[._ -]*(?:signal|intensity))?|signal[._ -]*a",
    "methylated": r"meth(?:ylated)?(?:[._ -]*(?:signal|intensity))?|signal[._ -]*b",
    "detection": _DETECTION + r"|p[._ -]?val(?:ue)?s?",
    "beta": r"(?:avg[._ -]*)?beta(?:[._ -]*values?)?",
    "beads": r"avg[._ -]*n?beads(?:[._ -]*[ab])?|n?beads(?:[._ -]*[ab])?",
    "other": r"bead[._ -]*stderr(?:[._ -]*[ab])?|signal[._ -]*(?:grn|red)|intensity|call|score",
}
_VALUES = ("beta", "value", "methylated", "unmethylated")
_TOLD = ("beta", "methylated", "unmethylated")
_ANY = "|".join(f"(?P<{role}>{pattern})" for role, pattern in _WHAT.items())
# The sample before what was measured (S1 Methylated Signal), or behind it (Methylated_Signal.S1).
_BEHIND = re.compile(rf"^(?P<sample>.*?)[._ :-]*(?:{_ANY})$", re.I)
_BEFORE = re.compile(rf"^(?:{_ANY})[._ :-]+(?P<sample>.+)$", re.I)


def intensities(path: str, name_in_file: str) -> Layout:
    """Return the columns of a sample in a table of methylated and unmethylated intensities.

    Roles: name, count:methylated, count:unmethylated, and count:detection where there is one.

    Raises
    ------
    ReadingError
        When the table has no such columns, or lacks the sample.
    """
    what = "a table of methylated and unmethylated intensities"
    found, samples = _samples(path, what)
    whole = {
        name: roles for name, roles in samples.items() if {"methylated", "unmethylated"} <= {*roles}
    }
    if not whole:
        raise ReadingError(
            f"{path}: has no columns of methylated and of unmethylated intensities; expected for "
            "each sample '<sample> Methylated Signal' and '<sample> Unmethylated Signal' (or "
            f"Signal_B and Signal_A), found {listed(list(found.columns), 8)}. Betas alone are "
            "format betas; for two tables give the unmethylated one in path2"
        )
    return _with_sample(path, found, whole, name_in_file, ("methylated", "unmethylated"))


def matrix(path: str, name_in_file: str, what: str) -> Layout:
    """Return the columns of a sample in a matrix of one value per probe and sample.

    Roles: name, count:value, and count:detection where there is one: a column of that sample, or
    one without a sample behind its own.

    Raises
    ------
    ReadingError
        When the table lacks the sample, or holds intensities.
    """
    found, samples = _samples(path, what)
    if any({"methylated", "unmethylated"} <= {*roles} for roles in samples.values()):
        betas = {name: roles for name, roles in samples.items() if "beta" in roles}
        if not betas:
            raise ReadingError(
                f"{path}: has columns of methylated and unmethylated intensities; expected {what}. "
                "Write intensities into the column format: copy number needs them"
            )
        samples = betas
    # Where samples have several columns, a column that stands alone is annotation.
    several = {name: roles for name, roles in samples.items() if len(roles) > 1}
    if {*_TOLD} & {role for roles in several.values() for role in roles}:
        samples = several
    valued = {}
    for name, roles in samples.items():
        # The two tables of intensities may call their columns so, too.
        at = next((roles[role] for role in _VALUES if role in roles), None)
        if at is not None:
            valued[name] = {**roles, "value": at}
    if not valued:
        raise ReadingError(
            f"{path}: has no column of a sample; expected {what}, with probes in rows and samples "
            f"in columns, found {listed(list(found.columns), 8)}"
        )
    return _with_sample(path, found, valued, name_in_file, ("value",))


def _samples(path: str, what: str) -> tuple[Layout, dict[str, dict[str, int]]]:
    """Return the layout with the column of probes, and the columns of each sample by role."""
    found = plain(path, what, _COMMENTS, _ROW)
    titles = [normal(title) for title in found.columns]
    named = [title for title in found.columns if _TITLED_BY_PROBES.match(title)]
    transposed = 2 * len(named) > len(titles)
    if transposed or named[:1] == [found.columns[0]]:
        like = (
            "probes in columns and samples in rows: exchange rows and columns"
            if transposed
            else "no line of titles: write the probe's and the samples' names above the columns"
        )
        raise ReadingError(
            f"{path}: the line of titles has {listed(named, 3)}; expected {what}, with probes in "
            f"rows and samples in columns. It looks like {like}"
        )
    probe = next((titles.index(one) for one in _PROBE if one in titles), 0)
    samples: dict[str, dict[str, int]] = {}
    last = ""
    for at, title in enumerate(found.columns):
        if at == probe or titles[at] in _NOT_SAMPLES:
            continue
        sample, role = _parted(title.strip())
        if role == "detection" and not sample:
            # Tables of GEO put it behind the value of each sample, without the sample's name.
            sample = last
        samples.setdefault(sample, {}).setdefault(role, at)
        last = sample
    return dataclasses.replace(found, roles={"name": probe}), samples


def _parted(title: str) -> tuple[str, str]:
    """Return the sample of a title and what it measures; the whole title is a sample's value."""
    for pattern in (_BEHIND, _BEFORE):
        match = pattern.match(title)
        if match:
            role = next(role for role in _WHAT if match[role])
            return match["sample"].strip(), role
    return title, "value"


def _with_sample(
    path: str,
    found: Layout,
    samples: dict[str, dict[str, int]],
    name: str,
    wanted: tuple[str, ...],
) -> Layout:
    """Return the layout with the columns of one sample."""
    names = tuple(samples)
    titles = {
        found.columns[at]: sample for sample, roles in samples.items() for at in roles.values()
    }
    if name in samples:
        chosen = name
    elif name in titles:
        chosen = titles[name]
    elif name or len(names) > 1:
        raise no_such_sample(path, name, names)
    else:
        chosen = names[0]
    roles = {
        f"count:{role}": samples[chosen][role]
        for role in (*wanted, "detection")
        if role in samples[chosen]
    }
    return dataclasses.replace(
        found, roles={**found.roles, **roles}, sample=chosen or name, samples=names
    )
