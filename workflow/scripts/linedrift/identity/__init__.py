"""Identity: whose sample it is, by genotypes."""
