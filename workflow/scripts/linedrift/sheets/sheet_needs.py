"""What the rows of the sheets need of the settings: chains, reference, targets, genes and so on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd

from linedrift import genome
from linedrift.sheets.sheet_columns import COUNT_FORMATS, METHYLATION_ARRAYS, Problem, SheetError
from linedrift.sheets.sheets import Bank

# Key of the settings' files by platform for platforms that have none of their own.
ANY_PLATFORM = "any"


def check_needs(bank: Bank, settings: Mapping[str, Any], samples_path: str) -> None:
    """Ask the settings for all that the rows of the sheet need: chains, reference, targets.

    Raises
    ------
    SheetError
        Naming every file that the settings lack or that is not there, and who needs it.
    """
    errors = _missing_chains(bank, settings["chains"], samples_path)
    exomes = bank.measurements[bank.measurements["assay"] == "wes"]
    if len(exomes):
        errors += _missing_reference(len(exomes), settings["resources"]["reference"], samples_path)
        errors += _missing_targets(exomes, settings["wes"]["capture"], samples_path)
    rna = bank.rows[bank.rows["assay"] == "rna"]
    if len(rna):
        errors += _missing_for_rna(rna, settings["resources"], samples_path)
    arrays = bank.measurements[bank.measurements["format"].isin(METHYLATION_ARRAYS)]
    if len(arrays):
        errors += _missing_manifests(arrays, settings["methylation"]["manifest"], samples_path)
        errors += _missing_named(arrays, settings["methylation"], samples_path)
    if errors:
        raise SheetError(errors)


def _missing_chains(bank: Bank, chains: Mapping[str, str], sheet: str) -> list[Problem]:
    """Return a problem for every build other than GRCh38 without a chain file."""
    errors = []
    # Counts of genes have no positions to lift.
    placed = bank.rows[~bank.rows["format"].isin(COUNT_FORMATS)]
    names = [genome.build(name).name for name in placed["build"]]
    for build in dict.fromkeys(names):
        path = chains.get(build, "")
        if build == genome.GRCH38.name or (path and os.path.isfile(path)):
            continue
        n = names.count(build)
        found = f"{_counted(n)} on {build}, " + (
            f"but no chain file at {path!r}" if path else "but no chain file in the settings"
        )
        hint = f"Fetch it once and name it under chains: {build}: in the settings."
        errors.append(Problem(sheet, 0, "build", found, "a local chain to GRCh38", hint))
    return errors


def _missing_reference(n: int, path: str, sheet: str) -> list[Problem]:
    """Return a problem where exomes have no reference, or one without its index."""
    why = "the FASTA of GRCh38, from which alleles, GC content and CRAM are read"
    wants = f"{_counted(n)} by wes"
    if not path or not os.path.isfile(path):
        where = f"file at {path!r}" if path else "reference in the settings"
        hint = "Name the one that your reads were aligned to under resources: reference:."
        return [Problem(sheet, 0, "assay", f"{wants}, but no {where}", why, hint)]
    packed = path.endswith((".gz", ".bgz"))
    ends = [
        end for end in (".fai", *([".gzi"] if packed else [])) if not os.path.isfile(path + end)
    ]
    found = f"{wants}, but no index {', '.join(path + end for end in ends)}"
    hint = f"Make it once: samtools faidx {path}"
    return [Problem(sheet, 0, "assay", found, "an indexed FASTA", hint)] if ends else []


def _missing_targets(exomes: pd.DataFrame, capture: Mapping[str, str], sheet: str) -> list[Problem]:
    """Return a problem for every capture kit without a BED of its targets."""
    why = (
        "the BED of the targets that were captured: without it all that no probe reaches, most of "
        "the genome, would look lost"
    )
    return _missing_by_platform(exomes, capture, sheet, ("capture BED", "wes: capture:", why))


def _missing_manifests(
    arrays: pd.DataFrame, manifest: Mapping[str, str], sheet: str
) -> list[Problem]:
    """Return a problem for every type of methylation array without a manifest."""
    why = "the manifest of the array, which says where each probe lies and which colour reads it"
    words = ("manifest", "methylation: manifest:", why)
    return _missing_by_platform(arrays, manifest, sheet, words)


def _missing_named(arrays: pd.DataFrame, settings: Mapping[str, Any], sheet: str) -> list[Problem]:
    """Return a problem for every table of positions, or mask, that is named but not there."""
    errors = []
    for setting, what in (("positions", "the places of its probes"), ("mask", "a list of probes")):
        for platform in arrays["platform"].unique():
            path = of_platform(str(platform), settings[setting])
            if path and not os.path.isfile(path):
                found = f"platform {platform!r}, but no file at {path!r}"
                hint = f"Correct it under methylation: {setting}: in the settings."
                errors.append(Problem(sheet, 0, "platform", found, what, hint))
    return errors


def _missing_by_platform(
    rows: pd.DataFrame, files: Mapping[str, str], sheet: str, words: tuple[str, str, str]
) -> list[Problem]:
    """Return a problem per platform without its file; `words`: the file, its setting, and why."""
    errors = []
    what, setting, why = words
    for platform, same in rows.groupby("platform", sort=False):
        path = of_platform(str(platform), files)
        if path and os.path.isfile(path):
            continue
        name = f" on platform {platform!r}" if platform else ""
        missing = f"no file at {path!r}" if path else f"no {what} in the settings"
        found = f"{_counted(len(same))} by {same['assay'].iloc[0]}{name}, but {missing}"
        key = str(platform) or ANY_PLATFORM
        hint = f"Name it under {setting} {key}: (or {ANY_PLATFORM}: for all) in the settings."
        errors.append(Problem(sheet, 0, "platform", found, why, hint))
    return errors


def _missing_for_rna(rows: pd.DataFrame, resources: Mapping[str, str], sheet: str) -> list[Problem]:
    """Return a problem where counts have no genes with places, CRAM or FASTQ no reference."""
    errors = []
    needs = (
        ("genes", (*COUNT_FORMATS, "fastq"), "with counts of genes",
         "the genes that the reads were counted in, with their places on GRCh38 (GFF3 or GTF)",
         "Name the annotation under resources: genes: in the settings."),
        ("reference", ("cram",), "in CRAM", "what CRAM is unpacked with",
         "Name the FASTA that the reads were aligned to under resources: reference:."),
        ("reference", ("fastq",), "in FASTQ", "the FASTA of GRCh38 that reads are aligned to",
         "Name it under resources: reference:."),
    )  # fmt: skip
    for what, formats, words, why, hint in needs:
        n, path = int(rows["format"].isin(formats).sum()), resources[what]
        if n and not (path and os.path.isfile(path)):
            where = f"file at {path!r}" if path else f"{what} in the settings"
            found = f"{_counted(n)} by rna {words}, but no {where}"
            errors.append(Problem(sheet, 0, "format", found, why, hint))
    return errors


def of_platform(platform: str, files: Mapping[str, str]) -> str:
    """Return the file of a platform by the settings (targets, manifest), '' where there is none."""
    return files.get(platform, "") or files.get(ANY_PLATFORM, "")


def _counted(n: int) -> str:
    return f"{n} measurement{'s' if n > 1 else ''}"
