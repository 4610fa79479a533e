//! Which unit is a position in? The R-tree over envelopes and the exact test by the owner rule.
