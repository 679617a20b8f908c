"""The page docs/tables.md, made from the frame contracts of all modules that have any."""

from __future__ import annotations

import pandas as pd

from linedrift import methylation_tables, readout_tables, rna_tables, sequencing_tables, tables

ALL = (
    *tables.ALL, *sequencing_tables.ALL, *rna_tables.ALL, *methylation_tables.ALL,
    *readout_tables.ALL,
)  # fmt: skip


def markdown() -> str:
    """Return the page docs/tables.md, which a test keeps equal to the contracts."""
    parts = [
        "# Tables\n\nMade from `tables.py` and the other modules of tables by "
        "`python -m linedrift.table_docs`; do not edit.\n"
    ]
    for table in ALL:
        parts.append(
            f"## {table.name}\n\nOne row: {table.rows}.\n\n"
            "| column | type | unit | meaning |\n|---|---|---|---|\n"
        )
        for column in table.columns:
            dtype = (
                "category" if isinstance(column.dtype, pd.CategoricalDtype) else str(column.dtype)
            )
            values = f" ({', '.join(column.allowed)})" if column.allowed else ""
            parts.append(f"| {column.name} | {dtype} | {column.unit} | {column.doc}{values} |\n")
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
