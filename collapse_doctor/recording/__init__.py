"""Record: observations kept in memory within bounds, or in a folder that survives a kill."""
