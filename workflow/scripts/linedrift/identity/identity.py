"""Identity: whether each measurement is of the person whom the sheets say.

Genotypes of autosomal SNPs are compared over all measurements of a line or of the bank. The
decisions rest on the kinship coefficient and on the share of heterozygous loci in common, which,
unlike the plain concordance, mean the same on every array and in every ancestry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.identity.kinship import MISSING, Counts, blocks, dense, few_loci
from linedrift.quality import quality as measured
from linedrift.quality.foreign_reads import Source
from linedrift.tables import Key


def named_source(found: Source | None, settings: Mapping[str, Any]) -> str:
    """Return whose the foreign DNA of an exome is, in a sentence."""
    least = settings["source_gain"]
    if found is None:
        return "no other person of the bank was read where the foreign alleles show"
    if found.gain < least:
        return "the foreign DNA is of nobody in the bank"
    sample, assay = found.key
    if found.ahead < least:
        return f"the foreign DNA may be of {sample} ({assay}), or of a relative in the bank"
    return f"the foreign DNA is that of {sample} ({assay}): {found.share:.1%} of the reads"


def compare(
    samples: pd.DataFrame, genotypes: Mapping[Key, pd.DataFrame], settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the IDENTITY_PAIRS of all measurements: every one with every other.

    Parameters
    ----------
    samples
        One row per measurement: sample, assay, person (root of the chain of parents), family
        ('' where not known) and, if wanted, `failed`: why a measurement is not testable, ''
        where it is.
    genotypes
        What `genotypes.genotypes` returned, by (sample, assay). It is read twice in the order of
        `samples`, so it may load each frame when asked. Measurements without one have no loci.
    settings
        Section `identity` of the config.

    Returns
    -------
    pandas.DataFrame
        In the order of `samples`. Up to `all_pairs_up_to` measurements (200) every pair; of a
        larger bank, whose unrelated pairs are millions, those of one person, those in conflict
        and those seen as the same or as family: what is not listed is unrelated, as expected.

    Notes
    -----
    *Same* are pairs whose kinship reaches `same`, or where nearly all heterozygous loci of one
    are heterozygous in the other: so a culture that lost heterozygosity of much of its genome
    stays the same person (opposite homozygotes would need two alleles to change), and so do two
    arrays that name the alleles differently.
    """
    samples = _checked(samples)
    keys = list(zip(samples["sample"], samples["assay"], strict=True))
    matrix = dense(keys, genotypes)
    samples["silent"] = (matrix == MISSING).all(axis=1)
    listed = [
        _listed(samples, first, second, counts, settings)
        for first, second, counts in blocks(matrix)
    ]
    if not listed:
        return tables.IDENTITY_PAIRS.empty()
    pairs = pd.concat(listed, ignore_index=True).sort_values(["row", "column"], ignore_index=True)
    pairs["text"] = [_sentence(pair) for pair in pairs.itertuples()]
    return tables.check(pairs, tables.IDENTITY_PAIRS)


