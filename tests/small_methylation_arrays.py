"""A methylation array of a few thousand probes with planted betas, as files of the vendor."""

from dataclasses import dataclass
from pathlib import Path

import idat_files
import numpy as np
import pandas as pd
from linedrift.genome import CHROMOSOMES

BACKGROUND, BACKGROUND_SD = 400.0, 60.0
COLUMNS = [
    "IlmnID", "Name", "AddressA_ID", "AlleleA_ProbeSeq", "AddressB_ID", "AlleleB_ProbeSeq",
    "Infinium_Design_Type", "Next_Base", "Color_Channel", "Genome_Build", "CHR", "MAPINFO",
    "Strand",
]  # fmt: skip


@dataclass(frozen=True)
class SmallArray:
    """Rows of a manifest, its controls, and what is planted: beta and light per probe."""

    rows: pd.DataFrame
    controls: list[tuple[int, str, str, str]]
    beta: np.ndarray
    light: np.ndarray

    def values(
        self, *, seed: int = 1, red: float = 1.0, conversion: float = 0.97, noise: float = 1.0
    ) -> pd.DataFrame:
        """Return address, green, red and beads as a scanner gives them.

        `red` is how much brighter the red dye is than the green one. Unconverted C behind red
        probes is read as a G in green.
        """
        rng = np.random.default_rng(seed)
        methylated, unmethylated = self.light * self.beta, self.light * (1 - self.beta)
        design, colour = self.rows["Infinium_Design_Type"], self.rows["Color_Channel"]
        first, is_red = (design == "I").to_numpy(), (colour == "Red").to_numpy()
        a, b = (self.rows[f"Address{one}_ID"].to_numpy() for one in "AB")
        behind = np.where(self.rows["Next_Base"] == "A", 0.5 * (1 - conversion), 0.0)
        green_a = np.where(is_red, behind * unmethylated, np.where(first, unmethylated, methylated))
        red_a = np.where(first & ~is_red, 0.0, unmethylated)
        green_b = np.where(is_red, behind * methylated, methylated)[first]
        red_b = np.where(is_red, methylated, 0.0)[first]
        lit = pd.DataFrame(
            {
                "address": np.concatenate([a, b[first].astype(int)]),
                "green": np.concatenate([green_a, green_b]),
                "red": np.concatenate([red_a, red_b]),
            }
        )
        for name, scale in (("green", 1.0), ("red", red)):
            dark = rng.normal(BACKGROUND, noise * BACKGROUND_SD, len(lit))
            lit[name] = np.clip(scale * (lit[name] + dark), 0, 65_535)
        lit["beads"] = rng.integers(6, 20, len(lit))
        controls = idat_files.control_values(
            self.controls, conversion=conversion, red_over_green=red
        )
        both = pd.concat([lit, controls]) if len(controls) else lit
        return both.round().astype("int64").sort_values("address", ignore_index=True)


def small_array(
    seed: int = 0, *, n: int = 6000, sex: str = "female", with_controls: bool = True
) -> SmallArray:
    """Return an array with CpGs on all chromosomes, 20 SNP probes and 10 CpH probes."""
    rng = np.random.default_rng(seed)
    kinds = np.array(["cg"] * (n - 30) + ["rs"] * 20 + ["ch"] * 10)
    names = np.array([f"{kind}{at:08d}" for at, kind in enumerate(kinds)])
    first = rng.random(n) < 0.5
    is_red = first & (rng.random(n) < 0.6)
    address = 1000 + rng.permutation(2 * n)
    base = np.where(is_red, rng.choice(["A", "T"], n), rng.choice(["C", "G"], n))
    chrom = np.array(CHROMOSOMES)[np.arange(n) % 24]
    rows = pd.DataFrame(
        {
            "IlmnID": names,
            "Name": names,
            "AddressA_ID": address[:n],
            "AlleleA_ProbeSeq": "ACGT",
            "AddressB_ID": np.where(first, address[n:].astype(str), ""),
            "AlleleB_ProbeSeq": "",
            "Infinium_Design_Type": np.where(first, "I", "II"),
            "Next_Base": np.where(first, base, ""),
            "Color_Channel": np.where(first, np.where(is_red, "Red", "Grn"), ""),
            "Genome_Build": "38",
            "CHR": [one.removeprefix("chr") for one in chrom],
            "MAPINFO": 3_000_000 + 7_000 * (np.arange(n) // 24),
            "Strand": "F",
        }
    )[COLUMNS]
    rows["AddressB_ID"] = rows["AddressB_ID"].replace("", "0").astype("int64")
    beta = np.where(rng.random(n) < 0.6, rng.beta(1, 20, n), rng.beta(20, 1, n))
    beta[kinds == "rs"] = rng.choice([0.03, 0.5, 0.97], 20)
    light = rng.lognormal(np.log(9000), 0.3, n)
    if sex == "male":
        light = np.where(chrom == "chrX", 0.65 * light, light)
    light = np.where(chrom == "chrY", (0.55 if sex == "male" else 0.0) * light, light)
    controls = idat_files.controls_of(500_000) if with_controls else []
    return SmallArray(rows, controls, beta, light)


def write_manifest(folder: Path, array: SmallArray, name: str = "manifest.csv", **more) -> Path:
    """Write the manifest as Illumina does: blank where there is no second address."""
    rows = array.rows.assign(
        AddressB_ID=array.rows["AddressB_ID"].astype(str).replace("0", ""),
        AddressA_ID=array.rows["AddressA_ID"].map("{:010d}".format),
    )
    return idat_files.write_manifest(folder / name, rows, array.controls, **more)
