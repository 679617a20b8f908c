# DNAcopy on the log R ratio of a line minus its donor's: chrom, pos, ratio in; segments out.
arguments <- commandArgs(trailingOnly = TRUE)
suppressPackageStartupMessages(library(DNAcopy))
set.seed(1)
loaded <- proc.time()
signals <- read.delim(arguments[1], stringsAsFactors = FALSE)
cna <- CNA(signals$ratio, signals$chrom, signals$pos, data.type = "logratio", sampleid = "line")
found <- segment(smooth.CNA(cna), verbose = 0)$output
write.table(found, arguments[2], sep = "\t", quote = FALSE, row.names = FALSE)
took <- proc.time() - loaded
cat(loaded[["user.self"]] + loaded[["sys.self"]], took[["user.self"]] + took[["sys.self"]], "\n")
