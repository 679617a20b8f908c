"""The public tier of a line and of the bank, built from an allow-list.

Nothing is deleted from a private record: every field of the public one is written here from
named columns, so a column that a private frame gains tomorrow does not get through. What depends
on the donor's heterozygosity (noise, limits, how many loci were informative) is pooled and put
on coarse steps; docs/public_tier.md says what is shown and why, tests/unit/test_privacy.py
attacks it with the donor's genotypes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import iscn, steps, tables
from linedrift.genome import GRCH38
from linedrift.identity.identity import CONTRADICTED
from linedrift.public import stretches
from linedrift.public.public_readouts import public_readouts
from linedrift.public.public_values import NO_STATEMENT, NOT_PUBLISHED, fractions, quality, reasons
from linedrift.public.public_variants import public_variants
from linedrift.records import BankRecord, LineRecord
from linedrift.report.vcf import expected_copies_at, is_candidate, rows_of, samples_of
from linedrift.verdict import readout_verdict, variant_verdict
from linedrift.verdict.verdict import judge

# What the public tier may say of a line; `description` is the bank's own text for the public.
LINE_FIELDS = (
    "line", "kind", "parent", "sex", "tier", "registry_id", "source_cell", "reprogramming",
    "description",
)  # fmt: skip
MEASUREMENT_FIELDS = (
    "sample", "line", "passage", "assay", "format", "platform", "batch", "bank", "baseline",
)  # fmt: skip
PROVENANCE = (
    "linedrift", "made", "reference", "python", "numpy", "scipy", "pandas", "pyarrow", "pysam",
    "bank name", "bank contact",
)  # fmt: skip
SETTINGS = (
    "quality", "identity", "contrast", "noise", "segmentation", "events", "trajectories",
    "limits", "hotspots", "variants", "verdict", "public",
)  # fmt: skip
# Assays with tracks. Bins of RNA would tell which genes the line expresses.
TRACKS_OF = ("snp_array", "wes", "methylation")

TOO_SHORT = "too short to be stated in public"
_IDENTITY_WORDS = {
    "confirmed": "",
    "failed": "the genotypes are not those expected",
    "not_testable": NO_STATEMENT,
}
_CONTRADICTED_WORDS = f"the genotypes of this person's samples differ, and {CONTRADICTED}"
_SUPPORT = [name for name in tables.TRAJECTORIES.names if name not in (
    "event_id", "sample", "passage", "state", "cell_fraction", "low", "high", "limit", "reason",
)]  # fmt: skip

# The design's floors: no setting may go below them.
_LEAST = {"level_bin": 100_000, "level_length": 100_000, "imbalance_length": 1_000_000}


class PrivacyError(ValueError):
    """A record or settings from which no public tier may be built."""


def public_line(
    record: LineRecord, settings: Mapping[str, Any], named: Collection[str] = ()
) -> LineRecord | None:
    """Return what anyone may see of a line, None where nobody may.

    Parameters
    ----------
    record
        Private record, with its verdict (`verdict.assess`).
    settings
        Section `public` of the config.
    named
        Other lines of the public tier, the only ones that may be named as parent.

    Returns
    -------
    LineRecord or None
        Tier ``public``; None for a line of the private tier and for every donor.

    Raises
    ------
    PrivacyError
        When the settings are finer than the design allows.
    """
    _require(settings)
    if record.line.get("tier") != "public" or record.line.get("kind") != "line":
        return None
    samples = samples_of(record)
    names = _published_events(record, settings)
    events = _events(record, names, settings)
    trajectories = _trajectories(record, names, samples, settings)
    line = _line(record, named)
    frames: dict[str, Any] = {
        "measurements": _measurements(record, samples, named),
        "events": _with_iscn(events, trajectories, record),
        "trajectories": trajectories,
        "hotspots": _hotspots(record, names, samples, settings),
        "quality": quality(record.quality, samples),
        "identity": _identity(record.identity, samples),
    }
    basis = _basis(record)
    variants = public_variants(record.variants, samples, record.verdict["basis"], settings)
    readouts = public_readouts(record.readouts, samples, basis, settings)
    findings, verdict = judge(line, basis=basis, variants=variants, readouts=readouts, **frames)
    of_line = record.tracks["sample"].isin(samples) & record.tracks["assay"].isin(TRACKS_OF)
    return LineRecord(
        tier="public",
        line=line,
        findings=findings,
        tracks=stretches.medians(record.tracks[of_line], events, settings),
        markers=tables.CONTRAST.empty().assign(
            sample=pd.Series(dtype="str"), assay=pd.Series(dtype="str")
        ),
        verdict=_with_private_outcome(verdict, record, len(names)),
        inherited=int(record.inherited),
        settings={name: record.settings[name] for name in SETTINGS if name in record.settings},
        provenance=_provenance(record.provenance),
        variants=variants,
        readouts=readouts,
        **frames,
    )


def _require(settings: Mapping[str, Any]) -> None:
    for name, least in _LEAST.items():
        if settings[name] < least:
            raise PrivacyError(
                f"public.{name} is {settings[name]}: the public tier pools over {least} or more"
            )


def _line(record: LineRecord, named: Collection[str]) -> dict[str, str]:
    line = {name: str(record.line.get(name, "")) for name in LINE_FIELDS}
    parent = line["parent"]
    return line | {"parent": parent if not parent or parent in named else NOT_PUBLISHED}


def _provenance(provenance: Mapping[str, str]) -> dict[str, str]:
    return {name: str(provenance[name]) for name in PROVENANCE if name in provenance}


def _measurements(record: LineRecord, samples: list[str], named: Collection[str]) -> pd.DataFrame:
    """Return the line's own measurements: no path, no name in a file, no batch."""
    own = record.measurements[record.measurements["sample"].isin(samples)]
    baselines = own["baseline"].fillna("").astype(str)
    may_be_named = baselines.isin(samples) | baselines.str.rpartition("-p")[0].isin(list(named))
    shown = {
        "batch": "",
        "baseline": baselines.where(may_be_named | (baselines == ""), NOT_PUBLISHED),
    }
    kept = {name: own[name] for name in MEASUREMENT_FIELDS if name not in shown}
    return pd.DataFrame(kept | shown).reset_index(drop=True)[list(MEASUREMENT_FIELDS)]


