"""One process that takes a pair from FinalReports to calls; prints its CPU seconds as JSON.

    python speed_child.py DONOR LINE

Only what a job of the workflow imports is imported; start-up, imports and the loading of compiled
code are timed apart from the work.
"""

import json
import sys
import time

CLOCK = time.process_time  # since the interpreter started, all threads


def main() -> None:
    """Time every step by the CPU it takes."""
    marks = [("interpreter", CLOCK())]

    def mark(step: str) -> None:
        marks.append((step, CLOCK()))

    import engine
    import numpy as np
    from linedrift import genome
    from linedrift.events import events, segmentation
    from linedrift.readers import array
    from linedrift.signals.contrast import contrast

    settings, regions = engine.config(), engine.regions()
    karyotype = genome.Karyotype("female")
    mark("imports")
    nothing, one = np.zeros(2), np.array([0.0, 0.1])
    segmentation._best_path(nothing, one + 1, nothing, one + 1, one, one, 7.0, 0.05)
    mark("compiled code")
    paths = sys.argv[1:]
    donor, line = (array.read(path, format="final_report").signals for path in paths)
    mark("read")
    of_line, noise = contrast(line, [donor], karyotype, settings["contrast"])
    mark("contrast")
    found = segmentation.segment(of_line, noise, karyotype, settings["segmentation"])
    mark("segment")
    of_donor, noise_donor = contrast(donor, [], karyotype, settings["contrast"])
    mark("contrast of the donor, once a donor")
    measured = [
        events.Measurement("line-p5", 5, "snp_array", of_line, noise, found, baseline="donor-p0"),
        events.Measurement(
            "donor-p0", 0, "snp_array", of_donor, noise_donor, found.iloc[:0], role="donor"
        ),
    ]
    result = events.call(measured, karyotype, regions, settings["events"])
    mark("call")
    before = [0.0, *(at for _, at in marks[:-1])]
    steps = {step: at - start for (step, at), start in zip(marks, before, strict=True)}
    print(json.dumps({"steps": steps, "calls": len(result.calls)}))


if __name__ == "__main__":
    main()
