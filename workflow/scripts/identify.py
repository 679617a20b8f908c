"""Compare genotypes between samples, of a line or of the whole bank, and judge identity."""

import pandas as pd
from linedrift import jobs, tables
from linedrift.identity import identity
from linedrift.quality.foreign_reads import source
from linedrift.quality.quality import failed


class Genotypes(dict):
    """Genotypes by (sample, assay), read when asked: a bank's do not fit in memory at once."""

    def __getitem__(self, key):
        return pd.read_parquet(super().__getitem__(key))

    def path(self, key):
        """Return the file of a measurement."""
        return super().__getitem__(key)

    def get(self, key, default=None):
        """Return the genotypes of a measurement, or `default` where it has none."""
        return self[key] if key in self else default


def with_sources(people, samples, quality, genotypes, params):
    """Add to the reason of each exome with foreign DNA whose it is."""
    foreign = quality[(quality["figure"] == "contamination") & (quality["assay"] == "wes")]
    foreign = foreign[foreign["state"].isin(["warn", "fail"])]
    persons = dict(zip(genotypes, samples["person"], strict=True))
    for key in zip(foreign["sample"], foreign["assay"], strict=True):
        strangers = Genotypes(
            {other: genotypes.path(other) for other in genotypes if persons[other] != persons[key]}
        )
        if not strangers:
            continue  # of one line nobody else is compared: the bank's table says whose it is
        found = source(genotypes[key], strangers, persons, params.overdispersion)
        row = (people["sample"] == key[0]) & (people["assay"] == key[1])
        said = identity.named_source(found, params.settings)
        people.loc[row, "reason"] = [
            "; ".join(filter(None, [reason, said])) for reason in people.loc[row, "reason"]
        ]
    return people


def main(job):
    """Read genotypes and quality, write the pairs and the identity of each measurement."""
    samples = pd.DataFrame(job.params.measurements)
    keys = list(zip(samples["sample"], samples["assay"], strict=True))
    quality = pd.concat(
        [tables.QUALITY.empty(), *(tables.read(path, tables.QUALITY) for path in job.input.quality)]
    )
    by_key = {key: failed(rows) for key, rows in quality.groupby(["sample", "assay"])}
    samples["family"] = ""
    samples["failed"] = [by_key.get(key, "") for key in keys]
    genotypes = Genotypes(zip(keys, job.input.genotypes, strict=True))
    pairs = identity.compare(samples, genotypes, job.params.settings)
    people = identity.judge(samples, pairs, quality, job.params.settings)
    people = with_sources(people, samples, quality, genotypes, job.params)
    tables.write(pairs, job.output.pairs, tables.IDENTITY_PAIRS)
    tables.write(people, job.output.identity, tables.IDENTITY)
    wrong = people.loc[people["state"] == "failed", "sample"]
    return f"{len(samples)} measurements, {len(pairs)} pairs; failed: {', '.join(wrong) or 'none'}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
