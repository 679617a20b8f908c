"""Place holder."""

from linedrift import jobs, sheets