def _checked(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with every column that is used, after refusing a repeated measurement."""
    twice = samples.duplicated(["sample", "assay"])
    if twice.any():
        row = samples[twice].iloc[0]
        raise ValueError(
            f"identity: measurement {row['sample']}, {row['assay']} is given twice; "
            "rows of one measurement must be joined before they are compared"
        )
    samples = samples.reset_index(drop=True)
    defaults = {"family": "", "failed": "", "sex": "unknown"}
    for name in defaults.keys() - set(samples.columns):
        samples[name] = defaults[name]
    if "line" not in samples:
        samples["line"] = samples["sample"].str.replace(r"-p\d+$", "", regex=True)
    return samples


def _listed(
    samples: pd.DataFrame,
    rows: np.ndarray,
    columns: np.ndarray,
    counts: Counts,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return the pairs of a block that enter the table, each once."""
    code = {name: pd.factorize(samples[name])[0] for name in ("person", "family")}
    same_person = code["person"][rows][:, None] == code["person"][columns]
    known = (samples["family"] != "").to_numpy()
    kin = (code["family"][rows][:, None] == code["family"][columns]) & known[rows][:, None]
    expected = np.where(same_person, "same", np.where(kin, "family", "unrelated"))
    kinship, containment = counts.kinship(), counts.containment()
    observed = _observed(counts, kinship, containment, settings)
    barred = (samples["failed"] != "").to_numpy()
    few = counts.loci < settings["min_loci"]
    by_few = np.where(few, few_loci(counts, settings), "undecided")
    few |= np.minimum(counts.het, counts.other_het) < settings["min_het_loci"]
    observed = np.where(few, by_few, observed)
    few &= by_few == "undecided"
    untested = few | barred[rows][:, None] | barred[columns]
    apart = ["family", "unrelated", "different"]
    wrong = np.where(expected == "same", np.isin(observed, apart), False)
    wrong |= (expected != "same") & (observed == "same")
    doubt = (expected == "same") & (observed == "undecided")
    state = np.where(untested | doubt, "not_testable", np.where(wrong, "conflict", "ok"))
    chosen = columns > rows[:, None]
    if len(samples) > settings["all_pairs_up_to"]:
        strangers = np.isin(observed, ["unrelated", "different"])
        chosen &= same_person | (~untested & (wrong | ~strangers))
    at, to = np.nonzero(chosen)
    one, two = samples.iloc[rows[at]], samples.iloc[columns[to]]
    return pd.DataFrame(
        {
            "row": rows[at],
            "column": columns[to],
            "sample": one["sample"].to_numpy(),
            "assay": one["assay"].to_numpy(),
            "other_sample": two["sample"].to_numpy(),
            "other_assay": two["assay"].to_numpy(),
            "n_loci": counts.loci[at, to].astype(np.int32),
            "concordance": np.where(counts.loci > 0, counts.concordance(), np.nan)[at, to],
            "kinship": np.where(few, np.nan, kinship)[at, to],
            "containment": containment[at, to],
            "expected": expected[at, to],
            "observed": np.where(untested, "undecided", observed)[at, to],
            "state": state[at, to],
            "few": few[at, to],
            "silent": one["silent"].to_numpy(),
            "other_silent": two["silent"].to_numpy(),
            "failed": one["failed"].to_numpy() + two["failed"].to_numpy(),
        }
    )


def _observed(
    counts: Counts, kinship: np.ndarray, containment: np.ndarray, settings: Mapping[str, Any]
) -> np.ndarray:
    """Return the relation of each pair by its genotypes alone."""
    same = (kinship >= settings["kinship_same"]) | (containment >= settings["containment_same"])
    distant = kinship >= settings["kinship_distant"]
    # Second-degree kin (.125) stand apart from strangers only where there are many loci.
    many = counts.loci >= settings["distant_min_loci"]
    return np.select(
        [
            same,
            kinship >= settings["kinship_family_max"],
            (kinship >= settings["kinship_family"]) | (distant & many),
            distant,
        ],
        ["same", "undecided", "family", "undecided"],
        default="unrelated",
    )


_SEEN = {
    "same": "have the same genotype",
    "family": "are relatives",
    "unrelated": "are of unrelated people",
    "undecided": "stand between two relations",
    "different": "are of different people",
}
# Two samples of one person differ, and either may be the wrong one: the reason has these words.
CONTRADICTED = "nothing tells which is wrong"
_ASKED = {"same": "the same person", "family": "one family", "unrelated": "different people"}


def _sentence(pair: Any) -> str:
    """Return what a pair shows, in a sentence."""
    names = f"{pair.sample} and {pair.other_sample}"
    if pair.assay != pair.other_assay:
        names = f"{pair.sample} ({pair.assay}) and {pair.other_sample} ({pair.other_assay})"
    if uncompared := _uncompared(pair, names):
        return uncompared
    figures = (
        f"{pair.concordance:.1%} of {pair.n_loci:,} genotypes equal, kinship {pair.kinship:.2f}"
    )
    seen = f"{names} {_SEEN[pair.observed]} ({figures})"
    if pair.observed == "different":
        seen += "; so few SNPs do not tell relatives from strangers"
    if pair.observed == "same" and pair.kinship < 0.25:
        seen += ", by their heterozygous loci: the two arrays name the alleles differently"
    if pair.state == "conflict":
        return f"{seen}, but by the sheets they are of {_ASKED[pair.expected]}"
    if pair.state == "not_testable":
        return f"{seen}; by the sheets they are of {_ASKED[pair.expected]}"
    if pair.observed == "family" and pair.expected == "unrelated":
        return f"{seen}, of which the sheets say nothing"
    if pair.observed not in (pair.expected, "different"):
        return f"{seen}; by the sheets they are of {_ASKED[pair.expected]}, as a couple may be"
    return f"{seen}, as expected"


def _uncompared(pair: Any, names: str) -> str:
    """Return why two measurements could not be compared, nothing where they were."""
    if pair.failed:
        return f"{names} were not compared: {pair.failed}"
    silent = [f"{pair.sample} ({pair.assay})"] * pair.silent
    silent += [f"{pair.other_sample} ({pair.other_assay})"] * pair.other_silent
    if silent:
        return f"{names} were not compared: no autosomal SNP is called in {_spoken(silent)}"
    if pair.few:
        return f"{names} share too few called autosomal SNPs to be compared ({pair.n_loci})"
    return ""


def judge(
    samples: pd.DataFrame,
    pairs: pd.DataFrame,
    quality: pd.DataFrame,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return the IDENTITY of each measurement of a line or of the bank.

    Parameters
    ----------
    samples
        As for `compare`, and sex (by the sheet) and line (text before ``-p`` where not given).
    pairs
        What `compare` returned for these samples.
    quality
        QUALITY frames of the measurements, one below the other.
    settings
        Section `identity` of the config.

    Notes
    -----
    Measurements of equal genotype form a group. A person's own group is the one with most of the
    person's lines (the donor counts as one) and, within a single line, most measurements; a
    group that is another person's own does not compete. Who stands outside it has failed, and
    the text names whom the sample looks like. Where nothing tells which group is the person's,
    all of them are not testable: with two samples that disagree, either may be the wrong one.
    Groups that share too few loci to be compared (of an exome and an array) do not disagree:
    each is judged by itself, and one without another sample in it is not testable.
    """
    samples = _checked(samples)
    keys = list(zip(samples["sample"], samples["assay"], strict=True))
    by_key = {key: rows for key, rows in quality.groupby(["sample", "assay"], sort=False)}
    nothing = tables.QUALITY.empty()
    poor = [
        measured.failed(by_key.get(key, nothing)) or given
        for key, given in zip(keys, samples["failed"], strict=True)
    ]
    sexes = [measured.sex_of(by_key.get(key, nothing)) for key in keys]
    groups = _Groups.of(samples, pairs, np.array([text == "" for text in poor], dtype=bool))
    rows = []
    for row, (key, (sex, conflict)) in enumerate(zip(keys, sexes, strict=True)):
        state, reason = groups.verdict(row)
        if poor[row]:
            state, reason = "not_testable", poor[row]
        elif conflict:
            state, reason = "failed", "; ".join(filter(None, [conflict, reason]))
        rows.append(
            (*key, state, samples["sex"].iloc[row], sex if not poor[row] else "unknown")
            + (";".join(groups.names(groups.partners(row))),)
            + (";".join(groups.names(groups.strangers(row))), reason)
        )
    return tables.check(pd.DataFrame(rows, columns=tables.IDENTITY.names), tables.IDENTITY)


@dataclass(frozen=True)
class _Groups:
    """Measurements by genotype: `group` is -1 where a measurement could not be compared.

    `met` has the pairs of groups of which measurements were compared. Of a person, only groups
    that met contradict each other: an exome and an array that share too few loci do not. `own`
    gives, by person and group, which of the groups that met is the person's own; `claims` the
    lines that a person has in a group.
    """

    samples: np.ndarray
    assays: np.ndarray
    person: np.ndarray
    group: np.ndarray
    met: frozenset[tuple[int, int]]
    own: Mapping[tuple[int, int], int]
    claims: Mapping[tuple[int, int], int]
    why_not: Mapping[int, Mapping[int, str]]

    @classmethod
    def of(cls, samples: pd.DataFrame, pairs: pd.DataFrame, good: np.ndarray) -> _Groups:
        """Group the measurements that are `good` and were compared with at least one other."""
        index = pd.MultiIndex.from_frame(samples[["sample", "assay"]])
        first = index.get_indexer(pd.MultiIndex.from_frame(pairs[["sample", "assay"]]))
        second = index.get_indexer(pd.MultiIndex.from_frame(pairs[["other_sample", "other_assay"]]))
        use = (first >= 0) & (second >= 0)
        use[use] = good[first[use]] & good[second[use]]
        tested = use & pairs["kinship"].notna().to_numpy()
        same = tested & (pairs["observed"] == "same").to_numpy()
        group = _joined(len(samples), first[same], second[same])
        compared = np.zeros(len(samples), dtype=bool)
        compared[first[tested]] = compared[second[tested]] = True
        group[~(compared & good)] = -1
        one, two = group[first[tested]].tolist(), group[second[tested]].tolist()
        met = frozenset([*zip(one, two, strict=True), *zip(two, one, strict=True)])
        person = pd.factorize(samples["person"])[0]
        own, claims = _own_groups(person, group, samples["line"], met)
        return cls(
            samples["sample"].to_numpy(dtype=object),
            samples["assay"].to_numpy(dtype=object),
            person,
            group,
            met,
            own,
            claims,
            _not_compared(pairs, first, second, use & ~tested),
        )

    def partners(self, row: int) -> np.ndarray:
        """Return the other measurements of the same person that this one was compared with."""
        group = self.group[row]
        found = np.flatnonzero((self.person == self.person[row]) & (self.group >= 0))
        met = [at == group or (group, at) in self.met for at in self.group[found].tolist()]
        return found[np.array(met, dtype=bool) & (found != row) & (group >= 0)]

    def strangers(self, row: int) -> np.ndarray:
        """Return the measurements of other people that have the same genotype."""
        found = np.flatnonzero((self.group == self.group[row]) & (self.person != self.person[row]))
        return found[self.group[found] >= 0]

    def names(self, rows: np.ndarray) -> list[str]:
        """Return the samples of these rows, each once."""
        return list(dict.fromkeys(self.samples[rows]))

    def spoken(self, row: int, rows: np.ndarray) -> str:
        """Return these measurements in words, with the assay where it is not that of `row`."""
        own = self.assays[row]
        named = [
            sample if assay == own else f"{sample} ({assay})"
            for sample, assay in zip(self.samples[rows], self.assays[rows], strict=True)
        ]
        return _spoken(list(dict.fromkeys(named)))

    def verdict(self, row: int) -> tuple[str, str]:
        """Return state and reason of one measurement, by the genotypes."""
        group = int(self.group[row])
        own = self.own.get((int(self.person[row]), group))
        if group < 0:
            return "not_testable", self._alone(row)
        partners = self.partners(row)
        alike = self.spoken(row, partners[self.group[partners] == group])
        unlike = self.spoken(row, partners[self.group[partners] != group])
        strangers = self.spoken(row, self.strangers(row))
        looks = "it has the genotype of no other sample that it was compared with"
        if strangers:
            looks = f"it has the genotype of {strangers}, of another person by the sheets"
        if own is None:
            with_whom = f", as that of {alike}," if alike else ""
            return "not_testable", (
                f"its genotype{with_whom} differs from {unlike} of the same person, and "
                f"{CONTRADICTED}; {looks}"
            )
        if own == group:
            return self._in_own_group(row, alike, unlike, strangers, looks)
        if (group, own) not in self.met:
            return "not_testable", self._alone(row)
        return "failed", f"its genotype differs from {unlike} of the same person; {looks}"

    def _in_own_group(
        self, row: int, alike: str, unlike: str, strangers: str, looks: str
    ) -> tuple[str, str]:
        """Return state and reason where the measurement is in its person's own group."""
        group, person = int(self.group[row]), int(self.person[row])
        rivals = {
            int(other)
            for other in self.person[self.strangers(row)]
            if self.own.get((int(other), group)) == group
        }
        strongest = max((self.claims[other, group] for other in rivals), default=0)
        if strongest > self.claims[person, group]:
            return "failed", looks
        if strongest == self.claims[person, group]:
            return "not_testable", f"{looks}, and nothing tells whose it is"
        if not alike:
            why = f"of this person only {unlike}, which failed" if unlike else self._alone(row)
            return "not_testable", why
        also = f"; so has {strangers}, of another person by the sheets" if strangers else ""
        return "confirmed", f"same genotype as {alike}{also}{self._apart(row)}"

    def _alone(self, row: int) -> str:
        """Return why a measurement has nothing of its person to be compared with."""
        reasons = [*self.why_not.get(row, {}).values()]
        alone = f"no other sample of this person to compare its {self.assays[row]} with"
        return reasons[0] if reasons else alone

    def _apart(self, row: int) -> str:
        """Return, after a semicolon, with which measurements of its person it has no link."""
        partners = set(self.partners(row).tolist())
        apart = [other for other in self.why_not.get(row, {}) if other not in partners]
        if not apart:
            return ""
        names = self.spoken(row, np.array(apart))
        return f"; not comparable with {names}: too few called autosomal SNPs in common"


def _joined(n: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the group of each of n measurements that these pairs join, directly or in a chain."""
    # Imported here, for it takes as long as the comparison of a line.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    return np.asarray(connected_components(edges, directed=False)[1], dtype=np.int64)


def _not_compared(
    pairs: pd.DataFrame, first: np.ndarray, second: np.ndarray, untested: np.ndarray
) -> dict[int, dict[int, str]]:
    """Return, by measurement, why others of the same person could not be compared with it."""
    found: dict[int, dict[int, str]] = {}
    texts = pairs["text"].to_numpy()
    for at in np.flatnonzero(untested & (pairs["expected"] == "same").to_numpy()):
        one, two, text = int(first[at]), int(second[at]), str(texts[at])
        found.setdefault(one, {})[two] = text
        found.setdefault(two, {})[one] = text
    return found


def _own_groups(
    person: np.ndarray, group: np.ndarray, line: pd.Series, met: frozenset[tuple[int, int]]
) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]]:
    """Return the own group of each person, where one can be told, and the lines of each claim.

    Where some groups of a person never met the others, as exomes beside arrays with which they
    share too few loci, each set that met has one of its own. The first are by person and group.
    """
    lines: dict[tuple[int, int], list[str]] = {}
    for who, where, name in zip(person.tolist(), group.tolist(), line, strict=True):
        if where >= 0:
            lines.setdefault((who, where), []).append(name)
    by_person: dict[int, dict[int, list[str]]] = {}
    for (who, where), names in lines.items():
        by_person.setdefault(who, {})[where] = names
    strongest = [
        (who, together, _strongest({where: mine[where] for where in together}))
        for who, mine in by_person.items()
        for together in _that_met(list(mine), met)
    ]
    taken = {groups[0] for _, _, groups in strongest if len(groups) == 1}
    own: dict[tuple[int, int], int] = {}
    for who, together, groups in strongest:
        free = groups if len(groups) == 1 else [where for where in groups if where not in taken]
        if len(free) == 1:
            own |= {(who, where): free[0] for where in together}
    return own, {claim: len(set(names)) for claim, names in lines.items()}


def _that_met(groups: list[int], met: frozenset[tuple[int, int]]) -> list[list[int]]:
    """Return the groups in sets that were compared with each other, directly or in a chain."""
    sets: list[list[int]] = []
    for group in groups:
        near = [one for one in sets if any((group, other) in met for other in one)]
        sets = [one for one in sets if one not in near]
        sets.append([*sum(near, []), group])
    return sets


def _strongest(lines: Mapping[int, list[str]]) -> list[int]:
    """Return the groups of a person that nothing tells apart: most lines, then measurements.

    `lines` has the line of each measurement by group. Measurements count among groups of the
    same lines only: many passages of one line are one witness against its donor.
    """
    most = max(len(set(names)) for names in lines.values())
    top = [where for where, names in lines.items() if len(set(names)) == most]
    if len({frozenset(lines[where]) for where in top}) == 1:
        size = max(len(lines[where]) for where in top)
        top = [where for where in top if len(lines[where]) == size]
    return top


def _spoken(names: list[str], most: int = 5) -> str:
    """Return names as people list them, and how many more there are."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
