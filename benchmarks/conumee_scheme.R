# The segmentation of conumee2 on its bins: chrom, pos, ratio, weight in; segments out.
arguments <- commandArgs(trailingOnly = TRUE)
suppressPackageStartupMessages(library(DNAcopy))
set.seed(1)
bins <- read.delim(arguments[1], stringsAsFactors = FALSE)
cna <- CNA(bins$ratio, bins$chrom, bins$pos, data.type = "logratio", sampleid = "line")
found <- segment(cna, weights = bins$weight, alpha = 0.001, nperm = 50000, min.width = 5,
                 undo.splits = "sdundo", undo.SD = 2.2, verbose = 0)$output
write.table(found, arguments[2], sep = "\t", quote = FALSE, row.names = FALSE)
