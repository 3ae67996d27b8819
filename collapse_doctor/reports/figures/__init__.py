"""Static charts: one file per kind, each a pure function from numbers to a :class:`Chart`."""