def _published_events(record: LineRecord, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the names that published events get (E1, E2, ...), by their private ids.

    The private id is a hash of the exact place, from which the place could be found by trying.
    Of unknown origin are published only events at recurrent hotspots and very long ones; a
    homozygous stretch of unknown origin may be the donor's and tells of the parents.
    """
    roles = _basis(record)["hotspots"]
    kept = []
    for event in rows_of(tables.in_genome_order(record.events)):
        known = [roles.get(name, {}) for name in str(event["hotspot_id"]).split(";")]
        recurrent = any(role.get("role") in ("flag", "review") for role in known)
        long = event["end"] - event["start"] >= settings["unknown_origin_length"]
        of_the_line = event["origin"] == "acquired" or (
            event["origin"] == "unknown" and event["kind"] != "cn_loh" and (recurrent or long)
        )
        if of_the_line and not is_candidate(event, record):
            kept.append(str(event["event_id"]))
    return {name: f"E{number}" for number, name in enumerate(kept, start=1)}


def _events(
    record: LineRecord, names: Mapping[str, str], settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the published events, with ends rounded outward and no remark."""
    own = record.events[record.events["event_id"].isin(list(names))]
    step = settings["boundary_step"]
    lengths = own["chrom"].astype(str).map(GRCH38.lengths).astype("int64")
    outward = {
        column: steps.down(own[column], step) if side == "down" else np.minimum(
            steps.up(own[column], step), np.maximum(lengths, own[column])
        )
        for column, side in (
            ("start", "down"), ("start_low", "down"), ("end_low", "down"),
            ("end", "up"), ("start_high", "up"), ("end_high", "up"),
        )
    }  # fmt: skip
    rates = own["false_event_rate"].to_numpy(float)
    frame = pd.DataFrame(
        {
            "event_id": own["event_id"].map(dict(names)),
            "line": record.line["line"],
            "chrom": own["chrom"],
            **outward,
            "band": own["band"].where(own["band"].str.fullmatch(_BAND), ""),
            "kind": own["kind"],
            "copies": own["copies"],
            "origin": own["origin"],
            "first_passage": own["first_passage"],
            "quality": np.minimum(np.floor(own["quality"] / 10) * 10, 90.0),
            "false_event_rate": 10.0 ** np.ceil(np.log10(np.maximum(rates, 1e-9))),
            "hotspot_id": _words(own["hotspot_id"], set(_basis(record)["hotspots"])),
            "genes": own["genes"].where(own["genes"].str.fullmatch(r"[A-Za-z0-9.;-]*"), ""),
            "iscn": "",
            "note": "",
        }
    )
    return tables.check(tables.in_genome_order(tables.conform(frame, tables.EVENTS)), tables.EVENTS)


def _words(lists: pd.Series, known: Collection[str]) -> list[str]:
    """Return lists separated by ; with the known words alone."""
    return [";".join(word for word in words.split(";") if word in known) for words in lists]


_BAND = r"(?:[0-9]{1,2}|X|Y)(?:[pq][0-9]+(?:\.[0-9]+)?){0,2}"


def _with_iscn(
    events: pd.DataFrame, trajectories: pd.DataFrame, record: LineRecord
) -> pd.DataFrame:
    """Return the events with their nomenclature written anew from what is published."""
    texts = []
    for event in rows_of(events):
        states = trajectories[
            (trajectories["event_id"] == event["event_id"]) & (trajectories["state"] == "present")
        ]
        last = states.iloc[-1] if len(states) else {"cell_fraction": math.nan, "high": math.nan}
        expected = expected_copies_at(str(event["chrom"]), int(event["start"]), record)
        place = (str(event["chrom"]), int(event["start"]), int(event["end"]), event["band"])
        cells = (float(last["cell_fraction"]), float(last["high"]))
        try:
            texts.append(iscn.render(*place, int(event["copies"]), expected, *cells, event["kind"]))
        except iscn.IscnError:  # copies that no rule can state stay in their own column
            texts.append("")
    return events.assign(iscn=pd.Series(texts, dtype="str", index=events.index))


def _trajectories(
    record: LineRecord,
    names: Mapping[str, str],
    samples: list[str],
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return the published events in the line's own samples, without likelihoods."""
    own = record.trajectories
    own = own[own["event_id"].isin(list(names)) & own["sample"].isin(samples)]
    frame = pd.DataFrame(
        {
            "event_id": own["event_id"].map(dict(names)),
            "sample": own["sample"],
            "passage": own["passage"],
            "state": own["state"],
            **fractions(own, settings),
            # Support, of all and of each assay, grows with the number of heterozygous loci inside.
            **dict.fromkeys(_SUPPORT, np.nan),
            "reason": reasons(own),
        }
    )
    number = frame["event_id"].str[1:].astype("int64")
    order = np.lexsort((frame["passage"], number))
    return tables.check(frame.iloc[order].reset_index(drop=True), tables.TRAJECTORIES)


def _hotspots(
    record: LineRecord,
    names: Mapping[str, str],
    samples: list[str],
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return every hotspot in the line's own samples.

    Where it is present through an event that is not published (inherited, a candidate), there is
    no statement: `absent` would be untrue, `present` would publish it. Of a short hotspot only its
    presence is stated, since its limit counts the few heterozygous loci inside.
    """
    roles = _basis(record)["hotspots"]
    own = record.hotspots[
        record.hotspots["sample"].isin(samples) & record.hotspots["hotspot_id"].isin(list(roles))
    ].reset_index(drop=True)
    length = own["hotspot_id"].map({name: role["length"] for name, role in roles.items()})
    present = (own["state"] == "present") & own["event_id"].isin(list(names))
    shown = fractions(own, settings)
    shown["limit"] = _raised(own["limit"], length, settings)
    short = ~present & (length < settings["limit_floors"][0]["length"])
    hidden = short | (~present & (own["state"] == "present"))
    hidden |= (own["state"] == "absent") & np.isnan(shown["limit"])
    said = pd.Series(reasons(own)).mask(hidden, NO_STATEMENT).mask(short, TOO_SHORT)
    frame = pd.DataFrame(
        {
            "hotspot_id": own["hotspot_id"],
            "label": own["hotspot_id"].map({name: role["label"] for name, role in roles.items()}),
            "tier": own["tier"].where(own["tier"].isin(["A", "B", "C"]), ""),
            "sample": own["sample"],
            "passage": own["passage"],
            "state": own["state"].mask(hidden, "not_testable"),
            **{name: np.where(hidden, np.nan, values) for name, values in shown.items()},
            "event_id": own["event_id"].map(dict(names)).where(present, ""),
            "reason": said,
        }
    )
    return tables.check(frame, tables.HOTSPOTS)


def _raised(limits: pd.Series, lengths: pd.Series, settings: Mapping[str, Any]) -> np.ndarray:
    """Return limits raised to the floor of their length, then to the next step."""
    floors = settings["limit_floors"]
    least = np.array([floor["length"] for floor in floors])
    row = np.clip(np.searchsorted(least, lengths.to_numpy(), side="right") - 1, 0, None)
    floor = np.array([floor["limit"] for floor in floors])[row]
    return steps.at_least(limits.where(~(limits < floor), floor), settings["limit_steps"])


def _identity(identity: pd.DataFrame, samples: list[str]) -> pd.DataFrame:
    """Return whether the identity of each sample is confirmed, and nothing of other samples."""
    own = identity[identity["sample"].isin(samples)]
    frame = pd.DataFrame(
        {
            "sample": own["sample"],
            "assay": own["assay"],
            "state": own["state"],
            "expected_sex": own["expected_sex"],
            "sex": own["sex"],
            "compared_with": "",
            "looks_like": "",
            "reason": own["state"]
            .map(_IDENTITY_WORDS)
            .mask(own["reason"].str.contains(CONTRADICTED, regex=False), _CONTRADICTED_WORDS),
        }
    )
    return tables.check(frame.reset_index(drop=True), tables.IDENTITY)


def _basis(record: LineRecord) -> dict[str, Any]:
    """Return what the private verdict was judged by: the hotspot table and the settings."""
    try:
        basis = record.verdict["basis"]
        # The points are rows of a public table; which cancer genes the line has variants in is not.
        points = {"points": basis.get("points", {}), "cancer_genes": []}
        return {"hotspots": basis["hotspots"], "settings": basis["settings"], **points}
    except KeyError as error:
        raise PrivacyError(
            f"line {record.line.get('line')}: the verdict has no {error}; assess it first"
        ) from error


def _with_private_outcome(
    verdict: dict[str, Any], record: LineRecord, n_published: int
) -> dict[str, Any]:
    """Return the public verdict with the outcome of the private one.

    What is withheld may have made the outcome (an event of unknown origin). The outcome is then
    kept and the sentence says that it rests on what is not published.
    """
    private = {passage["sample"]: passage for passage in record.verdict["passages"]}
    for passage in verdict["passages"]:
        decided = private[passage["sample"]]
        if passage["verdict"] != decided["verdict"]:
            passage |= {
                "verdict": decided["verdict"],
                "blocked": bool(decided["blocked"]),
                "sentence": _unpublished(decided["verdict"]),
            }
    outcome = record.verdict["verdict"]
    if verdict["verdict"] != outcome:
        verdict |= {"verdict": outcome, "sentence": _unpublished(outcome)}
    unknown = (record.events["origin"] != "inherited").sum() - n_published
    return verdict | {"withheld": {"inherited": int(record.inherited), "other": int(unknown)}}


def _unpublished(outcome: str) -> str:
    return f"{outcome.capitalize()}: this rests on findings that are not published."


def public_bank(bank: BankRecord, records: Iterable[LineRecord]) -> BankRecord:
    """Return what anyone may see of the bank, from the public records of its lines.

    Parameters
    ----------
    bank
        Private record: its name, its provenance and the links of `lines.page` are read.
    records
        What `public_line` made, one at a time.

    Raises
    ------
    PrivacyError
        When a record is not of the public tier.
    """
    rows, spots, figures = [], [], []
    pages = dict(zip(bank.lines["line"], bank.lines["page"], strict=True))
    for record in records:
        name = record.line["line"]
        if record.tier != "public":
            raise PrivacyError(f"line {name}: a record of tier {record.tier} is not for the public")
        rows.append(_bank_row(record, str(pages.get(name, ""))))
        latest = record.hotspots["passage"] == record.verdict["latest_passage"]
        spots.append(record.hotspots[latest].assign(line=name))
        spots += [_genes(record).assign(line=name)]
        figures.append(record.quality)
    return BankRecord(
        tier="public",
        name=bank.name,
        lines=pd.DataFrame(rows, columns=list(_BANK_COLUMNS)),
        hotspots=pd.concat(spots, ignore_index=True)
        if spots
        else tables.HOTSPOTS.empty().assign(line=pd.Series(dtype="str")),
        quality=pd.concat(figures, ignore_index=True) if figures else tables.QUALITY.empty(),
        identity=tables.IDENTITY.empty(),
        pairs=tables.IDENTITY_PAIRS.empty(),
        provenance=_provenance(bank.provenance),
    )


def _latest(record: LineRecord) -> dict[str, Any]:
    """Return sample and assays of the latest passage of a public record."""
    own = record.measurements[record.measurements["passage"] == record.verdict["latest_passage"]]
    return {"sample": own["sample"].iloc[0], "assays": list(own["assay"])}


def _genes(record: LineRecord) -> pd.DataFrame:
    """Return HOTSPOTS of the genes of point mutations, for the latest passage."""
    passage = int(record.verdict["latest_passage"])
    basis = record.verdict["basis"]
    return variant_verdict.gene_rows(_latest(record), passage, record.variants, basis)


_BANK_COLUMNS = (
    *LINE_FIELDS, "verdict", "sentence", "latest_passage", "n_passages", "assays", "n_acquired",
    "n_inherited", "hotspots_present", "n_variants", "variants_present", "n_readouts",
    "readouts_present", "page",
)  # fmt: skip


def _bank_row(record: LineRecord, page: str) -> dict[str, Any]:
    """Return the row of a line on the bank's public page, from its public record."""
    there = record.hotspots["state"] == "present"
    latest = record.hotspots["passage"] == record.verdict["latest_passage"]
    basis = record.verdict["basis"]
    n_variants, variants = variant_verdict.on_bank(_latest(record), record.variants, basis)
    return {
        **record.line,
        "verdict": record.verdict["verdict"],
        "sentence": record.verdict["sentence"],
        "latest_passage": record.verdict["latest_passage"],
        "n_passages": record.measurements["sample"].nunique(),
        "assays": ";".join(sorted(record.measurements["assay"].unique())),
        "n_acquired": int((record.events["origin"] == "acquired").sum()),
        "n_inherited": record.inherited,
        "hotspots_present": ";".join(record.hotspots.loc[there & latest, "label"].unique()),
        "n_variants": n_variants,
        "variants_present": ";".join(variants),
        **readout_verdict.on_bank(record.verdict),
        # A relative link below the bank's page, or none.
        "page": page if re.fullmatch(r"(?!.*\.\.)[\w][\w./-]*", page) else "",
    }
